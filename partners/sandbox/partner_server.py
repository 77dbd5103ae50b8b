"""A partner on loopback: signed questions and answers, and faults on demand.

What is common to all of them: a subclass adds the routes of its kind. Beside them each
listens to `/_sandbox/…`, by which tests and people look inside and make it unruly.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from partners.ports import Incoming
from partners.sandbox import deliveries
from partners.sandbox.notices import Notices
from partners.sandbox.orders import Fate, Order, Orders, Refused, State
from partners.sandbox.serving import HOST, Handler, Server
from partners.signing import HmacSigner, nonce_of

SWEEP_SECONDS = 0.2
NONCES_MAX = 10_000
_WRONG = "a secret that nobody shares"
_SYSTEM_ERROR = (500, b'{"code": "system_error"}')


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and by whom: somebody who shares our secret."""

    query: Mapping[str, str]
    told: Mapping[str, Any]

    def needed(self, name: str, kind: type = str) -> Any:
        """Return what must be there.

        Raises `Refused`.
        """
        value = self.told.get(name)
        if type(value) is not kind or value == "":
            raise Refused(400, "invalid", f"{name} is missing or no {kind.__name__}")
        return value

    @property
    def reference(self) -> str:
        """What the asker calls the order, told or asked for.

        Raises `Refused`.
        """
        found = self.query.get("reference")
        return found if found is not None else str(self.needed("reference"))


Route = tuple[str, str, Callable[..., tuple[int, dict[str, Any]]]]


@dataclass(slots=True)
class Faults:
    """What goes wrong; counters say how many of the next answers."""

    latency_seconds: float = 0.0  # before every answer
    silent_seconds: float = 0.0  # how long a lost answer keeps the asker waiting
    lose_questions: int = 0  # no answer, and nothing was done
    lose_answers: int = 0  # no answer, but it was done
    errors: int = 0  # 500, and nothing was done
    late_errors: int = 0  # 500, but it was done
    wrong_signatures: int = 0  # done, but signed by somebody else
    garbage: int = 0  # done, signed, and not to be read

    def is_due(self, name: str) -> bool:
        """Whether a fault is due now; it is used up by the question."""
        left: int = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


@dataclass(slots=True)
class _Nonces:
    """The nonces of the last questions: none may come twice."""

    _seen: dict[str, None] = field(default_factory=dict)

    def is_new(self, nonce: str) -> bool:
        if nonce in self._seen:
            return False
        self._seen[nonce] = None
        if len(self._seen) > NONCES_MAX:
            del self._seen[next(iter(self._seen))]
        return True


class PartnerSandbox:
    """A running partner; its `address` is what the adapter's settings want."""

    usual: ClassVar[Fate] = Fate.SUCCESS  # of orders that nobody has plans for

    def __init__(
        self,
        *,
        code: str,
        secret: str,
        port: int = 0,
        webhook_url: str | None = None,
        their_name: str = "jifen",
    ) -> None:
        self.code = code
        self.signer = HmacSigner(secret, ours=code, theirs=their_name)
        self.faults = Faults()
        self.orders = Orders(on_change=self._tell, usual=self.usual)
        self.notices = Notices(url=webhook_url, signer=self.signer)
        self._forger = HmacSigner(_WRONG, ours=code, theirs=their_name)
        self._nonces = _Nonces()
        self._lock = Lock()
        self._over = Event()
        self._routes = [
            (method, re.compile(pattern), route)
            for method, pattern, route in self.routes()
        ]
        self._server = _Server((HOST, port), _Handler)
        self._server.sandbox = self
        self.address = self._server.address
        self._threads = [
            Thread(target=self._server.serve_forever, args=[0.05], daemon=True),
            Thread(target=self._sweep, daemon=True),
        ]

    def routes(self) -> Sequence[Route]:
        """Return what this kind of partner can be asked."""
        raise NotImplementedError

    def tell_inside(self) -> dict[str, Any]:
        """Return what this kind of partner has on its books."""
        return {}

    def act(self, what: str, told: Mapping[str, Any]) -> object:  # noqa: ARG002 - hook
        """Do what only this kind of partner can be told under `/_sandbox/`.

        Raises `Refused`.
        """
        raise Refused(404, "unknown_path", f"nothing is called {what}")

    def forget(self) -> None:
        """Begin anew; a subclass forgets its own books too."""
        self.orders.forget()

    def __enter__(self) -> Self:
        self.notices.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self.notices.stop()
        for thread in self._threads:
            thread.join()

    def answer(self, asked: Incoming) -> tuple[int, bytes, dict[str, str]] | None:
        """Answer a question as told by the faults; None: not at all."""
        self._over.wait(self.faults.latency_seconds)
        if self._is_due("lose_questions"):
            self._over.wait(self.faults.silent_seconds)
            return None
        if self._is_due("errors"):
            return self._signed(asked, *_SYSTEM_ERROR)
        status, told = self._worked(asked)
        if self._is_due("lose_answers"):
            self._over.wait(self.faults.silent_seconds)
            return None
        body = json.dumps(told, ensure_ascii=False).encode()
        if self._is_due("late_errors"):
            status, body = _SYSTEM_ERROR
        if self._is_due("garbage"):
            body = b"<html>"
        by = self._forger if self._is_due("wrong_signatures") else self.signer
        return self._signed(asked, status, body, by=by)

    def control(self, path: str, told: dict[str, Any]) -> dict[str, Any]:
        """Do what is told under `/_sandbox/`; return the whole state.

        Raises `Refused`.
        """
        done: object = None
        match path.removeprefix("/_sandbox/").split("/"):
            case ["faults"]:
                self._set_faults(told)
            case ["webhook"]:
                self.notices.url = told["url"]
            case ["release"]:
                self.notices.release(reverse=bool(told.get("reverse")))
            case ["resend"]:
                self._resend(str(told["id"]))
            case ["settle"] if "reference" in told:
                state, reason = State(told["status"]), told.get("reason")
                self.orders.settle(told["reference"], state, reason)
            case ["settle"]:
                self.orders.settle_all()
            case ["forget"]:
                self.faults, self.notices.faults = Faults(), deliveries.Faults()
                self.forget()
            case ["state"]:
                pass
            case [what]:
                done = self.act(what, told)
            case _:
                raise Refused(404, "unknown_path", "nothing is there")
        return {
            "done": done,
            "orders": self.orders.state(),
            "notices": self.notices.state(),
            **self.tell_inside(),
        }

    def _set_faults(self, told: Mapping[str, Any]) -> None:
        rest = dict(told)
        with self.orders.lock:
            if "fates" in rest:
                self.orders.fates[:] = [Fate(name) for name in rest.pop("fates")]
            seconds = rest.pop("later_seconds", self.orders.later_seconds)
            self.orders.later_seconds = float(seconds)
        late = self.notices.faults
        for name in ("duplicate", "hold"):
            setattr(late, name, bool(rest.pop(name, getattr(late, name))))
        late.delay_seconds = float(rest.pop("delay_seconds", late.delay_seconds))
        for name, value in rest.items():
            kind = type(getattr(self.faults, name, None))
            if kind not in {int, float}:
                raise Refused(400, "invalid", f"no fault is called {name}")
            setattr(self.faults, name, kind(value))

    def _resend(self, name: str) -> None:
        try:
            self.notices.resend(name)
        except LookupError as error:
            raise Refused(404, "unknown_notice", "nothing has this name") from error

    def _worked(self, asked: Incoming) -> tuple[int, dict[str, Any]]:
        try:
            self._check(asked)
            return self._routed(asked)
        except Refused as refused:
            return refused.status, refused.told

    def _routed(self, asked: Incoming) -> tuple[int, dict[str, Any]]:
        path, _, query = asked.target.partition("?")
        for method, pattern, route in self._routes:
            match = pattern.fullmatch(path)
            if method == asked.method and match:
                return route(_question(query, asked.body), *match.groups())
        raise Refused(404, "unknown_path", "nothing is there")

    def _check(self, asked: Incoming) -> None:
        if not self.signer.is_genuine(asked, at=int(time.time())):
            raise Refused(401, "wrong_signature", "this is not signed, or too old")
        with self._lock:
            if not self._nonces.is_new(nonce_of(asked.headers)):
                raise Refused(401, "replayed", "this was asked before, word for word")

    def _is_due(self, name: str) -> bool:
        with self._lock:
            return self.faults.is_due(name)

    def _signed(
        self,
        asked: Incoming,
        status: int,
        body: bytes,
        *,
        by: HmacSigner | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        headers = (by or self.signer).sign_answer(
            asked, status=status, body=body, at=int(time.time())
        )
        return status, body, {**headers, "Content-Type": "application/json"}

    def _tell(self, order: Order) -> None:
        self.notices.tell(f"{order.kind}.updated", order.told())

    def _sweep(self) -> None:
        while not self._over.wait(SWEEP_SECONDS):
            self.orders.settle_due()


def _question(query: str, body: bytes) -> Question:
    try:
        told = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid", "the body is no JSON") from error
    if not isinstance(told, dict):
        raise Refused(400, "invalid", "the body is no object")
    return Question(dict(parse_qsl(query, keep_blank_values=True)), told)


class _Server(Server):
    sandbox: PartnerSandbox


class _Handler(Handler):
    server: _Server

    def answer(self, body: bytes) -> None:
        """Answer as the partner, or at its control door."""
        if self.path.startswith("/_sandbox/"):
            return self._control(body)
        asked = Incoming(self.command, self.path, dict(self.headers.items()), body)
        answer = self.server.sandbox.answer(asked)
        if answer is None:
            self.close_connection = True
            return None
        return self.send(*answer)

    def _control(self, body: bytes) -> None:
        status, found = 200, {}
        try:
            found = self.server.sandbox.control(self.path, json.loads(body or b"{}"))
        except Refused as refused:
            status, found = refused.status, refused.told
        except (KeyError, TypeError, ValueError) as error:
            status = 400
            found = {"code": "invalid", "reason": f"{type(error).__name__}: {error}"}
        payload = json.dumps(found, ensure_ascii=False).encode()
        return self.send(status, payload, {"Content-Type": "application/json"})

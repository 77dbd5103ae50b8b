"""Adapters with their sandboxes over HTTP, as the contract tests want them."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from partners.ports import Incoming, Outcome, Receipt
from partners.sandbox.partner_server import PartnerSandbox
from partners.testing import Bench, Plan

SHARED_SECRET = "shared by the tests and their sandbox"
PATIENCE_SECONDS = 30
_OPENER = build_opener(ProxyHandler({}))
_FAULTS: dict[Plan, dict[str, Any]] = {
    Plan.DO: {"fates": ["success"]},
    Plan.REFUSE: {"fates": ["failure"]},
    Plan.LEAVE_PENDING: {"fates": ["pending"]},
    Plan.LOSE_QUESTION: {"lose_questions": 1},
    Plan.LOSE_ANSWER: {"fates": ["success"], "lose_answers": 1},
    Plan.FAIL_BEFORE: {"errors": 1},
    Plan.FAIL_AFTER: {"fates": ["success"], "late_errors": 1},
    Plan.SIGN_WRONGLY: {"fates": ["success"], "wrong_signatures": 1},
    Plan.TALK_NONSENSE: {"fates": ["success"], "garbage": 1},
}
_STATES = {Outcome.CONFIRMED: "success", Outcome.DECLINED: "failure"}


def tell(address: str, what: str, **told: object) -> dict[str, Any]:
    """Tell a sandbox something at its control door; return its state."""
    request = Request(  # noqa: S310 - our own server
        f"{address}/_sandbox/{what}", json.dumps(told).encode()
    )
    try:
        with _OPENER.open(request, timeout=PATIENCE_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        raise AssertionError(error.read().decode()) from error
    return found


def nowhere() -> str:
    """Return an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def connection(sandbox: PartnerSandbox, **told: object) -> dict[str, Any]:
    """Return the settings that an adapter for a sandbox needs."""
    return {
        "code": sandbox.code,
        "address": sandbox.address,
        "secret": SHARED_SECRET,
        "allow_loopback": True,
        **told,
    }


def bench_of(
    sandbox: PartnerSandbox,
    make: Callable[[str], Any],
    *,
    ask: Callable[[Any, str], Receipt],
    ask_other: Callable[[Any, str], Receipt],
) -> Bench:
    """Return the bench of an adapter that `make` makes for an address."""
    adapter, lost = make(sandbox.address), make(nowhere())

    def done(reference: str) -> int:
        orders = tell(sandbox.address, "state")["orders"]
        return sum(o["done"] for o in orders if o["reference"] == reference)

    return Bench(
        ask=lambda reference: ask(adapter, reference),
        ask_other=lambda reference: ask_other(adapter, reference),
        look_up=adapter.look_up,
        ask_nobody=lambda reference: ask(lost, reference),
        look_up_nobody=lost.look_up,
        plan=plan_of(sandbox),
        decide=lambda reference, outcome: _decide(sandbox, reference, outcome),
        done=done,
    )


def plan_of(sandbox: PartnerSandbox) -> Callable[[Plan], None]:
    """Return what makes a sandbox unruly for its next answer."""
    return lambda plan: _plan(sandbox, plan)


@dataclass
class Ear:
    """Hears notices, and answers that they came."""

    url: str
    heard: list[Incoming] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)

    def take(self, incoming: Incoming) -> None:
        with self._changed:
            self.heard.append(incoming)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Incoming]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while len(self.heard) < count:
                assert time.monotonic() < deadline, f"only {len(self.heard)} came"
                self._changed.wait(1)
            return list(self.heard)


@contextmanager
def hearing(
    answer: Callable[[Incoming], tuple[dict[str, str], bytes]] = lambda _: ({}, b"{}"),
) -> Iterator[Ear]:
    """Listen for notices and questions on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            incoming = Incoming("POST", self.path, dict(self.headers.items()), body)
            ear.take(incoming)
            headers, answered = answer(incoming)
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ear = Ear(f"http://127.0.0.1:{server.server_address[1]}/hooks/partners/MU")
        thread = Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield ear
        finally:
            server.shutdown()
            thread.join()


def _plan(sandbox: PartnerSandbox, plan: Plan) -> None:
    tell(sandbox.address, "faults", **_FAULTS[plan])


def _decide(sandbox: PartnerSandbox, reference: str, outcome: Outcome) -> None:
    tell(
        sandbox.address,
        "settle",
        reference=reference,
        status=_STATES[outcome],
        reason="so it was decided",
    )

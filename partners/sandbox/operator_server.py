"""A billing system of our own on loopback: bills, prepaid balances and lines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from partners.sandbox.orders import Effect, Order, Refused, State
from partners.sandbox.pages import page_told
from partners.sandbox.partner_server import PartnerSandbox, Question, Route
from partners.signing import new_nonce
from partners.transport import NoReply, NotSent, Transport, Unreadable

SINCE = "2005-03-01T00:00:00+08:00"


@dataclass(slots=True)
class Line:
    """A telephone line, and the money on it."""

    msisdn: str
    state: str = "active"
    since: str = SINCE
    sim_changed_at: str | None = None
    balance_fen: int = 0


@dataclass(slots=True)
class _Books:
    # A line that nobody has told of is an ordinary one.
    lines: dict[str, Line] = field(default_factory=dict)
    billing: list[Any] = field(default_factory=list)  # as written, good or bad


class OperatorSandbox(PartnerSandbox):
    """The running billing system."""

    def __init__(self, **facts: Any) -> None:
        self._books = _Books()
        super().__init__(**facts)

    def routes(self) -> Sequence[Route]:
        """Return what billing can be asked."""
        return (
            ("POST", "/v1/prepaid-credits", self._credit),
            ("GET", "/v1/prepaid-credits", self._look_up),
            ("POST", "/v1/prepaid-take-backs", self._take_back),
            ("GET", "/v1/lines", self._line),
            ("GET", "/v1/billing-lines", self._billing_lines),
        )

    def tell_inside(self) -> dict[str, Any]:
        """Return the lines that are known, with their balances."""
        with self.orders.lock:
            lines = self._books.lines.values()
            return {"lines": {line.msisdn: asdict(line) for line in lines}}

    def act(self, what: str, told: Mapping[str, Any]) -> object:
        """Change `lines`: state, since, sim_changed_at or balance_fen of one.

        Write `billing`, lines of bills and payments, or push `events` of lines, one or
        a list, to `url`. Raises `Refused`.
        """
        match what:
            case "lines":
                with self.orders.lock:
                    self._books.lines[told["msisdn"]] = Line(**told)
                return told["msisdn"]
            case "billing":
                with self.orders.lock:
                    self._books.billing += told["lines"]
                return None
            case "events":
                return self._push(told["url"], told["events"])
            case _:
                return super().act(what, told)

    def forget(self) -> None:
        """Begin anew; no line has money on it."""
        with self.orders.lock:
            super().forget()
            self._books = _Books()

    def _push(self, url: str, events: Any) -> dict[str, Any]:
        """Tell what happened to lines; return what was answered."""
        parts = urlsplit(url)
        try:
            hook = Transport(
                f"{parts.scheme}://{parts.netloc}",
                signer=self.signer,
                allow_loopback=True,
            )
            reply = hook.post(parts.path, events, idempotency_key=new_nonce())
            return {"status": reply.status, "told": reply.json()}
        except (NotSent, NoReply, Unreadable, ValueError) as error:
            # `status` None: nobody answered, or it was not us.
            return {"status": None, "reason": str(error)}

    def _credit(self, asked: Question) -> tuple[int, dict[str, Any]]:
        msisdn, fen = self._sum(asked)
        facts = {"msisdn": msisdn, "amountFen": fen}
        effect = Effect(lambda: self._add(msisdn, fen), lambda: self._add(msisdn, -fen))
        return _told(self.orders.place("credit", asked.reference, facts, effect))

    def _take_back(self, asked: Question) -> tuple[int, dict[str, Any]]:
        msisdn, fen = self._sum(asked)
        original = asked.needed("original")
        facts = {"msisdn": msisdn, "amountFen": fen, "original": original}

        def do() -> str | None:
            credit = self.orders.get(original)
            if credit.state is not State.SUCCESS or "status" in credit.extra:
                return "nothing to take back"
            if (credit.facts["msisdn"], credit.facts["amountFen"]) != (msisdn, fen):
                return "another credit"
            reason = self._add(msisdn, -fen)
            if reason is None:
                credit.extra["status"] = "taken_back"
            return reason

        def undo() -> str | None:
            self.orders.get(original).extra.pop("status", None)
            return self._add(msisdn, fen)

        effect = Effect(do, undo)
        return _told(self.orders.place("take_back", asked.reference, facts, effect))

    def _look_up(self, asked: Question) -> tuple[int, dict[str, Any]]:
        return 200, self.orders.get(asked.reference).told()

    def _line(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            line = self._known(asked.query.get("msisdn", ""))
            return 200, {
                "msisdn": line.msisdn,
                "state": line.state,
                "since": line.since,
                "simChangedAt": line.sim_changed_at,
            }

    def _billing_lines(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            return 200, page_told(asked, self._books.billing)

    def _sum(self, asked: Question) -> tuple[str, int]:
        fen = asked.needed("amountFen", int)
        if fen <= 0:
            raise Refused(422, "invalid", "an amount is above zero")
        return asked.needed("msisdn"), fen

    def _known(self, msisdn: str) -> Line:
        if not (msisdn.isascii() and msisdn.isdecimal()):
            raise Refused(404, "unknown_reference", "no line has this number")
        return self._books.lines.setdefault(msisdn, Line(msisdn))

    def _add(self, msisdn: str, fen: int) -> str | None:
        """Change the balance of a line; return why not."""
        line = self._known(msisdn)
        if line.state in {"ported_out", "closed"}:
            return "the line has ended"
        if line.balance_fen + fen < 0:
            return "the balance is spent"
        line.balance_fen += fen
        return None


def _told(order: Order) -> tuple[int, dict[str, Any]]:
    return 202 if order.state is State.PENDING else 201, order.told()

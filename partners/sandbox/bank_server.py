"""A bank of our own on loopback: posted card lines, card functions, and a desk."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from partners.sandbox.balances import told_balance
from partners.sandbox.orders import Effect, Fate, Refused, State
from partners.sandbox.pages import page_told
from partners.sandbox.partner_server import PartnerSandbox, Question, Route
from partners.transport import NoReply, NotSent, Transport, Unreadable

CARDS_OF_THE_HOUSE = ("CEB-CHEN-1", "CEB-ZHAO-1", "CEB-WANG-1", "CEB-LI-1")


@dataclass(slots=True)
class _Books:
    # Whether a card's financial function is on, by the bank's token.
    cards: dict[str, bool] = field(
        default_factory=lambda: dict.fromkeys(CARDS_OF_THE_HOUSE, True)
    )
    lines: list[Any] = field(default_factory=list)  # as posted, good or bad
    # Points of the bank's own by card, and of these by last good day.
    points: dict[str, int] = field(default_factory=dict)
    expiring: dict[str, dict[str, int]] = field(default_factory=dict)


class BankSandbox(PartnerSandbox):
    """The running bank; it acknowledges instructions a little later."""

    usual = Fate.PENDING_SUCCESS

    def __init__(self, **facts: Any) -> None:
        self._books = _Books()
        super().__init__(**facts)

    def routes(self) -> Sequence[Route]:
        """Return what a bank can be asked."""
        return (
            ("GET", "/v1/card-lines", self._card_lines),
            ("POST", "/v1/card-function-cancellations", self._cancel),
            ("GET", "/v1/instructions", self._instruction),
            ("GET", "/v1/balances", self._balance),
        )

    def tell_inside(self) -> dict[str, Any]:
        """Return the cards with their function, and how many lines there are."""
        with self.orders.lock:
            return {
                "cards": dict(self._books.cards),
                "lines": len(self._books.lines),
            }

    def act(self, what: str, told: Mapping[str, Any]) -> object:
        """Issue `cards`, post `lines`, set `points`, or `burn` points at the desk.

        Raises `Refused`.
        """
        match what:
            case "cards":
                with self.orders.lock:
                    self._books.cards |= dict.fromkeys(told["accounts"], True)
                return None
            case "lines":
                with self.orders.lock:
                    self._books.lines += told["lines"]
                return None
            case "points":
                with self.orders.lock:
                    account = told["account"]
                    self._books.points[account] = told["points"]
                    self._books.expiring[account] = dict(told.get("expiring", {}))
                return None
            case "burn":
                return self._burn(told)
            case _:
                return super().act(what, told)

    def forget(self) -> None:
        """Begin anew with the cards of the house."""
        with self.orders.lock:
            super().forget()
            self._books = _Books()

    def _card_lines(self, asked: Question) -> tuple[int, dict[str, Any]]:
        with self.orders.lock:
            return 200, page_told(asked, self._books.lines)

    def _cancel(self, asked: Question) -> tuple[int, dict[str, Any]]:
        reference, account = asked.reference, asked.needed("account")
        facts = {
            "account": account,
            "cause": asked.needed("cause"),
            "effectiveOn": asked.needed("effectiveOn"),
        }

        def do() -> str | None:
            if account not in self._books.cards:
                return "unknown card"
            self._books.cards[account] = False
            self.orders.get(reference).id = f"ACK{secrets.token_hex(8)}"
            return None

        def undo() -> str | None:
            self._books.cards[account] = True
            return None

        order = self.orders.place("card_function", reference, facts, Effect(do, undo))
        return 202 if order.state is State.PENDING else 200, order.told()

    def _instruction(self, asked: Question) -> tuple[int, dict[str, Any]]:
        return 200, self.orders.get(asked.reference).told()

    def _balance(self, asked: Question) -> tuple[int, dict[str, Any]]:
        account = asked.query.get("account", "")
        with self.orders.lock:
            if account not in self._books.cards:
                raise Refused(404, "unknown_reference", "there is no such card")
            points = self._books.points.get(account, 0)
            expiring = self._books.expiring.get(account, {})
        return 200, told_balance(account, f"{self.code}_POINT", points, expiring)

    def _burn(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for points at the desk; return what was answered.

        `url` says where, unless it is below the webhook; what else is told is asked
        as it is.
        """
        url = told.get("url") or f"{self.notices.url or ''}/burns"
        parts = urlsplit(url)
        asked = {
            "id": f"BURN{secrets.token_hex(8)}",
            "occurredAt": datetime.now(UTC).isoformat(),
            **{name: value for name, value in told.items() if name != "url"},
        }
        try:
            desk = Transport(
                f"{parts.scheme}://{parts.netloc}",
                signer=self.signer,
                allow_loopback=True,
            )
            reply = desk.post(parts.path, asked, idempotency_key=str(asked["id"]))
            return {"id": asked["id"], "status": reply.status, "told": reply.json()}
        except (NotSent, NoReply, Unreadable, ValueError) as error:
            # `status` None: nobody answered, or it was not us.
            return {"id": asked["id"], "status": None, "reason": str(error)}

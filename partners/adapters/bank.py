"""A bank with a co-brand card over JSON: posted lines, card functions, its own desk.

What the bank sends about a card is a token of its own; a line that carries what may be
a card's number is refused unread (domain.md 3.4, 4.5).
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from partners import asking, balances
from partners.connection import Connection
from partners.matching import luhn_holds
from partners.pages import BadLineFound, NoPage, page_of
from partners.ports import (
    AccountBalance,
    BadLine,
    BankBurn,
    CardInstruction,
    CardLine,
    CardLines,
    Incoming,
    Notice,
    Outcome,
    Receipt,
)
from partners.registry import Kind, Plugin

_OUTCOMES = {
    "success": Outcome.CONFIRMED,
    "failure": Outcome.DECLINED,
    "pending": Outcome.PENDING,
}
_NOTICES = {"card_function.updated"}
_SPENT = {"purchase", "cash", "fee", "interest"}
_GIVEN_BACK = {"refund", "chargeback"}
_MCC = re.compile(r"[0-9]{4}")
_CARD_NUMBER = re.compile(r"[0-9]{13,19}")
_BETWEEN_DIGITS = re.compile(r"[ -]")
AMOUNT_FEN_MAX = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSettings(Connection):
    """Where the bank is."""


class Bank:
    """Reads a bank's posted lines, instructs it, and hears its desk."""

    def __init__(
        self, settings: BankSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = settings.transport(clock=clock)

    def posted_lines(self, cursor: str | None, *, limit: int) -> CardLines:
        """Fetch what was posted after the cursor; None: from the beginning."""
        query = {"limit": str(limit)} | ({} if cursor is None else {"after": cursor})
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/card-lines", query)
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return CardLines(receipt.outcome, reason=receipt.reason)
        return _lines(told, cursor=cursor, limit=limit)

    def cancel_card_function(self, order: CardInstruction) -> Receipt:
        """Instruct the bank; PENDING until it acknowledges, as it mostly is."""
        told = {
            "reference": order.reference,
            "account": order.account_ref,
            "cause": order.cause,
            "effectiveOn": order.effective_on.isoformat(),
        }
        return asking.order(
            lambda: self._transport.post(
                "/v1/card-function-cancellations", told, idempotency_key=order.reference
            ),
            outcomes=_OUTCOMES,
            reference=order.reference,
        )

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an instruction."""
        return asking.look_up(
            lambda: self._transport.get("/v1/instructions", {"reference": reference}),
            outcomes=_OUTCOMES,
            reference=reference,
        )

    def balance(self, account_ref: str) -> AccountBalance:
        """Ask how many points of the bank's own a card has."""
        return balances.read(
            lambda: self._transport.get("/v1/balances", {"account": account_ref}),
            account_ref=account_ref,
        )

    def notice(self, incoming: Incoming) -> Notice | None:
        """Return what the bank told us; None: it was not the bank."""
        if not self._transport.is_genuine(incoming):
            return None
        return asking.notice(incoming.body, kinds=_NOTICES, outcomes=_OUTCOMES)

    def burn(self, incoming: Incoming) -> BankBurn | None:
        """Return what the desk asks for; None: not the bank, or no such thing."""
        if not self._transport.is_genuine(incoming):
            return None
        try:
            return _burn(json.loads(incoming.body))
        except (ValueError, LookupError, TypeError, RecursionError):
            return None

    def sign(self, incoming: Incoming, *, status: int, body: bytes) -> dict[str, str]:
        """Return the headers that prove our answer to be ours, and to this question."""
        return self._transport.sign_answer(incoming, status=status, body=body)


def _lines(told: Mapping[str, Any], *, cursor: str | None, limit: int) -> CardLines:
    """Read a page; a bad line never hides the next one, nor moves the cursor back."""
    try:
        page = page_of(told, cursor=cursor, limit=limit)
    except NoPage as error:
        return CardLines(Outcome.UNKNOWN, reason=str(error))
    lines: list[CardLine] = []
    bad_lines: list[BadLine] = []
    for position, raw in enumerate(page.lines, start=1):
        try:
            lines.append(_line(raw))
        except BadLineFound as bad:
            bad_lines.append(BadLine(position, str(bad), _safe_ref(raw)))
    return CardLines(
        Outcome.CONFIRMED,
        lines=tuple(lines),
        bad_lines=tuple(bad_lines),
        cursor=page.cursor,
        has_more=page.has_more,
    )


def _line(raw: object) -> CardLine:
    """Read a line.

    Raises `BadLineFound`.
    """
    if not isinstance(raw, dict):
        raise BadLineFound("no object")
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in _SPENT | _GIVEN_BACK:
        raise BadLineFound("unknown kind")
    original_ref = raw.get("originalRef")
    if original_ref is not None or kind in _GIVEN_BACK:
        original_ref = _name(original_ref, "originalRef")
    return CardLine(
        partner_ref=_name(raw.get("id"), "id"),
        account_ref=_name(raw.get("account"), "account"),
        kind=kind,
        posted_on=_day(raw.get("postedOn")),
        amount_fen=_amount(raw.get("amountFen"), is_given_back=kind in _GIVEN_BACK),
        mcc=_mcc(raw.get("mcc")),
        original_ref=original_ref,
    )


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= asking.REF_LENGTH_MAX:
        raise BadLineFound(f"{what} is missing or too long")
    if _may_be_card_number(value):
        raise BadLineFound(f"{what} may be a card's number")
    return value


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise BadLineFound("postedOn is no day") from error


def _amount(value: object, *, is_given_back: bool) -> int:
    if type(value) is not int or not 0 < abs(value) <= AMOUNT_FEN_MAX:
        raise BadLineFound("amountFen is no amount")
    if (value < 0) is not is_given_back:
        raise BadLineFound("the sign contradicts the kind")
    return value


def _mcc(value: object) -> str:
    if not isinstance(value, str) or _MCC.fullmatch(value) is None:
        raise BadLineFound("mcc is no four digits")
    return value


def _may_be_card_number(value: str) -> bool:
    bare = _BETWEEN_DIGITS.sub("", value)
    return _CARD_NUMBER.fullmatch(bare) is not None and luhn_holds(bare)


def _safe_ref(raw: object) -> str | None:
    """Return the name of a bad line, unless the name is what is bad of it."""
    try:
        return _name(raw.get("id"), "id") if isinstance(raw, dict) else None
    except BadLineFound:
        return None


def _burn(told: dict[str, Any]) -> BankBurn:
    """Read what the desk asks for.

    Raises `ValueError` or `LookupError`.
    """
    points, amount_fen = told["points"], told.get("amountFen")
    partial = told.get("partialAllowed", False)
    occurred_at = datetime.fromisoformat(told["occurredAt"])
    amounts = (points,) if amount_fen is None else (points, amount_fen)
    if any(type(a) is not int or not 0 < a <= AMOUNT_FEN_MAX for a in amounts):
        raise ValueError("points and amounts are above zero")
    if not isinstance(partial, bool) or occurred_at.tzinfo is None:
        raise ValueError("no such thing can be asked")
    try:
        return BankBurn(
            partner_ref=_name(told["id"], "id"),
            account_ref=_name(told["account"], "account"),
            points=points,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            partial_allowed=partial,
        )
    except BadLineFound as bad:
        raise ValueError(str(bad)) from bad


PLUGIN = Plugin(Kind.BANK, BankSettings, Bank)

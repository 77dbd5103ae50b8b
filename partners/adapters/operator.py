"""The operator's billing over JSON: bills, payments, prepaid balances, lines.

What happens to lines it tells by itself: one event, or a list of them.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from partners import asking
from partners.connection import Connection
from partners.pages import BadLineFound, NoPage, page_of
from partners.ports import (
    BadLine,
    BilledLine,
    BillingLines,
    Incoming,
    LineEvent,
    LineStanding,
    Notice,
    Outcome,
    PaidLine,
    PrepaidOrder,
    Receipt,
)
from partners.registry import Kind, Plugin

_OUTCOMES = {
    "success": Outcome.CONFIRMED,
    "failure": Outcome.DECLINED,
    "pending": Outcome.PENDING,
    "taken_back": Outcome.DECLINED,
}
_NOTICES = {"credit.updated", "take_back.updated"}
LINE_STATES = frozenset(
    {"active", "suspended", "pre_cancelled", "ported_out", "closed"}
)
AMOUNT_FEN_MAX = 10**12
_MSISDN = re.compile(r"[0-9]{5,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings(Connection):
    """Where the billing system is."""


class Operator:
    """Credits prepaid balances, and knows the lines."""

    def __init__(
        self, settings: OperatorSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = settings.transport(clock=clock)

    def credit_prepaid(self, order: PrepaidOrder) -> Receipt:
        """Credit a line's prepaid balance, once per reference."""
        return self._place("/v1/prepaid-credits", order.reference, _told(order))

    def take_back(self, order: PrepaidOrder) -> Receipt:
        """Take back what was credited under this reference; no more than is left."""
        own = f"{order.reference}:back"
        told = _told(order) | {"reference": own, "original": order.reference}
        return self._place("/v1/prepaid-take-backs", own, told)

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of a credit; DECLINED if it was taken back."""
        return asking.look_up(
            lambda: self._transport.get(
                "/v1/prepaid-credits", {"reference": reference}
            ),
            outcomes=_OUTCOMES,
            reference=reference,
        )

    def line(self, msisdn: str) -> LineStanding:
        """Ask for the state of a line and the day of its SIM card."""
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/lines", {"msisdn": msisdn})
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return LineStanding(receipt.outcome, reason=receipt.reason)
        return _line(told, msisdn)

    def billing_lines(self, cursor: str | None, *, limit: int) -> BillingLines:
        """Fetch what was billed and paid after the cursor; None: from the beginning."""
        query = {"limit": str(limit)} | ({} if cursor is None else {"after": cursor})
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/billing-lines", query)
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return BillingLines(receipt.outcome, reason=receipt.reason)
        return _billing_lines(told, cursor=cursor, limit=limit)

    def notice(self, incoming: Incoming) -> Notice | None:
        """Return what billing told us; None: it was not billing."""
        if not self._transport.is_genuine(incoming):
            return None
        return asking.notice(incoming.body, kinds=_NOTICES, outcomes=_OUTCOMES)

    def line_events(self, incoming: Incoming) -> Sequence[LineEvent] | None:
        """Return what happened to lines; None: it was not billing, or no events."""
        if not self._transport.is_genuine(incoming):
            return None
        try:
            told = json.loads(incoming.body)
        except (ValueError, RecursionError):
            return None
        listed = told if isinstance(told, list) else [told]
        if not all(isinstance(one, dict) for one in listed):
            return None
        return [_event(one) for one in listed]

    def sign(self, incoming: Incoming, *, status: int, body: bytes) -> dict[str, str]:
        """Return the headers that prove our answer to be ours, and to this question."""
        return self._transport.sign_answer(incoming, status=status, body=body)

    def _place(self, path: str, reference: str, told: dict[str, object]) -> Receipt:
        return asking.order(
            lambda: self._transport.post(path, told, idempotency_key=reference),
            outcomes=_OUTCOMES,
            reference=reference,
        )


def _told(order: PrepaidOrder) -> dict[str, object]:
    return {
        "reference": order.reference,
        "msisdn": order.msisdn,
        "amountFen": order.amount_fen,
    }


def _event(told: Mapping[str, Any]) -> LineEvent:
    """Read an event; what is no text counts as not told."""
    words = {field.name: told.get(field.name) for field in fields(LineEvent)}
    return LineEvent(
        **{name: word for name, word in words.items() if isinstance(word, str)}
    )


def _billing_lines(
    told: Mapping[str, Any], *, cursor: str | None, limit: int
) -> BillingLines:
    """Read a page; a bad line never hides the next one, nor moves the cursor back."""
    try:
        page = page_of(told, cursor=cursor, limit=limit)
    except NoPage as error:
        return BillingLines(Outcome.UNKNOWN, reason=str(error))
    lines: list[BilledLine | PaidLine] = []
    bad_lines: list[BadLine] = []
    for position, raw in enumerate(page.lines, start=1):
        try:
            lines.append(_billing_line(raw))
        except BadLineFound as bad:
            name = raw.get("id") if isinstance(raw, dict) else None
            known = asking.text(name, length_max=asking.REF_LENGTH_MAX)
            bad_lines.append(BadLine(position, str(bad), known))
    return BillingLines(
        Outcome.CONFIRMED,
        lines=tuple(lines),
        bad_lines=tuple(bad_lines),
        cursor=page.cursor,
        has_more=page.has_more,
    )


def _billing_line(raw: object) -> BilledLine | PaidLine:
    """Read a bill or a payment.

    Raises `BadLineFound`.
    """
    if not isinstance(raw, dict):
        raise BadLineFound("no object")
    if raw.get("kind") == "bill":
        return BilledLine(
            bill_ref=_name(raw, "id"),
            msisdn=_msisdn(raw),
            period=_day(f"{raw.get('period')}-01", "period"),
            billed_on=_day(raw.get("billedOn"), "billedOn"),
            due_on=_day(raw.get("dueOn"), "dueOn"),
            amount_fen=_fen(raw),
        )
    if raw.get("kind") == "payment":
        return PaidLine(
            payment_ref=_name(raw, "id"),
            bill_ref=_name(raw, "billId"),
            paid_on=_day(raw.get("paidOn"), "paidOn"),
            amount_fen=_fen(raw),
        )
    raise BadLineFound("unknown kind")


def _name(raw: Mapping[str, Any], what: str) -> str:
    name = asking.text(raw.get(what), length_max=asking.REF_LENGTH_MAX)
    if name is None:
        raise BadLineFound(f"{what} is missing or too long")
    return name


def _msisdn(raw: Mapping[str, Any]) -> str:
    value = raw.get("msisdn")
    if not isinstance(value, str) or _MSISDN.fullmatch(value) is None:
        raise BadLineFound("msisdn is no number")
    return value


def _day(value: object, what: str) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise BadLineFound(f"{what} is no day") from error


def _fen(raw: Mapping[str, Any]) -> int:
    value = raw.get("amountFen")
    if type(value) is not int or abs(value) > AMOUNT_FEN_MAX:
        raise BadLineFound("amountFen is no amount")
    return value


def _line(told: Mapping[str, Any], msisdn: str) -> LineStanding:
    """Read a line; a state we do not know would be taken for a living one."""
    if told.get("msisdn") != msisdn or told.get("state") not in LINE_STATES:
        return LineStanding(Outcome.UNKNOWN, reason="the answer is no line's state")
    try:
        return LineStanding(
            Outcome.CONFIRMED,
            state=told["state"],
            since=_moment(told["since"]),
            sim_changed_at=(
                None
                if told.get("simChangedAt") is None
                else _moment(told["simChangedAt"])
            ),
        )
    except (LookupError, TypeError, ValueError):
        return LineStanding(Outcome.UNKNOWN, reason="the answer names no moment")


def _moment(words: str) -> datetime:
    moment = datetime.fromisoformat(words)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset")
    return moment


PLUGIN = Plugin(Kind.OPERATOR, OperatorSettings, Operator)

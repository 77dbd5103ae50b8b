"""From a partner's answer to a receipt of ours, the same way in every adapter.

What an answer does not say for certain is UNKNOWN: better to ask again than to give
back points for what was in fact done.
"""

import json
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from partners.ports import Notice, Outcome, Receipt
from partners.transport import NoReply, NotSent, Reply, Unreadable

_READ = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
UNKNOWN_REFERENCE = "unknown_reference"  # the code of a 404 that means it
REASON_LENGTH_MAX = 200
REF_LENGTH_MAX = 100

Outcomes = Mapping[str, Outcome]


def order(
    question: Callable[[], Reply], *, outcomes: Outcomes, reference: str | None = None
) -> Receipt:
    """Return what became of an order that was just placed.

    With a reference, an answer that names another one says nothing. A status that is
    not among the outcomes is UNKNOWN.
    """
    return _receipt(question, outcomes, reference, is_order=True)


def look_up(
    question: Callable[[], Reply], *, outcomes: Outcomes, reference: str | None
) -> Receipt:
    """Return what became of an order earlier; ABSENT if they never heard of it.

    A refusal here refuses the question, not the order, and is UNKNOWN.
    """
    return _receipt(question, outcomes, reference, is_order=False)


def read(question: Callable[[], Reply]) -> tuple[dict[str, Any], Receipt]:
    """Return what a question that changes nothing brought, and how it went.

    CONFIRMED: what was brought is an object; otherwise it is empty.
    """
    try:
        reply = question()
        if reply.status == HTTPStatus.ACCEPTED:
            return {}, Receipt(Outcome.PENDING)
        if reply.status == HTTPStatus.OK:
            return reply.json(), Receipt(Outcome.CONFIRMED)
        if _is_absent(reply):
            return {}, Receipt(Outcome.ABSENT)
    except (NotSent, NoReply, Unreadable) as error:
        return {}, Receipt(Outcome.UNKNOWN, reason=str(error))
    return {}, Receipt(Outcome.UNKNOWN, reason=f"answer {reply.status}")


def notice(body: bytes, *, kinds: Collection[str], outcomes: Outcomes) -> Notice | None:
    """Return what a genuine notice says; None: nothing that concerns an order."""
    try:
        told = json.loads(body)
        data = told["data"]
        reference = data["reference"]
        if told["type"] not in kinds or not isinstance(reference, str):
            return None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return Notice(reference, receipt_of(data, outcomes=outcomes, reference=reference))


def receipt_of(
    told: Mapping[str, Any], *, outcomes: Outcomes, reference: str | None
) -> Receipt:
    """Return what an order's description says of it."""
    if reference is not None and told.get("reference") != reference:
        return Receipt(Outcome.UNKNOWN, reason="the answer is about something else")
    return Receipt(
        outcomes.get(str(told.get("status")), Outcome.UNKNOWN),
        partner_ref=text(told.get("id"), length_max=REF_LENGTH_MAX),
        reason=text(told.get("reason"), length_max=REASON_LENGTH_MAX),
    )


def text(value: object, *, length_max: int) -> str | None:
    """Return words of a stranger, cut to a length; None: there are none."""
    return value[:length_max] if isinstance(value, str) and value else None


def _receipt(
    question: Callable[[], Reply],
    outcomes: Outcomes,
    reference: str | None,
    *,
    is_order: bool,
) -> Receipt:
    try:
        reply = question()
        if reply.status in _READ:
            return receipt_of(reply.json(), outcomes=outcomes, reference=reference)
        if is_order and reply.status in _REFUSED:
            return Receipt(Outcome.DECLINED, reason=_reason(reply))
        if not is_order and _is_absent(reply):
            return Receipt(Outcome.ABSENT, reason=_reason(reply))
    except NotSent as error:
        # Of a look-up that never left us nothing follows.
        outcome = Outcome.ABSENT if is_order else Outcome.UNKNOWN
        return Receipt(outcome, reason=str(error))
    except (NoReply, Unreadable) as error:
        return Receipt(Outcome.UNKNOWN, reason=str(error))
    return Receipt(Outcome.UNKNOWN, reason=f"answer {reply.status}")


def _is_absent(reply: Reply) -> bool:
    """Whether a 404 is the partner's word on a reference, not a wrong address."""
    return (
        reply.status == HTTPStatus.NOT_FOUND
        and reply.json().get("code") == UNKNOWN_REFERENCE
    )


def _reason(reply: Reply) -> str:
    told = reply.json()
    words = text(told.get("reason") or told.get("code"), length_max=REASON_LENGTH_MAX)
    return words or f"answer {reply.status}"

"""Bring orders on their way at partners and at the payment provider.

No transaction is open while anybody is asked. All of it is safe to repeat, by the
face that has just committed, by a hook, and by the job that chases what was left.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError

from loyalty.connections import Connections
from loyalty.database import Database, retrying
from loyalty.errors import LoyaltyError
from loyalty.keyring import Keyring
from loyalty.orders import queries, showing
from loyalty.orders.asking import Ask, claim, settle
from loyalty.orders.operations import lapse_review, paid, payment_expired
from loyalty.orders.rules import OVER_STATES, REVIEW_WITHIN, Question
from loyalty.orders.showing import OrderView
from loyalty.payments import delivery as payments
from loyalty.payments.delivery import Urls
from loyalty.settings import TIME_ZONE
from partners.ports import PaymentProvider, Receipt

log = logging.getLogger(__name__)

# More than one order can ever need in a row: credit, policy, cancelation, take back.
_QUESTIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class Chased:
    """What came of taking up what was left lying."""

    found: int
    ended: int  # nothing is to happen to them any more
    failed: int


def advance(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    member_id: int,
    order_ref: str,
    at: datetime,
    urls: Urls | None = None,
    language: str = "zh",
) -> OrderView:
    """Do all that can be done for an order now, and return how it stands.

    Opens the checkout, if told where it leads back to; credits what was prepaid; asks
    the insurer; closes a checkout nobody may use any more; refunds. An answer that
    does not come is asked for again later. Raises `UnknownOrder`.
    """
    key: dict[str, Any] = {"member_id": member_id, "order_ref": order_ref}
    view = _view(database, at=at, **key)
    provider = connections.payments
    if provider is not None and view.payment is not None:
        _settle_payment(database, provider, view, at=at, urls=urls, language=language)
    _ask_partners(database, connections, keyring, at=at, **key)
    view = _view(database, at=at, **key)
    if provider is not None and view.payment is not None:
        _close_loose_payment(database, provider, view, at=at)
        for refund in _view(database, at=at, **key).refunds:
            if refund.state == "asked":
                payments.refund(
                    database,
                    provider,
                    member_id=member_id,
                    refund_ref=refund.refund_ref,
                    at=at,
                )
    return _view(database, at=at, **key)


def chase(
    database: Database, connections: Connections, keyring: Keyring, *, at: datetime
) -> Chased:
    """Take up every order that was left lying, and do what can be done for it.

    Abandoned payments are closed at the provider before their points are released;
    large orders that nobody decided about are let go; partners whose answer did not
    come are asked again. One order that fails does not keep the others waiting.
    """
    with database.unit_of_work() as session:
        due = queries.due(session, at=at)
    ended = failed = 0
    for member_id, order_ref in due:
        key: dict[str, Any] = {"member_id": member_id, "order_ref": order_ref}
        try:
            if _is_review_over(database, at=at, **key):
                retrying(
                    database,
                    partial(lapse_review, actor="job:chase-orders", at=at, **key),
                )
            view = advance(database, connections, keyring, at=at, **key)
        except (LoyaltyError, DBAPIError):
            log.exception("order %s of member %d cannot go on", order_ref, member_id)
            failed += 1
        else:
            ended += not view.is_open
    return Chased(found=len(due), ended=ended, failed=failed)


def _ask_partners(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    member_id: int,
    order_ref: str,
    at: datetime,
) -> None:
    """Ask what is to be asked until nothing is, or no answer comes."""
    key: dict[str, Any] = {"member_id": member_id, "order_ref": order_ref, "at": at}
    for _ in range(_QUESTIONS_MAX):
        ask = retrying(database, partial(claim, keyring=keyring, **key))
        if ask is None:
            return
        receipt = _put(connections, ask)
        retrying(database, partial(settle, ask=ask, receipt=receipt, **key))


def _put(connections: Connections, ask: Ask) -> Receipt:
    """Put a question to whom it is for."""
    insurer, billing = connections.insurer, connections.billing
    match ask.what:
        case Question.ISSUE:
            assert ask.policy is not None
            return insurer.issue(ask.policy)
        case Question.LOOK_UP:
            return insurer.look_up(ask.reference)
        case Question.CANCEL:
            return insurer.cancel(ask.reference, policy_no=ask.policy_no)
        case Question.CREDIT:
            assert ask.prepaid is not None
            return billing.credit_prepaid(ask.prepaid)
        case Question.TAKE_BACK:
            assert ask.prepaid is not None
            return billing.take_back(ask.prepaid)
    raise AssertionError(ask.what)


def _settle_payment(
    database: Database,
    provider: PaymentProvider,
    view: OrderView,
    *,
    at: datetime,
    urls: Urls | None,
    language: str,
) -> None:
    """Open the page of a payment, or learn what became of it."""
    assert view.payment is not None
    if view.state != "awaiting_payment":
        return
    wanted: dict[str, Any] = {
        "member_id": view.member_id,
        "payment_ref": view.payment.payment_ref,
        "at": at,
    }
    state = view.payment.state
    if at >= view.payment.expires_at:
        state = payments.close(database, provider, **wanted).state
    elif state == "asked" and urls is not None:
        state = payments.open_checkout(
            database, provider, urls=urls, language=language, **wanted
        ).state
    elif state == "open":
        state = payments.look_up(database, provider, **wanted).state
    _tell(database, view, state, at=at)


def _close_loose_payment(
    database: Database, provider: PaymentProvider, view: OrderView, *, at: datetime
) -> None:
    """Close the page of an order that is over; who has paid is refunded."""
    assert view.payment is not None
    if view.state in OVER_STATES and view.payment.state in ("asked", "open"):
        closed = payments.close(
            database,
            provider,
            member_id=view.member_id,
            payment_ref=view.payment.payment_ref,
            at=at,
        )
        _tell(database, view, closed.state, at=at)


def _tell(database: Database, view: OrderView, state: str, *, at: datetime) -> None:
    """Tell an order how its payment stands, as the provider's own event would."""
    change = {"succeeded": paid, "expired": payment_expired}.get(state)
    if change is not None:
        key: dict[str, Any] = {"member_id": view.member_id, "order_ref": view.order_ref}
        retrying(database, partial(change, at=at, **key))


def _is_review_over(
    database: Database, *, member_id: int, order_ref: str, at: datetime
) -> bool:
    view = _view(database, member_id=member_id, order_ref=order_ref, at=at)
    return view.state == "awaiting_review" and at >= view.placed_at + REVIEW_WITHIN


def _view(
    database: Database, *, member_id: int, order_ref: str, at: datetime
) -> OrderView:
    with database.unit_of_work() as session:
        return showing.order(
            session,
            member_id=member_id,
            order_ref=order_ref,
            on=at.astimezone(TIME_ZONE).date(),
        )

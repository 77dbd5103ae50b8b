"""Bring purchases on their way at the payment provider.

No transaction is open while it is asked. All of it is safe to repeat, by the page, by
the provider's own events, and by the job that takes up what was left.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from loyalty.database import Database, retrying
from loyalty.errors import LoyaltyError
from loyalty.payments import delivery as payments
from loyalty.payments.delivery import Urls
from loyalty.payments.queries import payment as payment_of
from loyalty.payments.queries import refunds_of
from loyalty.purchases import queries
from loyalty.purchases.operations import paid, payment_expired, take_back
from loyalty.purchases.queries import PurchaseView
from partners.ports import PaymentProvider

log = logging.getLogger(__name__)

ACTOR: Final = "job:chase-purchases"
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True)
class Chased:
    """What came of taking up what was left lying."""

    found: int
    returned: int  # purchases of leavers that were refunded
    failed: int


def advance(
    database: Database,
    provider: PaymentProvider | None,
    *,
    member_id: int,
    purchase_ref: str,
    at: datetime,
    urls: Urls | None = None,
    language: str = "zh",
) -> PurchaseView:
    """Do all that can be done for a purchase now, and return how it stands.

    Opens the page to pay on, if told where it leads back to; learns what became of
    it; closes one nobody may use any more; gives money back that was decided to be.
    Raises `UnknownPurchase`.
    """
    key: dict[str, Any] = {"member_id": member_id, "purchase_ref": purchase_ref}
    view = _view(database, at=at, **key)
    if provider is None:
        return view
    if view.is_open:
        _settle(database, provider, view, at=at, urls=urls, language=language)
    with database.unit_of_work() as session:
        asked = [
            refund.refund_ref
            for refund in refunds_of(
                session, member_id=member_id, payment_ref=view.payment_ref
            )
            if refund.state == "asked"
        ]
    for refund_ref in asked:
        payments.refund(
            database, provider, member_id=member_id, refund_ref=refund_ref, at=at
        )
    return _view(database, at=at, **key)


def chase(
    database: Database, provider: PaymentProvider | None, *, at: datetime
) -> Chased:
    """Take up purchases that were left lying, and refund those of leavers.

    One that fails does not keep the others waiting.
    """
    with database.unit_of_work() as session:
        behind = queries.left_behind(session, limit=_CHUNK)
        due = queries.due(session, at=at)
    returned = failed = 0
    for member_id, purchase_ref in behind:
        work = partial(
            take_back,
            member_id=member_id,
            purchase_ref=purchase_ref,
            reason="has_left",
            actor=ACTOR,
            at=at,
        )
        try:
            retrying(database, work)
        except (LoyaltyError, DBAPIError):
            log.exception("purchase %s cannot be taken back", purchase_ref)
            failed += 1
        else:
            returned += 1
            due.append((member_id, purchase_ref))
    for member_id, purchase_ref in due:
        try:
            advance(
                database,
                provider,
                member_id=member_id,
                purchase_ref=purchase_ref,
                at=at,
            )
        except (LoyaltyError, DBAPIError):
            log.exception("purchase %s cannot go on", purchase_ref)
            failed += 1
    return Chased(found=len(due), returned=returned, failed=failed)


def _settle(
    database: Database,
    provider: PaymentProvider,
    view: PurchaseView,
    *,
    at: datetime,
    urls: Urls | None,
    language: str,
) -> None:
    """Open the page of a payment, or learn what became of it, and tell the purchase."""
    wanted: dict[str, Any] = {
        "member_id": view.member_id,
        "payment_ref": view.payment_ref,
        "at": at,
    }
    with database.unit_of_work() as session:
        known = payment_of(
            session, member_id=view.member_id, payment_ref=view.payment_ref
        )
        state, is_over = known.state, at >= known.expires_at
    if state in ("asked", "open") and is_over:
        state = payments.close(database, provider, **wanted).state
    elif state == "asked" and urls is not None:
        state = payments.open_checkout(
            database, provider, urls=urls, language=language, **wanted
        ).state
    elif state == "open":
        state = payments.look_up(database, provider, **wanted).state
    change = {"succeeded": paid, "expired": payment_expired}.get(state)
    if change is not None:
        retrying(
            database,
            partial(
                change,
                member_id=view.member_id,
                purchase_ref=view.purchase_ref,
                at=at,
            ),
        )


def _view(
    database: Database, *, member_id: int, purchase_ref: str, at: datetime
) -> PurchaseView:
    with database.unit_of_work() as session:
        return queries.purchase(
            session, member_id=member_id, purchase_ref=purchase_ref, at=at
        )

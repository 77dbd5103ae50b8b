"""What Stripe tells us of payments; signed, repeated, and in any order."""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.hooks import bp
from blueprints.sessions import signed
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.orders import operations as orders
from loyalty.orders.delivery import advance
from loyalty.payments.operations import record_event
from loyalty.purchases import operations as purchases
from loyalty.purchases.delivery import advance as bring_on
from loyalty.purchases.rules import PURPOSE
from partners.ports import PaymentEvent

log = logging.getLogger(__name__)

PAYLOAD_BYTES_MAX = 256 * 1024

_ORDERS = {
    "paid": orders.paid,
    "expired": orders.payment_expired,
    "refunded": orders.refunded,
    "refund_failed": orders.refunded,
}
_PURCHASES = {
    "paid": purchases.paid,
    "expired": purchases.payment_expired,
    "refunded": purchases.refunded,
    "refund_failed": purchases.refunded,
}


@dataclass(frozen=True, slots=True)
class _Touched:
    """What was paid for, to go on with once what was told is committed."""

    member_id: int
    purpose: str
    ref: str


@bp.post("/stripe")
@signed
def stripe() -> ResponseReturnValue:
    """Take an event in; Stripe sends it again unless the answer is 200."""
    request.max_content_length = PAYLOAD_BYTES_MAX
    provider = services().connections.payments
    if provider is None:
        abort(400)
    event = provider.verify(
        request.get_data(cache=False), request.headers.get("Stripe-Signature", "")
    )
    if event is None:
        abort(400)
    at = now()
    touched = retrying(services().database, partial(_take_in, event=event, at=at))
    if touched is not None:
        _go_on(touched, at)
    return jsonify(received=True)


def _take_in(session: Session, *, event: PaymentEvent, at: datetime) -> _Touched | None:
    """Record an event, and with it what it means for whatever is paid for."""
    settled = record_event(session, event=event, at=at)
    payment = settled.payment
    if payment is None or settled.change is None:
        return None
    touched = _Touched(payment.member_id, payment.purpose, payment.purpose_ref)
    if touched.purpose == "order":
        _ORDERS[settled.change](
            session, member_id=touched.member_id, order_ref=touched.ref, at=at
        )
    elif touched.purpose == PURPOSE:
        _PURCHASES[settled.change](
            session, member_id=touched.member_id, purchase_ref=touched.ref, at=at
        )
    else:
        return None
    return touched


def _go_on(touched: _Touched, at: datetime) -> None:
    """Ask whoever must be asked next; what fails is taken up again by a job."""
    kit = services()
    try:
        if touched.purpose == PURPOSE:
            bring_on(
                kit.database,
                kit.connections.payments,
                member_id=touched.member_id,
                purchase_ref=touched.ref,
                at=at,
            )
            return
        advance(
            kit.database,
            kit.connections,
            kit.keyring,
            member_id=touched.member_id,
            order_ref=touched.ref,
            at=at,
        )
    except (LoyaltyError, DBAPIError):
        log.exception("%s %s has to be taken up again", touched.purpose, touched.ref)

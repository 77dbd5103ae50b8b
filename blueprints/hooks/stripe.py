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
from partners.ports import PaymentEvent

log = logging.getLogger(__name__)

PAYLOAD_BYTES_MAX = 256 * 1024

_CHANGES = {
    "paid": orders.paid,
    "expired": orders.payment_expired,
    "refunded": orders.refunded,
    "refund_failed": orders.refunded,
}


@dataclass(frozen=True, slots=True)
class _OrderTouched:
    """An order to go on with, once what was told is committed."""

    member_id: int
    order_ref: str


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


def _take_in(
    session: Session, *, event: PaymentEvent, at: datetime
) -> _OrderTouched | None:
    """Record an event, and with it what it means for the order that is paid for."""
    settled = record_event(session, event=event, at=at)
    payment = settled.payment
    if payment is None or settled.change is None or payment.purpose != "order":
        return None
    touched = _OrderTouched(payment.member_id, payment.purpose_ref)
    _CHANGES[settled.change](
        session, member_id=touched.member_id, order_ref=touched.order_ref, at=at
    )
    return touched


def _go_on(touched: _OrderTouched, at: datetime) -> None:
    """Ask whoever must be asked next; what fails is taken up again by the chaser."""
    try:
        advance(
            services().database,
            services().connections,
            services().keyring,
            member_id=touched.member_id,
            order_ref=touched.order_ref,
            at=at,
        )
    except (LoyaltyError, DBAPIError):
        log.exception("order %s has to be taken up again", touched.order_ref)

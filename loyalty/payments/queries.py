"""Read payments and refunds."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.payments.errors import UnknownPayment, UnknownRefund
from loyalty.payments.models import Payment, PaymentAttempt, Refund


def payment(session: Session, *, member_id: int, payment_ref: str) -> Payment:
    """Return a payment of a member.

    Raises `UnknownPayment`.
    """
    found = session.get(Payment, (member_id, payment_ref))
    if found is None:
        raise UnknownPayment(payment_ref=payment_ref)
    return found


def payments_for(
    session: Session, *, member_id: int, purpose: str, purpose_ref: str
) -> list[Payment]:
    """Return all payments asked for one purpose, the newest first."""
    return list(
        session.scalars(
            select(Payment)
            .where(
                Payment.member_id == member_id,
                Payment.purpose == purpose,
                Payment.purpose_ref == purpose_ref,
            )
            .order_by(Payment.asked_at.desc(), Payment.payment_ref)
        )
    )


def refund(session: Session, *, member_id: int, refund_ref: str) -> Refund:
    """Return a refund to a member.

    Raises `UnknownRefund`.
    """
    found = session.get(Refund, (member_id, refund_ref))
    if found is None:
        raise UnknownRefund(refund_ref=refund_ref)
    return found


def refunds_of(session: Session, *, member_id: int, payment_ref: str) -> list[Refund]:
    """Return the refunds of a payment in the order in which they were asked."""
    return list(
        session.scalars(
            select(Refund)
            .where(Refund.member_id == member_id, Refund.payment_ref == payment_ref)
            .order_by(Refund.asked_at, Refund.refund_ref)
        )
    )


def attempts(
    session: Session, *, member_id: int, payment_ref: str
) -> list[PaymentAttempt]:
    """Return every question asked of the provider about a payment, in order."""
    return list(
        session.scalars(
            select(PaymentAttempt)
            .where(
                PaymentAttempt.member_id == member_id,
                PaymentAttempt.payment_ref == payment_ref,
            )
            .order_by(PaymentAttempt.attempt_no)
        )
    )


def overdue(session: Session, *, at: datetime, limit: int) -> list[Payment]:
    """Return payments that are waited for in vain, the oldest first."""
    return list(
        session.scalars(
            select(Payment)
            .where(Payment.state.in_(("asked", "open")), Payment.expires_at <= at)
            .order_by(Payment.expires_at)
            .limit(limit)
        )
    )


def refunds_under_way(
    session: Session, *, asked_before: datetime, limit: int
) -> list[Refund]:
    """Return refunds the provider has not confirmed, the oldest first."""
    return list(
        session.scalars(
            select(Refund)
            .where(Refund.state == "asked", Refund.asked_at <= asked_before)
            .order_by(Refund.asked_at)
            .limit(limit)
        )
    )

"""Ask for payments and refunds, and take in what the provider tells of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.payments.errors import (
    NotPaid,
    PaymentRefReused,
    RefundRefReused,
    RefundTooLarge,
    UnknownPayment,
    UnknownRefund,
)
from loyalty.payments.models import Payment, PaymentEventSeen, Refund
from partners.ports import PaymentEvent

_MEMBER_DIGITS_MAX = 18  # more do not fit the column


@dataclass(frozen=True, slots=True)
class Settled:
    """What an event was about, and what it means for whatever is paid for.

    `change` is also said again of what is known already, unless the very event was
    seen: whoever acts on it must be tolerant, and nothing is lost between two steps.
    """

    payment: Payment | None  # None: no payment of ours
    change: str | None  # paid, expired, refunded, refund_failed; None: nothing to do
    refund: Refund | None = None  # None: not about a refund of ours


def ask(
    session: Session,
    *,
    member_id: int,
    payment_ref: str,
    purpose: str,
    purpose_ref: str,
    amount_fen: int,
    title: str,
    at: datetime,
    expires_at: datetime,
) -> Payment:
    """Ask a member for an amount; the same reference is the same payment.

    Raises `PaymentRefReused`.
    """
    session.execute(
        insert(Payment)
        .values(
            member_id=member_id,
            payment_ref=payment_ref,
            purpose=purpose,
            purpose_ref=purpose_ref,
            amount_fen=amount_fen,
            title=title,
            state="asked",
            asked_at=at,
            expires_at=expires_at,
            state_at=at,
        )
        .on_conflict_do_nothing()
    )
    payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
    asked = (payment.purpose, payment.purpose_ref, payment.amount_fen)
    if asked != (purpose, purpose_ref, amount_fen):
        raise PaymentRefReused(payment_ref=payment_ref)
    return payment


def ask_refund(
    session: Session,
    *,
    member_id: int,
    refund_ref: str,
    payment_ref: str,
    amount_fen: int,
    reason: str,
    at: datetime,
) -> Refund:
    """Decide to give money of a payment back; the same reference is the same refund.

    Raises `UnknownPayment`, `NotPaid`, `RefundTooLarge` and `RefundRefReused`.
    """
    payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
    known = session.get(Refund, (member_id, refund_ref))
    if known is not None:
        if (known.payment_ref, known.amount_fen) != (payment_ref, amount_fen):
            raise RefundRefReused(refund_ref=refund_ref)
        return known
    if payment.state != "succeeded":
        raise NotPaid(payment_ref=payment_ref)
    if amount_fen > payment.refundable_fen:
        raise RefundTooLarge(amount_fen=amount_fen, left_fen=payment.refundable_fen)
    payment.refunding_fen += amount_fen
    refund = Refund(
        member_id=member_id,
        refund_ref=refund_ref,
        payment_ref=payment_ref,
        amount_fen=amount_fen,
        reason=reason,
        state="asked",
        asked_at=at,
        state_at=at,
    )
    session.add(refund)
    session.flush()
    return refund


def record_event(session: Session, *, event: PaymentEvent, at: datetime) -> Settled:
    """Take in an event, whatever came before it; one that was seen changes nothing.

    Money that came is a fact, also after we gave a payment up; a page that expired
    after it was paid is none.
    """
    payment, refund = _subject(session, event)
    outcome = _outcome(event, payment, refund)
    is_new = session.scalar(
        insert(PaymentEventSeen)
        .values(
            event_id=event.event_id,
            type=event.type,
            happened_at=event.happened_at,
            received_at=at,
            checkout_id=event.checkout_id,
            intent_id=event.intent_id,
            member_id=payment.member_id if payment else None,
            payment_ref=payment.payment_ref if payment else None,
            refund_ref=refund.refund_ref if refund else None,
            outcome=outcome,
        )
        .on_conflict_do_nothing()
        .returning(PaymentEventSeen.event_id)
    )
    if is_new is None or payment is None:
        return Settled(payment, None, refund)
    match outcome:
        case "paid":
            settle(payment, state="succeeded", intent_id=event.intent_id, at=at)
        case "expired":
            settle(payment, state="expired", at=at)
        case "refunded" | "refund_failed" if refund is not None:
            state = "succeeded" if outcome == "refunded" else "failed"
            settle_refund(payment, refund, state=state, at=at)
        case _:
            return Settled(payment, None, refund)
    session.flush()
    return Settled(payment, outcome, refund)


def settle(
    payment: Payment, *, state: str, at: datetime, intent_id: str | None = None
) -> None:
    """Note how a payment ended; that it was paid outweighs that it expired."""
    payment.intent_id = payment.intent_id or intent_id
    if payment.state not in {state, "succeeded"}:
        payment.state = state
        payment.state_at = at


def settle_refund(
    payment: Payment,
    refund: Refund,
    *,
    state: str,
    at: datetime,
    provider_id: str | None = None,
) -> None:
    """Note how a refund ended; one that failed can be asked for again, anew.

    A bank may return money after it was given back (Stripe: `refund.failed`), so that
    success can still turn into failure, but never the other way round.
    """
    refund.provider_id = refund.provider_id or provider_id
    if refund.state in {state, "failed"}:
        return
    refund.state = state
    refund.state_at = at
    if state == "failed":
        payment.refunding_fen -= refund.amount_fen


def locked_payment(session: Session, *, member_id: int, payment_ref: str) -> Payment:
    """Return a payment whose row nobody else changes until we are done.

    Raises `UnknownPayment`.
    """
    payment = session.get(
        Payment, (member_id, payment_ref), with_for_update=True, populate_existing=True
    )
    if payment is None:
        raise UnknownPayment(payment_ref=payment_ref)
    return payment


def locked_refund(
    session: Session, *, member_id: int, refund_ref: str
) -> tuple[Payment, Refund]:
    """Return a refund with its payment, which guards it.

    Raises `UnknownRefund`.
    """
    refund = session.get(Refund, (member_id, refund_ref))
    if refund is None:
        raise UnknownRefund(refund_ref=refund_ref)
    payment = locked_payment(
        session, member_id=member_id, payment_ref=refund.payment_ref
    )
    session.refresh(refund)
    return payment, refund


def _subject(
    session: Session, event: PaymentEvent
) -> tuple[Payment | None, Refund | None]:
    """Return what an event is about, by the facts that we sent along."""
    written = event.facts.get("member_id", "")
    is_number = written.isascii() and written.isdecimal()
    if not is_number or len(written) > _MEMBER_DIGITS_MAX:
        return None, None
    member_id = int(written)
    try:
        payment = locked_payment(
            session,
            member_id=member_id,
            payment_ref=event.facts.get("payment_ref", ""),
        )
    except UnknownPayment:
        return None, None
    refund_ref = event.facts.get("refund_ref")
    if refund_ref is None:
        return payment, None
    refund = session.get(Refund, (member_id, refund_ref), populate_existing=True)
    if refund is not None and refund.payment_ref != payment.payment_ref:
        refund = None
    return payment, refund


def _outcome(
    event: PaymentEvent, payment: Payment | None, refund: Refund | None
) -> str:
    if event.state is None:
        return "ignored"
    is_about_refund = event.state in {"refunded", "refund_failed"}
    if payment is None or (is_about_refund and refund is None):
        return "unmatched"
    if event.state == "paid" and not (event.intent_id or payment.intent_id):
        return "unmatched"  # money without a name could not be given back
    if event.state == "expired" and payment.state == "succeeded":
        return "late"
    return event.state

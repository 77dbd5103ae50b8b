"""Ask the provider: open pages, close them, give money back.

Every question is noted before it is asked and answered after, in units of work of
their own; no transaction is open while we wait. All of it is safe to repeat.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loyalty.clock import real
from loyalty.database import Database
from loyalty.payments.models import Payment, PaymentAttempt, Refund
from loyalty.payments.operations import (
    locked_payment,
    locked_refund,
    settle,
    settle_refund,
)
from loyalty.payments.rules import checkout_deadline
from partners.ports import (
    CheckoutOrder,
    CheckoutReceipt,
    Outcome,
    PaymentProvider,
    Receipt,
)

_DETAIL_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the provider's page sends a person afterwards."""

    success: str
    cancel: str


def open_checkout(
    database: Database,
    provider: PaymentProvider,
    *,
    member_id: int,
    payment_ref: str,
    urls: Urls,
    language: str,
    at: datetime,
) -> Payment:
    """Open the provider's page for a payment; its `url` leads there.

    A payment whose page is open or that is settled stays as it is. After an answer
    that did not come the payment stays `asked`, and the question can be repeated. A
    provider that declines to open a page never takes the money: the payment expires.

    Raises `UnknownPayment`.
    """
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        if payment.state != "asked":
            return payment
        payment.language = payment.language or language
        payment.success_url = payment.success_url or urls.success
        payment.cancel_url = payment.cancel_url or urls.cancel
        attempt_no = _note(session, payment, what="open", at=at)
        order = _order(payment)
    receipt = provider.open_checkout(order)
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        _answer(session, payment, attempt_no, receipt, at=at)
        if receipt.outcome is Outcome.CONFIRMED:
            payment.checkout_id = payment.checkout_id or receipt.checkout_id
            payment.url = payment.url or receipt.url
        if payment.state == "asked" and receipt.outcome is Outcome.DECLINED:
            settle(payment, state="expired", at=at)
        elif payment.state == "asked" and receipt.outcome is Outcome.CONFIRMED:
            payment.state, payment.state_at = "open", at
            _take_in(payment, receipt, at=at)
        was_given_up = payment.state == "expired" and payment.checkout_id is not None
    if was_given_up:
        # Closed while the answer was under way: nobody may pay for it any more.
        return _close_page(
            database, provider, member_id=member_id, payment_ref=payment_ref, at=at
        )
    return payment


def look_up(
    database: Database,
    provider: PaymentProvider,
    *,
    member_id: int,
    payment_ref: str,
    at: datetime,
) -> Payment:
    """Ask the provider what became of a payment that we are still waiting for.

    Raises `UnknownPayment`.
    """
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        if payment.is_settled or payment.checkout_id is None:
            return payment
        checkout_id = payment.checkout_id
        attempt_no = _note(session, payment, what="look_up", at=at)
    receipt = provider.look_up(checkout_id)
    return _taken_in(
        database,
        receipt,
        member_id=member_id,
        payment_ref=payment_ref,
        attempt_no=attempt_no,
        at=at,
    )


def close(
    database: Database,
    provider: PaymentProvider,
    *,
    member_id: int,
    payment_ref: str,
    at: datetime,
) -> Payment:
    """Close a payment before what it pays for is let go.

    The provider decides: if somebody has paid after all, the payment is `succeeded`.
    While no answer comes it stays `open`, and nothing may be let go.

    Raises `UnknownPayment`.
    """
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        if payment.is_settled:
            return payment
        if payment.checkout_id is None:
            # A page may stand open there, but nobody was ever told its address.
            settle(payment, state="expired", at=at)
            return payment
    return _close_page(
        database, provider, member_id=member_id, payment_ref=payment_ref, at=at
    )


def refund(
    database: Database,
    provider: PaymentProvider,
    *,
    member_id: int,
    refund_ref: str,
    at: datetime,
) -> Refund:
    """Have the provider give money back that was decided to be.

    A refund that is settled stays as it is; after an answer that did not come it
    stays `asked`, and the question can be repeated.

    Raises `UnknownRefund`.
    """
    with database.unit_of_work() as session:
        payment, wanted = locked_refund(
            session, member_id=member_id, refund_ref=refund_ref
        )
        if wanted.state != "asked":
            return wanted
        assert payment.intent_id is not None, "only what was paid is refunded"
        intent_id, amount_fen = payment.intent_id, wanted.amount_fen
        facts = _facts(payment) | {"refund_ref": refund_ref}
        attempt_no = _note(
            session, payment, what="refund", refund_ref=refund_ref, at=at
        )
    receipt = provider.refund(
        refund_ref, intent_id=intent_id, amount_fen=amount_fen, facts=facts
    )
    with database.unit_of_work() as session:
        payment, wanted = locked_refund(
            session, member_id=member_id, refund_ref=refund_ref
        )
        _answer(session, payment, attempt_no, receipt, at=at)
        wanted.provider_id = wanted.provider_id or receipt.partner_ref
        ended = {Outcome.CONFIRMED: "succeeded", Outcome.DECLINED: "failed"}
        if receipt.outcome in ended:
            settle_refund(payment, wanted, state=ended[receipt.outcome], at=at)
        return wanted


def _order(payment: Payment) -> CheckoutOrder:
    assert payment.success_url is not None
    assert payment.cancel_url is not None
    return CheckoutOrder(
        reference=payment.payment_ref,
        amount_fen=payment.amount_fen,
        title=payment.title,
        success_url=payment.success_url,
        cancel_url=payment.cancel_url,
        expires_at=real(checkout_deadline(payment.expires_at)),
        language=payment.language or "zh",
        facts=_facts(payment),
    )


def _facts(payment: Payment) -> dict[str, str]:
    return {"member_id": str(payment.member_id), "payment_ref": payment.payment_ref}


def _close_page(
    database: Database,
    provider: PaymentProvider,
    *,
    member_id: int,
    payment_ref: str,
    at: datetime,
) -> Payment:
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        assert payment.checkout_id is not None
        checkout_id = payment.checkout_id
        attempt_no = _note(session, payment, what="close", at=at)
    receipt = provider.expire(checkout_id)
    return _taken_in(
        database,
        receipt,
        member_id=member_id,
        payment_ref=payment_ref,
        attempt_no=attempt_no,
        at=at,
    )


def _taken_in(
    database: Database,
    receipt: CheckoutReceipt,
    *,
    member_id: int,
    payment_ref: str,
    attempt_no: int,
    at: datetime,
) -> Payment:
    with database.unit_of_work() as session:
        payment = locked_payment(session, member_id=member_id, payment_ref=payment_ref)
        _answer(session, payment, attempt_no, receipt, at=at)
        _take_in(payment, receipt, at=at)
        return payment


def _take_in(payment: Payment, receipt: CheckoutReceipt, *, at: datetime) -> None:
    """Settle a payment by the state the provider told, if it told one."""
    if receipt.state == "paid" and (receipt.intent_id or payment.intent_id):
        settle(payment, state="succeeded", intent_id=receipt.intent_id, at=at)
    elif receipt.state == "expired":
        settle(payment, state="expired", at=at)


def _note(
    session: Session,
    payment: Payment,
    *,
    what: str,
    at: datetime,
    refund_ref: str | None = None,
) -> int:
    """Write down that a question is about to be asked; return its number."""
    asked = session.scalar(
        select(func.max(PaymentAttempt.attempt_no)).where(
            PaymentAttempt.member_id == payment.member_id,
            PaymentAttempt.payment_ref == payment.payment_ref,
        )
    )
    attempt = PaymentAttempt(
        member_id=payment.member_id,
        payment_ref=payment.payment_ref,
        attempt_no=(asked or 0) + 1,
        what=what,
        refund_ref=refund_ref,
        asked_at=at,
    )
    session.add(attempt)
    return attempt.attempt_no


def _answer(
    session: Session,
    payment: Payment,
    attempt_no: int,
    receipt: CheckoutReceipt | Receipt,
    *,
    at: datetime,
) -> None:
    """Write the answer to a question beside it."""
    key = (payment.member_id, payment.payment_ref, attempt_no)
    attempt = session.get_one(PaymentAttempt, key)
    attempt.answered_at = at
    attempt.outcome = str(receipt.outcome)
    attempt.detail = receipt.reason and receipt.reason[:_DETAIL_LENGTH_MAX]

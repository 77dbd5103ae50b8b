"""Payments on Stripe's own pages (Checkout), through Stripe's own library.

No card number reaches us: the page is theirs, and what comes back is names and
states (domain.md 4.5).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import stripe
from stripe.checkout import Session
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from partners.ports import (
    CheckoutOrder,
    CheckoutReceipt,
    Outcome,
    PaymentEvent,
    Receipt,
)

CURRENCY = "cny"
CONNECT_SECONDS, READ_SECONDS = 3.05, 10
RETRIES = 1  # by the library, with the same idempotency key
_REFUNDS_LISTED = 100  # the most that Stripe lists at once
_LOCALES = {"zh": "zh", "en": "en"}

_REFUND_OUTCOMES = {
    "succeeded": Outcome.CONFIRMED,
    "pending": Outcome.PENDING,
    "requires_action": Outcome.PENDING,
    "failed": Outcome.DECLINED,
    "canceled": Outcome.DECLINED,
}
_REFUND_STATES = {
    "succeeded": "refunded",
    "failed": "refund_failed",
    "canceled": "refund_failed",
}
# Types of events that concern us; every other is acknowledged and left alone.
_COMPLETED = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
}
_GIVEN_UP = {"checkout.session.expired", "checkout.session.async_payment_failed"}
_REFUNDS = {
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
}


# What reading something else than an event may raise, in Stripe's library or here.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError)


class StripeCheckout:
    """Takes payments in yuan by hosted Checkout Sessions."""

    def __init__(
        self,
        key: str,
        *,
        webhook_secret: str | None = None,
        address: str | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._webhook_secret = webhook_secret  # None: every event is refused
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": address.rstrip("/")} if address else None,
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, read_seconds)),
            max_network_retries=RETRIES,
        )

    def open_checkout(self, order: CheckoutOrder) -> CheckoutReceipt:
        """Open a hosted page; the same reference gives the same page again."""
        return self._receipt(
            lambda: self._client.v1.checkout.sessions.create(
                _session_of(order),
                {"idempotency_key": f"checkout:{order.reference}"},
            )
        )

    def look_up(self, checkout_id: str) -> CheckoutReceipt:
        """Ask what became of a checkout."""
        return self._receipt(
            lambda: self._client.v1.checkout.sessions.retrieve(checkout_id)
        )

    def expire(self, checkout_id: str) -> CheckoutReceipt:
        """Close a checkout that nobody has paid; says `paid` if somebody has."""
        receipt = self._receipt(
            lambda: self._client.v1.checkout.sessions.expire(checkout_id)
        )
        if receipt.outcome is not Outcome.DECLINED:
            return receipt
        # Only open ones can be closed: what is it then?
        return self.look_up(checkout_id)

    def refund(
        self, reference: str, *, intent_id: str, amount_fen: int, facts: dict[str, str]
    ) -> Receipt:
        """Give money back, once per reference; the facts come back with events.

        Stripe forgets idempotency keys after a day, so that the refunds it lists are
        looked through first.
        """
        params: RefundCreateParams = {
            "payment_intent": intent_id,
            "amount": amount_fen,
            "metadata": {**facts, "reference": reference},
        }
        try:
            known = self._client.v1.refunds.list(
                {"payment_intent": intent_id, "limit": _REFUNDS_LISTED}
            )
            for refund in known.auto_paging_iter():
                metadata = refund.to_dict().get("metadata") or {}
                if metadata.get("reference") == reference:
                    return _refund_receipt(refund)
            return _refund_receipt(
                self._client.v1.refunds.create(
                    params, {"idempotency_key": f"refund:{reference}"}
                )
            )
        except stripe.StripeError as error:
            return Receipt(_outcome(error), reason=_reason(error))

    def verify(self, payload: bytes, signature: str) -> PaymentEvent | None:
        """Return the event that was signed so; None: the signature is wrong."""
        try:
            event = stripe.Webhook.construct_event(
                payload, signature, self._webhook_secret
            )
            return _event(event.to_dict())
        except (stripe.SignatureVerificationError, *_MALFORMED):
            return None

    def _receipt(self, question: Callable[[], Session]) -> CheckoutReceipt:
        try:
            session = question()
        except stripe.StripeError as error:
            return CheckoutReceipt(_outcome(error), reason=_reason(error))
        return CheckoutReceipt(
            Outcome.CONFIRMED,
            checkout_id=session.id,
            url=session.url,
            intent_id=_id(session.payment_intent),
            state=_state(session.status, session.payment_status),
        )


def _session_of(order: CheckoutOrder) -> SessionCreateParams:
    """Return the question; it follows from the order alone, and repeats itself."""
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": CURRENCY,
                    "unit_amount": order.amount_fen,
                    "product_data": {"name": order.title},
                },
            }
        ],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
        "locale": _LOCALES.get(order.language, "auto"),
        "client_reference_id": order.reference,
        "metadata": order.facts,
        "payment_intent_data": {"metadata": order.facts},
    }


def _state(status: str | None, payment_status: str | None) -> str:
    if status == "expired":
        return "expired"
    return "paid" if payment_status == "paid" else "open"


def _outcome(error: stripe.StripeError) -> Outcome:
    """Tell a refusal from an answer that says nothing about what was asked."""
    match error:
        case stripe.InvalidRequestError(http_status=404):
            return Outcome.ABSENT
        case stripe.InvalidRequestError() | stripe.CardError():
            return Outcome.DECLINED
        case _:
            # No answer, a key of ours that is wrong, too many questions at once, a
            # reference under which something else was asked: it may have been done.
            return Outcome.UNKNOWN


def _reason(error: stripe.StripeError) -> str:
    return f"{type(error).__name__}: {error.code or error.user_message or ''}"


def _refund_receipt(refund: stripe.Refund) -> Receipt:
    return Receipt(
        _REFUND_OUTCOMES.get(refund.status or "", Outcome.UNKNOWN),
        partner_ref=refund.id,
        reason=getattr(refund, "failure_reason", None),
    )


def _id(named: Any) -> str | None:
    """Return the id of what came as an id or as the thing itself."""
    if named is None or isinstance(named, str):
        return named
    return str(named["id"])


def _event(told: dict[str, Any]) -> PaymentEvent:
    kind, subject = told["type"], told["data"]["object"]
    checkout_id = state = None
    if kind in _COMPLETED:
        state = "paid" if subject["payment_status"] == "paid" else None
    elif kind in _GIVEN_UP:
        state = "expired"
    elif kind in _REFUNDS:
        state = _REFUND_STATES.get(subject["status"])
    if subject.get("object") == "checkout.session":
        checkout_id = subject["id"]
    return PaymentEvent(
        event_id=told["id"],
        type=kind,
        happened_at=datetime.fromtimestamp(told["created"], UTC),
        checkout_id=checkout_id,
        intent_id=_id(subject.get("payment_intent")),
        state=state,
        facts={
            name: str(fact) for name, fact in (subject.get("metadata") or {}).items()
        },
    )

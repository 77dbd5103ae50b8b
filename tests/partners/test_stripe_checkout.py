"""Stripe's own library against the sandbox, over HTTP."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from partners.adapters.stripe_checkout import StripeCheckout
from partners.ports import Outcome
from partners.sandbox import stripe_payer
from partners.sandbox.stripe_webhooks import signature
from tests.sandboxes import KEY, SECRET


def event_of(kind, subject):
    return {
        "id": "evt_1",
        "object": "event",
        "created": 1_700_000_000,
        "type": kind,
        "data": {"object": subject},
    }


def signed(event, secret=SECRET, at=None):
    payload = json.dumps(event).encode()
    return payload, signature(payload, secret, at=at or int(time.time()))


SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "payment_status": "paid",
    "payment_intent": "pi_1",
    "metadata": {"member_id": "7", "payment_ref": "p"},
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "status": "succeeded",
    "payment_intent": "pi_1",
    "metadata": {"refund_ref": "r"},
}


@pytest.fixture
def paid(provider, order_of):
    """A checkout of 20 yuan that was paid."""
    opened = provider.open_checkout(order_of())
    assert stripe_payer.pay(opened.url).is_paid
    return provider.look_up(opened.checkout_id)


def test_a_page_is_opened_once_per_reference(provider, order_of):
    order = order_of()

    first = provider.open_checkout(order)
    again = provider.open_checkout(order)

    assert first.outcome is Outcome.CONFIRMED
    assert first.state == "open"
    assert first.url
    assert again == first


def test_a_reference_that_was_used_for_something_else_is_not_answered(
    provider, order_of
):
    order = order_of()
    provider.open_checkout(order)

    other = provider.open_checkout(replace(order, amount_fen=1))

    assert other.outcome is Outcome.UNKNOWN
    assert "IdempotencyError" in other.reason


def test_what_was_paid_is_paid_with_a_name(paid):
    assert paid.state == "paid"
    assert paid.intent_id.startswith("pi_")


def test_a_declined_card_leaves_the_page_open(provider, order_of):
    opened = provider.open_checkout(order_of())

    shown = stripe_payer.pay(opened.url, stripe_payer.DECLINED)

    assert not shown.is_paid
    assert provider.look_up(opened.checkout_id).state == "open"


def test_a_page_that_is_closed_takes_no_money(provider, order_of):
    opened = provider.open_checkout(order_of())

    closed = provider.expire(opened.checkout_id)
    shown = stripe_payer.pay(opened.url)

    assert (closed.outcome, closed.state) == (Outcome.CONFIRMED, "expired")
    assert not shown.is_paid
    assert provider.expire(opened.checkout_id).state == "expired"


def test_closing_what_was_paid_says_that_it_was_paid(provider, paid):
    closed = provider.expire(paid.checkout_id)

    assert (closed.outcome, closed.state) == (Outcome.CONFIRMED, "paid")
    assert closed.intent_id == paid.intent_id


def test_a_checkout_nobody_knows_is_absent(provider):
    assert provider.look_up("cs_test_nobody").outcome is Outcome.ABSENT
    assert provider.expire("cs_test_nobody").outcome is Outcome.ABSENT


def test_a_page_that_stripe_would_not_open_is_declined(provider, order_of):
    too_soon = datetime.now(UTC) + timedelta(minutes=29)

    declined = provider.open_checkout(order_of(expires_at=too_soon))

    assert declined.outcome is Outcome.DECLINED


def test_a_question_that_failed_once_is_asked_again_with_the_same_key(
    provider, order_of, stripe_sandbox
):
    stripe_sandbox.tell("faults", lose_answers=1)

    opened = provider.open_checkout(order_of())

    assert opened.outcome is Outcome.CONFIRMED
    assert provider.look_up(opened.checkout_id).state == "open"


@pytest.mark.parametrize("fault", ["lose_answers", "unavailable"])
def test_an_answer_that_does_not_come_is_unknown(
    provider, order_of, stripe_sandbox, fault
):
    order = order_of()
    stripe_sandbox.tell("faults", **{fault: 2})

    unknown = provider.open_checkout(order)
    known = provider.open_checkout(order)

    assert unknown.outcome is Outcome.UNKNOWN
    assert known.outcome is Outcome.CONFIRMED


def test_a_time_out_is_unknown(order_of, stripe_sandbox):
    impatient = StripeCheckout(KEY, address=stripe_sandbox.address, read_seconds=0.1)
    stripe_sandbox.tell("faults", silent_seconds=1)

    assert impatient.open_checkout(order_of()).outcome is Outcome.UNKNOWN


def test_nobody_at_the_address_is_unknown(order_of):
    provider = StripeCheckout(KEY, address="http://127.0.0.1:1")

    assert provider.open_checkout(order_of()).outcome is Outcome.UNKNOWN


def test_a_wrong_key_says_nothing_about_the_payment(order_of, stripe_sandbox):
    provider = StripeCheckout("pk_wrong", address=stripe_sandbox.address)

    answer = provider.open_checkout(order_of())

    assert answer.outcome is Outcome.UNKNOWN
    assert "pk_wrong" not in str(answer)


def refund(provider, paid, reference, amount_fen):
    return provider.refund(
        reference, intent_id=paid.intent_id, amount_fen=amount_fen, facts={}
    )


def test_money_is_given_back_in_parts_and_never_more_than_came(provider, paid):
    some = refund(provider, paid, f"{paid.checkout_id}-1", 500)
    more = refund(provider, paid, f"{paid.checkout_id}-2", 1_501)
    rest = refund(provider, paid, f"{paid.checkout_id}-3", 1_500)
    none = refund(provider, paid, f"{paid.checkout_id}-4", 1)

    assert [each.outcome for each in (some, more, rest, none)] == [
        Outcome.CONFIRMED,
        Outcome.DECLINED,
        Outcome.CONFIRMED,
        Outcome.DECLINED,
    ]


def test_a_refund_is_made_once_per_reference(provider, paid):
    first = refund(provider, paid, paid.checkout_id, 1_500)
    again = refund(provider, paid, paid.checkout_id, 1_500)

    assert again == first


def test_a_refund_whose_answer_was_lost_is_found_again(provider, paid, stripe_sandbox):
    stripe_sandbox.tell("faults", lose_answers=2)
    lost = refund(provider, paid, paid.checkout_id, 1_500)

    found = refund(provider, paid, paid.checkout_id, 1_500)

    assert lost.outcome is Outcome.UNKNOWN
    assert found.outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("pending", Outcome.PENDING), ("failed", Outcome.DECLINED)],
)
def test_a_refund_may_take_its_time_or_fail(
    provider, paid, stripe_sandbox, state, outcome
):
    stripe_sandbox.tell("faults", refund_state=state)

    assert refund(provider, paid, paid.checkout_id, 500).outcome is outcome


def test_an_event_is_believed_by_its_signature(provider):
    event = provider.verify(*signed(event_of("checkout.session.completed", SESSION)))

    assert event.event_id == "evt_1"
    assert event.state == "paid"
    assert (event.checkout_id, event.intent_id) == ("cs_1", "pi_1")
    assert event.facts == {"member_id": "7", "payment_ref": "p"}
    assert event.happened_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_whatever_is_not_signed_so_is_no_event(provider, stripe_sandbox):
    event = event_of("checkout.session.completed", SESSION)
    payload, header = signed(event)
    unprepared = StripeCheckout(KEY, address=stripe_sandbox.address)

    assert provider.verify(payload + b" ", header) is None
    assert provider.verify(payload, "") is None
    assert provider.verify(payload, "t=soon,v1=what") is None
    assert provider.verify(b"\xff\xfe", header) is None
    assert provider.verify(*signed(event, secret="whsec_of_somebody")) is None
    assert provider.verify(*signed(event, at=int(time.time()) - 3600)) is None
    assert provider.verify(*signed({"object": "event"})) is None
    assert provider.verify(*signed([])) is None
    assert unprepared.verify(payload, header) is None


@pytest.mark.parametrize(
    ("kind", "subject", "state"),
    [
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}, None),
        ("checkout.session.async_payment_succeeded", SESSION, "paid"),
        ("checkout.session.async_payment_failed", SESSION, "expired"),
        ("checkout.session.expired", SESSION, "expired"),
        ("refund.created", REFUND, "refunded"),
        ("refund.created", REFUND | {"status": "pending"}, None),
        ("refund.updated", REFUND, "refunded"),
        ("refund.failed", REFUND | {"status": "failed"}, "refund_failed"),
        ("charge.refunded", {"id": "ch_1", "object": "charge"}, None),
        ("payout.paid", {"id": "po_1", "object": "payout", "metadata": None}, None),
        ("customer.created", {"id": "cus_1", "object": "customer"}, None),
    ],
)
def test_an_event_says_what_it_means_for_us(provider, kind, subject, state):
    event = provider.verify(*signed(event_of(kind, subject)))

    assert event.type == kind
    assert event.state == state

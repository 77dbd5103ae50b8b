"""The provider is asked over HTTP, and every question leaves a trace."""

from threading import Thread

import pytest

from loyalty.clock import now
from loyalty.payments import delivery
from loyalty.payments.delivery import Urls
from loyalty.payments.errors import NotPaid, RefundTooLarge, UnknownPayment
from partners.adapters.stripe_checkout import StripeCheckout
from partners.sandbox import stripe_payer
from tests.sandboxes import KEY


@pytest.fixture
def paid(till):
    """A payment of 20 yuan that was made."""
    stripe_payer.pay(till.opened().url)
    return till.do(delivery.look_up)


def test_a_payment_is_made_on_a_page_of_the_provider(till):
    payment = till.opened()
    assert payment.state == "open"

    stripe_payer.pay(payment.url)
    payment = till.do(delivery.look_up)

    assert payment.state == "succeeded"
    assert payment.intent_id is not None
    assert till.attempts() == [("open", "confirmed"), ("look_up", "confirmed")]


def test_a_page_is_opened_once(till):
    first = till.opened()
    again = till.opened(
        language="en", urls=Urls("http://a.example/", "http://b.example/")
    )

    assert again.url == first.url
    assert till.attempts() == [("open", "confirmed")]


def test_a_question_without_an_answer_is_repeated_as_it_was(till):
    till.sandbox.tell("faults", lose_answers=2)
    lost = till.opened()
    assert (lost.state, lost.url) == ("asked", None)

    found = till.opened(
        language="en", urls=Urls("http://a.example/", "http://b.example/")
    )

    assert found.state == "open"
    assert "支付" in stripe_payer.look(found.url).page
    assert till.attempts() == [("open", "unknown"), ("open", "confirmed")]


def test_two_who_open_at_once_open_one_page(till):
    till.ask()
    openers = [Thread(target=till.opened) for _ in range(4)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()

    payment = till.opened()

    assert payment.state == "open"
    assert stripe_payer.pay(payment.url).is_paid


def test_a_provider_that_will_not_take_it_ends_the_payment(till):
    payment = till.opened(urls=Urls("nowhere", "nowhere"))

    assert payment.state == "expired"
    assert till.attempts() == [("open", "declined")]


def test_a_payment_is_closed_at_the_provider_first(till):
    url = till.opened().url

    payment = till.do(delivery.close)

    assert payment.state == "expired"
    assert not stripe_payer.pay(url).is_paid
    assert till.do(delivery.close).state == "expired"


def test_closing_finds_out_that_somebody_has_paid(till):
    stripe_payer.pay(till.opened().url)

    assert till.do(delivery.close).state == "succeeded"


def test_nothing_is_let_go_while_the_provider_does_not_answer(till):
    till.opened()
    silent = StripeCheckout(KEY, address="http://127.0.0.1:1")

    assert till.do(delivery.close, provider=silent).state == "open"
    assert till.do(delivery.look_up, provider=silent).state == "open"
    assert till.attempts()[-1] == ("look_up", "unknown")


def test_a_payment_whose_page_nobody_knows_is_closed_without_asking(till):
    till.sandbox.tell("faults", lose_answers=2)
    till.opened()

    assert till.do(delivery.close).state == "expired"
    assert till.attempts() == [("open", "unknown")]


def test_a_page_that_opens_too_late_is_closed_again(till):
    class Slow(StripeCheckout):
        """Answers after the payment was given up."""

        def open_checkout(self, order):
            receipt = super().open_checkout(order)
            till.do(delivery.close)
            return receipt

    fast = till.provider
    till.provider = Slow(KEY, address=till.sandbox.address)

    payment = till.opened()

    assert payment.state == "expired"
    assert fast.look_up(payment.checkout_id).state == "expired"
    assert not stripe_payer.pay(payment.url).is_paid


def test_a_payment_can_be_made_although_the_programme_lives_in_the_past(
    till, monkeypatch
):
    monkeypatch.setenv("JIFEN_CLOCK_DAYS_BACK", "6900")
    till.at = now()

    payment = till.opened()

    assert payment.state == "open"
    assert payment.expires_at.year < 2010


def test_a_payment_nobody_asked_for_is_unknown(till):
    with pytest.raises(UnknownPayment):
        till.do(delivery.close, "nothing")


def test_money_is_given_back_in_parts(till, paid):
    till.ask_refund("r1", 500)
    till.ask_refund("r2", 1_500)

    assert till.refund("r1").state == "succeeded"
    assert till.refund("r1").state == "succeeded"
    assert till.refund("r2").state == "succeeded"
    assert till.payment(paid.payment_ref).refundable_fen == 0
    assert till.attempts()[-2:] == [("refund", "confirmed")] * 2


def test_no_more_is_given_back_than_came(till, paid):
    till.ask_refund("r1", paid.amount_fen - 1)

    with pytest.raises(RefundTooLarge) as refused:
        till.ask_refund("r2", 2)

    assert refused.value.facts == {"amount_fen": 2, "left_fen": 1}
    assert till.ask_refund("r1", 1_999).amount_fen == 1_999


def test_what_was_not_paid_is_not_given_back(till):
    till.opened()

    with pytest.raises(NotPaid):
        till.ask_refund("r1", 1)


def test_a_refund_without_an_answer_is_asked_for_again_and_made_once(till, paid):
    till.ask_refund("r1", 1_500)
    till.sandbox.tell("faults", lose_answers=2)
    assert till.refund("r1").state == "asked"
    till.sandbox.tell("faults", lose_answers=0)

    refund = till.refund("r1")

    assert refund.state == "succeeded"
    refunds = till.sandbox.events().count("refund.created")
    till.refund("r1")
    assert till.sandbox.events().count("refund.created") == refunds
    assert paid.refunding_fen == 0
    assert till.payment().refunding_fen == 1_500


def test_a_refund_is_made_once_also_when_the_provider_forgot_our_key(till, paid):
    till.ask_refund("r1", paid.amount_fen)
    before = till.sandbox.events().count("refund.created")
    till.sandbox.tell("faults", lose_answers=2)
    assert till.refund("r1").state == "asked"
    till.sandbox.tell("forget")

    refund = till.refund("r1")

    assert refund.state == "succeeded"
    assert till.sandbox.events().count("refund.created") == before + 1


def test_a_refund_that_the_provider_refuses_leaves_the_money_to_be_asked_for(
    till, paid
):
    till.ask_refund("r1", 2_000)
    till.sandbox.tell("faults", refund_state="failed")

    assert till.refund("r1").state == "failed"
    assert till.payment(paid.payment_ref).refundable_fen == 2_000

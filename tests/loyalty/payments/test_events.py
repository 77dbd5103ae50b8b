"""Events come late, twice and out of order; what they say is true all the same."""

from datetime import UTC, datetime
from itertools import count, permutations
from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.payments import delivery, operations, queries
from loyalty.payments.errors import (
    PaymentRefReused,
    RefundRefReused,
    UnknownRefund,
)
from partners.ports import PaymentEvent
from partners.sandbox import stripe_payer

_numbers = count(1)
MEMBER = 7


def event_of(state, *, event_id=None, payment_ref="p", member_id=MEMBER, **facts):
    return PaymentEvent(
        event_id=event_id or f"evt_{next(_numbers)}",
        type=f"of the test, {state}",
        happened_at=datetime(2026, 11, 22, tzinfo=UTC),
        checkout_id="cs_1",
        intent_id="pi_1",
        state=state,
        facts={"member_id": str(member_id), "payment_ref": payment_ref} | facts,
    )


@pytest.fixture
def outcomes(till):
    def ask():
        with till.database.unit_of_work() as session:
            statement = "SELECT outcome FROM payment_event ORDER BY event_id"
            return sorted(session.scalars(text(statement)))

    return ask


def test_an_event_settles_a_payment_once(till, outcomes):
    till.ask()
    event = event_of("paid")

    first, again = till.record(event), till.record(event)

    assert (first.change, first.payment.state) == ("paid", "succeeded")
    assert (again.change, again.payment.state) == (None, "succeeded")
    assert outcomes() == ["paid"]


def test_what_is_known_already_is_said_again_to_whoever_acts_on_it(till):
    till.ask()
    till.record(event_of("paid"))

    assert till.record(event_of("paid")).change == "paid"


def test_a_page_that_expired_after_it_was_paid_changes_nothing(till, outcomes):
    till.ask()
    till.record(event_of("paid"))

    late = till.record(event_of("expired"))

    assert (late.change, late.payment.state) == (None, "succeeded")
    assert outcomes() == ["late", "paid"]


def test_money_that_came_outweighs_that_it_was_given_up(till):
    till.ask()
    assert till.record(event_of("expired")).change == "expired"

    settled = till.record(event_of("paid"))

    assert (settled.change, settled.payment.state) == ("paid", "succeeded")


def test_events_end_alike_in_whatever_order_they_come(till):
    for number, order in enumerate(permutations(["paid", "expired", "paid"])):
        payment_ref = f"p{number}"
        till.ask(payment_ref)
        for state in order:
            till.record(event_of(state, payment_ref=payment_ref))
        assert till.payment(payment_ref).state == "succeeded"


def test_an_event_that_comes_many_times_at_once_counts_once(till, outcomes):
    till.ask()
    event, changes = event_of("paid"), []
    tellers = [
        Thread(target=lambda: changes.append(till.record(event).change))
        for _ in range(8)
    ]

    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()

    assert sorted(map(str, changes)) == ["None"] * 7 + ["paid"]
    assert outcomes() == ["paid"]


@pytest.mark.parametrize(
    "event",
    [
        event_of("paid", payment_ref="nothing"),
        event_of("paid", member_id=8),
        event_of("paid", member_id="7; DROP TABLE payment"),
        event_of("paid", member_id="٧"),
        event_of("paid", member_id="9" * 40),
        event_of("paid", member_id=""),
        event_of("refunded"),
        event_of("refunded", refund_ref="nothing"),
    ],
)
def test_what_concerns_none_of_ours_is_kept_and_left_alone(till, outcomes, event):
    till.ask()

    assert till.record(event).change is None
    assert till.payment().state == "asked"
    assert outcomes() == ["unmatched"]


def test_an_event_without_meaning_is_kept(till, outcomes):
    till.ask()

    assert till.record(event_of(None)).change is None
    assert outcomes() == ["ignored"]


@pytest.fixture
def refunded(till):
    """A payment of 20 yuan, of which 15 are to be given back."""
    stripe_payer.pay(till.opened().url)
    till.do(delivery.look_up)
    return till.ask_refund("r", 1_500)


def test_a_refund_is_confirmed_by_its_event(till, refunded):
    settled = till.record(event_of("refunded", refund_ref="r"))

    assert settled.change == "refunded"
    assert settled.refund.state == "succeeded"
    assert settled.refund.amount_fen == refunded.amount_fen


def test_a_refund_that_failed_can_be_asked_for_anew(till, refunded):
    till.record(event_of("refunded", refund_ref=refunded.refund_ref))

    failed = till.record(event_of("refund_failed", refund_ref="r"))
    late = till.record(event_of("refunded", refund_ref="r"))

    assert failed.change == "refund_failed"
    assert late.refund.state == "failed"
    assert till.payment().refundable_fen == 2_000
    till.ask_refund("r again", 2_000)


def test_a_refund_told_before_its_payment_is_taken_in(till, refunded):
    """The payment was found out by asking; its own event comes last of all."""
    assert till.refund(refunded.refund_ref).state == "succeeded"
    till.record(event_of("refunded", refund_ref="r"))

    settled = till.record(event_of("paid"))

    assert settled.payment.state == "succeeded"
    assert settled.payment.refunding_fen == 1_500


def test_a_refund_of_another_payment_is_not_touched(till, refunded):
    till.ask("q")

    event = event_of("refunded", payment_ref="q", refund_ref=refunded.refund_ref)

    assert till.record(event).change is None


def test_a_reference_belongs_to_one_payment(till):
    till.ask(amount_fen=2_000)

    assert till.ask(amount_fen=2_000).amount_fen == 2_000
    with pytest.raises(PaymentRefReused):
        till.ask(amount_fen=2_001)


def test_a_reference_belongs_to_one_refund(till, refunded):
    with pytest.raises(RefundRefReused):
        till.ask_refund(refunded.refund_ref, 1)


def test_a_refund_nobody_asked_for_is_unknown(till):
    with pytest.raises(UnknownRefund):
        till.refund("nothing")


def test_what_is_waited_for_in_vain_is_found(till):
    till.ask("waiting")
    till.ask("settled")
    till.record(event_of("paid", payment_ref="settled"))

    with till.database.unit_of_work() as session:
        early = queries.overdue(session, at=till.at, limit=10)
        late = queries.overdue(session, at=till.payment("waiting").expires_at, limit=10)
        ours = queries.payments_for(
            session, member_id=MEMBER, purpose="order", purpose_ref="o"
        )

    assert early == []
    assert [payment.payment_ref for payment in late] == ["waiting"]
    assert {payment.payment_ref for payment in ours} == {"waiting", "settled"}


def test_refunds_under_way_are_found(till, refunded):
    with till.database.unit_of_work() as session:
        found = queries.refunds_under_way(session, asked_before=till.at, limit=10)
        of_payment = queries.refunds_of(session, member_id=MEMBER, payment_ref="p")

    assert [refund.refund_ref for refund in found] == [refunded.refund_ref]
    assert len(of_payment) == 1


@pytest.mark.parametrize(
    "change",
    [
        "refunding_fen = 1",  # of what was not paid
        "state = 'succeeded'",  # without a name by which it could be given back
        "state = 'open'",  # nowhere
        "amount_fen = 0",
        "state = 'stolen'",
    ],
)
def test_the_database_keeps_what_the_rules_say(session, till, change):
    operations.ask(
        session,
        member_id=MEMBER,
        payment_ref="p",
        purpose="order",
        purpose_ref="o",
        amount_fen=2_000,
        title="",
        at=till.at,
        expires_at=till.at,
    )

    with pytest.raises(IntegrityError):
        session.execute(text(f"UPDATE payment SET {change}"))

"""What each answer means in each state, and that no killing loses or doubles."""

from datetime import timedelta
from itertools import product

import pytest

from loyalty.exchange import deciding, delivery, operations
from loyalty.exchange.errors import ExchangeMovedOn
from loyalty.exchange.rules import STATES, Question, Verdict, verdict
from partners.ports import Outcome, Receipt
from tests.loyalty.exchange.alliance import (
    A_DAY,
    A_MINUTE,
    KEYRING,
    NOON,
    SENT_AT,
    Carrier,
)

AN_HOUR = timedelta(hours=1)
MOVED = {
    ("sent", Outcome.CONFIRMED): Verdict.CONFIRM,
    ("sent", Outcome.DECLINED): Verdict.RELEASE,
    ("confirmed", Outcome.DECLINED): Verdict.UNDO,
    ("declined", Outcome.CONFIRMED): Verdict.DISPUTE,
    ("disputed", Outcome.DECLINED): Verdict.RESOLVE,
}
REVERSED = {
    ("confirmed", Outcome.CONFIRMED): Verdict.UNDO,
    ("confirmed", Outcome.DECLINED): Verdict.KEPT,
    ("disputed", Outcome.CONFIRMED): Verdict.RESOLVE,
    ("disputed", Outcome.DECLINED): Verdict.KEPT,
}
VALIDATED = {
    ("requested", Outcome.DECLINED): Verdict.RELEASE,
    ("sent", Outcome.DECLINED): Verdict.RELEASE,
}
EVERY = {
    Question.VALIDATE: VALIDATED,
    Question.MOVE: MOVED,
    Question.LOOK_UP: MOVED,
    Question.REVERSE: REVERSED,
    Question.LOOK_UP_REVERSAL: REVERSED,
}


@pytest.mark.parametrize(
    ("what", "state", "outcome"), list(product(EVERY, STATES, Outcome))
)
def test_every_answer_in_every_state_means_what_the_table_says(what, state, outcome):
    expected = EVERY[what].get((state, outcome), Verdict.KEEP)

    said = verdict(state=state, what=what, outcome=outcome, is_under_way=False)

    assert said == expected


def test_a_late_word_about_the_member_stops_nothing_that_is_under_way():
    said = verdict(
        state="sent",
        what=Question.VALIDATE,
        outcome=Outcome.DECLINED,
        is_under_way=True,
    )
    assert said is Verdict.KEEP


# In which state an exchange is when the answer comes, what came of it, and how many
# points and miles the member has then. Each began with 10,000 points.
ENDS = [
    (state, outcome, end)
    for state, ends in {
        "sent": {
            Outcome.CONFIRMED: ("confirmed", 0, 0),
            Outcome.DECLINED: ("declined", 10_000, 0),
            Outcome.PENDING: ("sent", 0, 10_000),
            Outcome.UNKNOWN: ("sent", 0, 10_000),
            Outcome.ABSENT: ("sent", 0, 10_000),
        },
        "confirmed": {
            Outcome.CONFIRMED: ("confirmed", 0, 0),
            Outcome.DECLINED: ("declined", 10_000, 0),
            Outcome.PENDING: ("confirmed", 0, 0),
            Outcome.UNKNOWN: ("confirmed", 0, 0),
            Outcome.ABSENT: ("confirmed", 0, 0),
        },
        "declined": {
            Outcome.CONFIRMED: ("disputed", 10_000, 0),
            Outcome.DECLINED: ("declined", 10_000, 0),
            Outcome.PENDING: ("declined", 10_000, 0),
            Outcome.UNKNOWN: ("declined", 10_000, 0),
            Outcome.ABSENT: ("declined", 10_000, 0),
        },
        "disputed": {
            Outcome.CONFIRMED: ("disputed", 10_000, 0),
            Outcome.DECLINED: ("declined", 10_000, 0),
            Outcome.PENDING: ("disputed", 10_000, 0),
            Outcome.UNKNOWN: ("disputed", 10_000, 0),
            Outcome.ABSENT: ("disputed", 10_000, 0),
        },
    }.items()
    for outcome, end in ends.items()
]


@pytest.mark.parametrize(("state", "outcome", "end"), ENDS)
def test_what_a_partner_tells_moves_points_as_the_state_asks(
    alliance, carrier, state, outcome, end
):
    member, ref = bring_to(alliance, carrier, state)
    before = alliance.lots(member)

    operations.settle(
        alliance.session,
        member_id=member,
        exchange_ref=ref,
        ask=None,
        receipt=Receipt(outcome),
        at=SENT_AT + AN_HOUR,
    )

    assert (
        alliance.state(member, ref),
        alliance.available(member),
        alliance.held(member),
    ) == end
    report = alliance.report()
    owes = 80_00 if end[0] == "confirmed" else None
    assert report["payable"].get("MU") == owes
    if end[1] and not before:
        assert alliance.lots(member)[0][3].isoformat() == "2010-10-31"


def bring_to(alliance, carrier, state):
    """An exchange of 10,000 points in a state, as partners bring it there."""
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member, 10_000)
    wanted = {
        "sent": [Outcome.UNKNOWN],
        "confirmed": [Outcome.CONFIRMED],
        "declined": [Outcome.DECLINED],
        "disputed": [Outcome.DECLINED],
    }[state]
    for outcome in wanted:
        carrier.tell(outcome, done=False)
    alliance.advance(carrier, member, ref, at=SENT_AT)
    if state == "disputed":
        operations.settle(
            alliance.session,
            member_id=member,
            exchange_ref=ref,
            ask=None,
            receipt=Receipt(Outcome.CONFIRMED),
            at=SENT_AT + A_MINUTE,
        )
    assert alliance.state(member, ref) == state
    return member, ref


# What a carrier does with the first time it is asked to move miles; then it behaves.
WHIMS = {
    "does it": [],
    "does it and is not heard": [(Outcome.UNKNOWN, True)],
    "is not reached": [(Outcome.UNKNOWN, False)],
    "says later": [(Outcome.PENDING, True)],
    "was never called": [(Outcome.ABSENT, False)],
    "refuses": [(Outcome.DECLINED, False)],
    "is silent, and silent again": [(Outcome.UNKNOWN, True), (Outcome.UNKNOWN, True)],
}


@pytest.mark.parametrize("whim", WHIMS)
@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("steps", range(8))
def test_killed_anywhere_the_chaser_brings_it_to_the_true_end(
    alliance, whim, direction, steps
):
    carrier = Carrier()
    carrier.told.extend(WHIMS[whim])
    member = alliance.member(10_000)
    alliance.bind(member)
    is_out = direction == "out"
    ref = (alliance.out if is_out else alliance.into)(member)

    run_and_kill(alliance, carrier, member, ref, steps=steps)
    for hours in (*range(1, 9), 40, 41):
        alliance.advance(carrier, member, ref, at=SENT_AT + AN_HOUR * hours)

    state = alliance.state(member, ref)
    moved = {"confirmed": 1, "declined": 0}[state]
    assert carrier.balance == (1_000 if is_out else -1_000) * moved
    points = 10_000 - 10_000 * moved if is_out else 10_000 + 5_000 * moved
    assert (alliance.available(member), alliance.held(member)) == (points, 0)
    assert state == ("declined" if whim == "refuses" else "confirmed")
    alliance.report()


def run_and_kill(alliance, carrier, member, ref, *, steps):
    """Take so many steps of the delivery, each whole, and then no more."""
    key = {"member_id": member, "exchange_ref": ref, "at": SENT_AT}
    while steps > 0:
        ask = operations.claim(alliance.session, keyring=KEYRING, **key)
        steps -= 1
        if ask is None or steps == 0:
            return
        receipt = delivery.put(carrier, ask)
        steps -= 1
        if steps == 0:
            return
        operations.settle(alliance.session, ask=ask, receipt=receipt, **key)
        steps -= 1


def test_nothing_is_sent_again_that_may_have_arrived(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    carrier.tell(Outcome.UNKNOWN, done=True)
    alliance.advance(carrier, member, ref, at=SENT_AT)

    asked_at = SENT_AT + A_MINUTE
    assert alliance.step(carrier, member, ref, at=asked_at) is None
    asked_at = SENT_AT + 2 * A_MINUTE
    assert alliance.step(carrier, member, ref, at=asked_at) == "look_up"

    assert carrier.asked == ["validate", "credit", "look_up"]
    assert alliance.state(member, ref) == "confirmed"


def test_what_they_never_heard_of_is_sent_again_under_the_same_name(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    carrier.tell(Outcome.UNKNOWN, done=False)
    alliance.advance(carrier, member, ref, at=SENT_AT)

    for minutes in range(2, 30):
        alliance.advance(carrier, member, ref, at=SENT_AT + minutes * A_MINUTE)

    assert carrier.asked.count("credit") == 2
    assert carrier.miles == {ref: 1_000}
    assert alliance.state(member, ref) == "confirmed"


def test_what_never_arrives_is_given_up_when_the_time_is_over(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    carrier.valid = Outcome.UNKNOWN
    for hours in range(0, 73, 6):
        alliance.advance(carrier, member, ref, at=SENT_AT + hours * AN_HOUR)

    assert alliance.state(member, ref) == "declined"
    assert alliance.reason(member, ref) == "no_answer_in_time"
    assert alliance.available(member) == 10_000
    alliance.report()


def test_a_message_that_arrives_after_all_is_disputed_and_taken_back(alliance, carrier):
    """The airline had the first call in its queue all the time."""
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    carrier.tell(Outcome.UNKNOWN, done=True)
    carrier.knows = False
    alliance.advance(carrier, member, ref, at=SENT_AT)
    late = SENT_AT + timedelta(hours=73)
    alliance.advance(carrier, member, ref, at=late)
    assert alliance.state(member, ref) == "declined"

    carrier.knows = True
    alliance.advance(carrier, member, ref, at=late + A_DAY)
    assert alliance.state(member, ref) == "disputed"
    assert alliance.available(member) == 10_000
    deciding.ask_back(
        alliance.session,
        member_id=member,
        exchange_ref=ref,
        actor="staff:1",
        at=late + A_DAY,
    )
    alliance.advance(carrier, member, ref, at=late + A_DAY + AN_HOUR)

    assert alliance.state(member, ref) == "declined"
    assert carrier.balance == 0
    alliance.report()


def test_a_dispute_the_airline_keeps_is_written_off_by_two_people(alliance, carrier):
    member, ref = bring_to(alliance, carrier, "disputed")
    carrier.knows = True
    key = {"member_id": member, "exchange_ref": ref}
    at = SENT_AT + AN_HOUR
    deciding.ask_back(alliance.session, actor="staff:1", at=at, **key)
    carrier.tell(Outcome.DECLINED, done=False)
    carrier.miles[ref] = 1_000
    alliance.advance(carrier, member, ref, at=at)
    assert alliance.reason(member, ref) == "kept_by_partner"
    assert alliance.report()["payable"] == {}

    asked = deciding.ask_write_off(
        alliance.session, reason="their queue", maker=alliance.maker, at=at, **key
    )
    approved = alliance.approve(asked, at=at)
    deciding.apply_write_off(alliance.session, approval=approved, at=at)

    assert alliance.state(member, ref) == "confirmed"
    assert alliance.available(member) == 10_000
    assert alliance.report()["payable"] == {"MU": 80_00}


def test_miles_refused_after_acceptance_give_the_same_points_back(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    before = alliance.lots(member)
    ref = alliance.out(member)
    alliance.advance(carrier, member, ref, at=SENT_AT)

    carrier.tell(Outcome.DECLINED, done=False)
    alliance.advance(carrier, member, ref, at=SENT_AT + A_DAY)

    assert alliance.state(member, ref) == "declined"
    assert alliance.reason(member, ref) == "refused_after_acceptance"
    assert alliance.lots(member) == before
    report = alliance.report()
    assert report["payable"] == {}
    assert report["units"]["CUP"]["exchanged_out"] == 0


def test_a_debit_undone_takes_back_what_is_left_and_the_partner_stands_for_the_rest(
    alliance, carrier
):
    member = alliance.member()
    alliance.bind(member)
    ref = alliance.into(member, 1_000)
    alliance.advance(carrier, member, ref, at=NOON)
    assert alliance.available(member) == 5_000
    alliance.spend(member, 2_000)

    operations.settle(
        alliance.session,
        member_id=member,
        exchange_ref=ref,
        ask=None,
        receipt=Receipt(Outcome.DECLINED),
        at=SENT_AT,
    )

    assert alliance.available(member) == 0
    assert alliance.balance(member, "UNI").owed == 0
    assert alliance.rows(
        "SELECT points, unrecovered_points, money_fen, unrecovered_fen"
        " FROM exchange_reversal"
    ) == [(3_000, 2_000, 36_00, 24_00)]
    assert alliance.report()["units"]["UNI"]["exchanged_in"] == 2_000


def test_miles_taken_after_we_gave_up_are_worth_their_points_still(alliance, carrier):
    member = alliance.member()
    alliance.bind(member)
    ref = alliance.into(member, 1_000)
    carrier.tell(Outcome.UNKNOWN, done=True)
    carrier.knows = False
    alliance.advance(carrier, member, ref, at=NOON)
    late = NOON + timedelta(hours=73)
    alliance.advance(carrier, member, ref, at=late)
    assert alliance.state(member, ref) == "declined"

    carrier.knows = True
    alliance.advance(carrier, member, ref, at=late + A_DAY)

    assert alliance.state(member, ref) == "confirmed"
    assert (alliance.available(member), carrier.balance) == (5_000, -1_000)
    alliance.report()


def test_what_is_not_sent_yet_can_be_called_off(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    key = {"member_id": member, "exchange_ref": ref, "actor": "member"}

    operations.cancel(alliance.session, at=NOON + AN_HOUR, **key)
    operations.cancel(alliance.session, at=NOON + AN_HOUR, **key)

    assert alliance.state(member, ref) == "declined"
    assert alliance.available(member) == 10_000
    assert alliance.advance(carrier, member, ref, at=SENT_AT) == "declined"
    assert carrier.asked == []


def test_what_was_sent_cannot_be_called_off(alliance, carrier):
    member, ref = bring_to(alliance, carrier, "sent")

    with pytest.raises(ExchangeMovedOn):
        operations.cancel(
            alliance.session,
            member_id=member,
            exchange_ref=ref,
            actor="member",
            at=SENT_AT,
        )


def test_points_of_who_left_meanwhile_are_void_when_they_come_back(alliance, carrier):
    member, ref = bring_to(alliance, carrier, "sent")
    alliance.leave(member)

    operations.settle(
        alliance.session,
        member_id=member,
        exchange_ref=ref,
        ask=None,
        receipt=Receipt(Outcome.DECLINED),
        at=SENT_AT,
    )

    assert (alliance.available(member), alliance.held(member)) == (0, 0)
    assert alliance.report()["units"]["CUP"]["voided"] == 10_000


def test_miles_taken_from_who_left_meanwhile_are_for_finance(alliance, carrier):
    member = alliance.member()
    alliance.bind(member)
    ref = alliance.into(member, 1_000)
    alliance.leave(member)

    assert alliance.advance(carrier, member, ref, at=NOON) == "disputed"
    assert alliance.reason(member, ref) == "has_left"
    deciding.ask_back(
        alliance.session, member_id=member, exchange_ref=ref, actor="staff:1", at=NOON
    )
    assert alliance.advance(carrier, member, ref, at=NOON + AN_HOUR) == "declined"
    assert carrier.balance == 0


def test_a_number_the_airline_does_not_accept_gives_everything_back(alliance, carrier):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    carrier.valid = Outcome.DECLINED

    assert alliance.advance(carrier, member, ref, at=SENT_AT) == "declined"
    assert alliance.reason(member, ref) == "account_refused"
    assert carrier.asked == ["validate"]
    assert alliance.available(member) == 10_000

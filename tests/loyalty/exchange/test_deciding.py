"""What people decide: what was learned elsewhere, and what is not final."""

from dataclasses import replace
from datetime import timedelta

import pytest

from loyalty.exchange import deciding
from loyalty.exchange.errors import (
    ExchangeFinal,
    ExchangeMovedOn,
    PartnerHasTime,
    ReversalUnderWay,
)
from loyalty.exchange.queries import due
from loyalty.exchange.rules import Asked, Case, Question, next_question
from partners.ports import Outcome
from tests.loyalty.exchange.alliance import (
    A_DAY,
    A_MINUTE,
    FROM_MILES,
    SENT_AT,
    TO_MILES,
)

AN_HOUR = timedelta(hours=1)
LATE = SENT_AT + timedelta(hours=72)


@pytest.fixture
def stuck(alliance, carrier):
    """An exchange that the airline was asked for, and says nothing about."""

    def ask(direction="out", *, done=True):
        member = alliance.member(10_000)
        alliance.bind(member)
        ref = (alliance.out if direction == "out" else alliance.into)(member)
        carrier.tell(Outcome.UNKNOWN, done=done)
        alliance.advance(carrier, member, ref, at=SENT_AT)
        assert alliance.state(member, ref) == "sent"
        return {"member_id": member, "exchange_ref": ref}

    return ask


@pytest.fixture
def settle(alliance):
    """Have two people settle an exchange."""

    def by_two(key, outcome, *, at=LATE, applied_at=None):
        asked = deciding.ask_settlement(
            alliance.session,
            **key,
            outcome=outcome,
            partner_ref="TEL-1",
            reason="their desk, by telephone",
            maker=alliance.maker,
            at=at,
        )
        return deciding.apply_settlement(
            alliance.session,
            approval=alliance.approve(asked, at=at),
            at=applied_at or at,
        )

    return by_two


@pytest.mark.parametrize(
    ("direction", "outcome", "end"),
    [
        ("out", Outcome.CONFIRMED, ("confirmed", 0, {"MU": 80_00})),
        ("out", Outcome.DECLINED, ("declined", 10_000, {})),
        ("in", Outcome.CONFIRMED, ("confirmed", 15_000, {})),
        ("in", Outcome.DECLINED, ("declined", 10_000, {})),
    ],
)
def test_what_two_people_learned_settles_it_like_an_answer(
    *, alliance, stuck, settle, direction, outcome, end
):
    key = stuck(direction)

    done = settle(key, outcome)

    assert (done.state, alliance.available(key["member_id"])) == end[:2]
    assert alliance.held(key["member_id"]) == 0
    assert alliance.report()["payable"] == end[2]
    last = alliance.rows(
        "SELECT what, outcome, partner_ref, detail FROM exchange_attempt"
        " ORDER BY attempt_no DESC LIMIT 1"
    )
    assert last == [("learn", str(outcome), "TEL-1", "their desk, by telephone")]
    (actor,) = alliance.rows(
        "SELECT actor FROM exchange_event ORDER BY nth DESC LIMIT 1"
    )
    assert actor == (f"staff:{alliance.checker}",)


def test_nobody_answers_for_a_partner_that_has_time(alliance, stuck, settle):
    key = stuck()
    with pytest.raises(PartnerHasTime):
        settle(key, Outcome.DECLINED, at=LATE - A_MINUTE)
    assert alliance.held(key["member_id"]) == 10_000


def test_what_the_partner_said_meanwhile_counts(alliance, carrier, stuck):
    key = stuck()
    asked = deciding.ask_settlement(
        alliance.session,
        **key,
        outcome=Outcome.DECLINED,
        partner_ref=None,
        reason="their desk",
        maker=alliance.maker,
        at=LATE,
    )
    approved = alliance.approve(asked, at=LATE)
    alliance.advance(carrier, *key.values(), at=LATE)

    with pytest.raises(ExchangeMovedOn):
        deciding.apply_settlement(alliance.session, approval=approved, at=LATE)

    assert alliance.state(*key.values()) == "confirmed"
    assert alliance.report()["payable"] == {"MU": 80_00}


def test_what_was_settled_wrongly_comes_out_as_a_dispute(
    alliance, carrier, stuck, settle
):
    key = stuck(done=True)
    settle(key, Outcome.DECLINED)
    assert due(alliance.session, at=LATE + A_DAY - A_MINUTE) == []
    assert [one.member_id for one in due(alliance.session, at=LATE + A_DAY)] == [
        key["member_id"]
    ]

    alliance.advance(carrier, *key.values(), at=LATE + A_DAY)

    assert alliance.state(*key.values()) == "disputed"
    settle(key, Outcome.DECLINED, at=LATE + A_DAY)
    assert alliance.reason(*key.values()) == "taken_back_by_partner"
    alliance.report()


@pytest.fixture
def credited(alliance, carrier):
    """An exchange that the airline has done, by a rate card of some kind."""

    def do(*, is_irrevocable, direction="out"):
        facts = {"out": TO_MILES, "in": FROM_MILES}[direction]
        alliance.rate("MU", direction, replace(facts, is_irrevocable=is_irrevocable))
        member = alliance.member(10_000)
        alliance.bind(member)
        ref = (alliance.out if direction == "out" else alliance.into)(member)
        alliance.advance(carrier, member, ref, at=SENT_AT)
        assert alliance.state(member, ref) == "confirmed"
        return {"member_id": member, "exchange_ref": ref}

    return do


@pytest.fixture
def take_back(alliance):
    """Have two people want something taken back."""

    def by_two(key):
        at = SENT_AT + AN_HOUR
        asked = deciding.ask_take_back(
            alliance.session,
            **key,
            reason="the member asks for it",
            maker=alliance.maker,
            at=at,
        )
        approved = alliance.approve(asked, at=at)
        deciding.apply_take_back(alliance.session, approval=approved, at=at)

    return by_two


def test_what_is_final_is_not_asked_back_once_they_have_done_it(
    alliance, carrier, credited, take_back
):
    key = credited(is_irrevocable=True)

    with pytest.raises(ExchangeFinal):
        take_back(key)

    alliance.advance(carrier, *key.values(), at=SENT_AT + AN_HOUR)
    assert carrier.asked == ["validate", "credit"]
    assert alliance.report()["payable"] == {"MU": 80_00}


def test_what_is_not_final_comes_back_to_its_lots(
    alliance, carrier, credited, take_back
):
    key = credited(is_irrevocable=False)
    take_back(key)

    alliance.advance(carrier, *key.values(), at=SENT_AT + AN_HOUR)

    assert alliance.state(*key.values()) == "declined"
    assert alliance.reason(*key.values()) == "taken_back_by_partner"
    assert (alliance.available(key["member_id"]), carrier.balance) == (10_000, 0)
    assert alliance.lots(key["member_id"])[0][3].isoformat() == "2010-10-31"
    assert alliance.report()["payable"] == {}


def test_what_they_keep_stays_done_and_is_not_asked_for_twice(
    alliance, carrier, credited, take_back
):
    key = credited(is_irrevocable=False)
    take_back(key)
    carrier.tell(Outcome.DECLINED, done=False)

    alliance.advance(carrier, *key.values(), at=SENT_AT + AN_HOUR)

    assert alliance.state(*key.values()) == "confirmed"
    assert alliance.reason(*key.values()) == "kept_by_partner"
    assert alliance.report()["payable"] == {"MU": 80_00}
    with pytest.raises(ExchangeFinal):
        take_back(key)


def test_what_came_in_is_never_asked_back(credited, take_back):
    with pytest.raises(ExchangeMovedOn):
        take_back(credited(is_irrevocable=False, direction="in"))


def test_nothing_is_written_off_that_is_being_taken_back(
    alliance, carrier, stuck, settle
):
    key = stuck(done=True)
    settle(key, Outcome.DECLINED)
    alliance.advance(carrier, *key.values(), at=LATE + A_DAY)
    deciding.ask_back(alliance.session, **key, actor="staff:1", at=LATE + A_DAY)
    wish = {"reason": "their queue", "maker": alliance.maker, "at": LATE + A_DAY}

    with pytest.raises(ReversalUnderWay):
        deciding.ask_write_off(alliance.session, **key, **wish)


def test_what_was_written_off_and_never_credited_is_owed_no_longer(
    alliance, carrier, stuck, settle
):
    key = stuck(done=True)
    settle(key, Outcome.DECLINED)
    alliance.advance(carrier, *key.values(), at=LATE + A_DAY)
    assert alliance.state(*key.values()) == "disputed"
    asked = deciding.ask_write_off(
        alliance.session,
        **key,
        reason="their queue",
        maker=alliance.maker,
        at=LATE + A_DAY,
    )
    approved = alliance.approve(asked, at=LATE + A_DAY)
    deciding.apply_write_off(alliance.session, approval=approved, at=LATE + A_DAY)
    assert alliance.report()["payable"] == {"MU": 80_00}

    carrier.tell(Outcome.DECLINED, done=False)
    alliance.advance(carrier, *key.values(), at=LATE + 2 * A_DAY + A_MINUTE)

    assert alliance.reason(*key.values()) == "refused_after_acceptance"
    assert alliance.available(key["member_id"]) == 10_000
    assert alliance.rows(
        "SELECT points, unrecovered_points, money_fen, unrecovered_fen"
        " FROM exchange_reversal"
    ) == [(0, 0, 80_00, 0)]
    assert alliance.report()["payable"] == {}


@pytest.mark.parametrize(
    ("state", "asked", "expected"),
    [
        ("sent", [("move_units", "unknown")], Question.LOOK_UP),
        ("sent", [("move_units", None)], None),
        ("sent", [("validate_member", "unknown")], Question.VALIDATE),
        ("requested", [], Question.VALIDATE),
        ("confirmed", [("move_units", "confirmed")], Question.LOOK_UP),
        ("declined", [("move_units", "declined")], Question.LOOK_UP),
        ("disputed", [("move_units", "unknown")], Question.LOOK_UP),
        ("declined", [], None),
    ],
)
def test_who_wants_to_know_now_waits_only_for_an_answer(state, asked, expected):
    case = Case(
        state=state,
        state_at=SENT_AT,
        send_after=SENT_AT,
        deadline=LATE,
        is_reversal_wanted=False,
        asked=[Asked(what, SENT_AT, outcome) for what, outcome in asked],
    )
    at = SENT_AT + timedelta(seconds=1)
    assert next_question(case, at=at, is_urged=True) == expected

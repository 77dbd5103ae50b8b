"""Sessions, throttles, and what guards a member's spending."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from loyalty.access import operations
from loyalty.access.errors import TooManyAttempts
from loyalty.access.queries import (
    Guard,
    guard,
    live_session,
    member_of_number,
    numbers_of,
)
from loyalty.access.rules import Throttle

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
THREE_A_MINUTE = Throttle("number:13300000001", failures=3, seconds=60)


@pytest.fixture
def join(session):
    def bring(msisdn, *, ended_on=None, state="active", deceased=False):
        member_id = session.execute(
            text(
                "INSERT INTO member (member_ref, joined_on, deceased)"
                " VALUES (:ref, '2005-03-01', :deceased) RETURNING member_id"
            ),
            {"ref": f"M{msisdn}", "deceased": deceased},
        ).scalar_one()
        facts = {"member": member_id, "msisdn": msisdn, "on": ended_on, "state": state}
        session.execute(
            text(
                "INSERT INTO claim (space, key, member_id, content)"
                " VALUES ('msisdn', :msisdn, :member, gen_random_uuid())"
            ),
            facts,
        )
        session.execute(
            text(
                """
                INSERT INTO subscription (
                    member_id, msisdn, activated_on, network, brand, pay_type, state,
                    state_at, ended_on, content)
                VALUES (:member, :msisdn, '2005-03-01', 'CDMA', 'up', 'postpaid',
                        :state, '2005-03-01', :on, gen_random_uuid())
                """
            ),
            facts,
        )
        return member_id

    return bring


@pytest.fixture
def live(session, keyring, noon):
    def ask(token, *, after=timedelta(0), owner="member"):
        return live_session(
            session,
            token_hash=operations.token_hash(keyring, token),
            owner=owner,
            at=noon + after,
            idle=30 * MINUTE,
            absolute=timedelta(hours=12),
        )

    return ask


@pytest.fixture
def start(session, keyring, noon):
    def begin(owner_id=7, owner="member"):
        return operations.start_session(
            session,
            owner=owner,
            owner_id=owner_id,
            method="test",
            keyring=keyring,
            at=noon,
        )

    return begin


def test_a_session_is_found_by_a_token_that_is_kept_as_a_hash(start, live, session):
    token = start()

    assert live(token).owner_id == 7
    kept = session.scalar(text("SELECT token_hash FROM web_session"))
    assert token.encode() not in kept
    assert live(f"{token}x") is None


def test_a_session_of_a_member_is_none_of_staff(start, live):
    assert live(start(), owner="staff") is None


def test_a_session_ends_when_nobody_comes(start, live):
    token = start()

    assert live(token, after=29 * MINUTE)
    assert live(token, after=31 * MINUTE) is None


def test_a_session_ends_after_half_a_day_even_if_it_is_used(
    start, live, session, keyring, noon
):
    token = start()
    for minutes in range(20, 720, 20):
        operations.touch_session(
            session,
            token_hash=operations.token_hash(keyring, token),
            at=noon + minutes * MINUTE,
        )

    assert live(token, after=719 * MINUTE)
    assert live(token, after=721 * MINUTE) is None


def test_all_sessions_of_one_end_together_but_the_present_one(
    start, live, session, keyring, noon
):
    here, there, of_another = start(), start(), start(owner_id=8)

    operations.end_sessions(
        session,
        owner="member",
        owner_id=7,
        at=noon,
        but=operations.token_hash(keyring, here),
    )

    assert live(here)
    assert live(there) is None
    assert live(of_another)


def test_too_many_failures_close_the_door_for_a_while(session, keyring, noon):
    about = {"throttles": (THREE_A_MINUTE,), "keyring": keyring}
    for second in range(3):
        at = noon + timedelta(seconds=second)
        operations.let_try(session, at=at, **about)
        operations.count_failure(session, at=at, **about)

    with pytest.raises(TooManyAttempts) as refused:
        operations.let_try(session, at=noon + timedelta(seconds=3), **about)
    assert refused.value.facts == {"retry_after": 57}
    operations.let_try(session, at=noon + MINUTE, **about)


def test_who_came_in_after_all_starts_anew(session, keyring, noon):
    about = {"throttles": (THREE_A_MINUTE,), "keyring": keyring}
    for _ in range(3):
        operations.count_failure(session, at=noon, **about)
    with pytest.raises(TooManyAttempts):
        operations.let_try(session, at=noon, **about)

    operations.forget_failures(session, throttle=THREE_A_MINUTE, keyring=keyring)

    operations.let_try(session, at=noon, **about)


def test_failures_of_one_are_none_of_another(session, keyring, noon):
    for _ in range(3):
        operations.count_failure(
            session, throttles=(THREE_A_MINUTE,), keyring=keyring, at=noon
        )

    with pytest.raises(TooManyAttempts):
        operations.let_try(
            session, throttles=(THREE_A_MINUTE,), keyring=keyring, at=noon
        )

    other = Throttle("number:13300000002", failures=3, seconds=60)
    operations.let_try(session, throttles=(other,), keyring=keyring, at=noon)


def test_what_is_counted_names_nobody(session, keyring, noon):
    operations.count_failure(
        session, throttles=(THREE_A_MINUTE,), keyring=keyring, at=noon
    )

    assert b"133" not in session.scalar(text("SELECT key FROM attempt_failed"))


def test_a_member_of_whom_nothing_is_known_is_guarded_by_nothing(session):
    assert guard(session, 7) == Guard(None, None, None)


def test_a_member_locks_and_unlocks_spending(session, noon):
    operations.lock_spending(session, member_id=7, at=noon)
    assert guard(session, 7).spend_locked_at == noon

    operations.lock_spending(session, member_id=7, at=noon, locked=False)
    assert guard(session, 7).spend_locked_at is None


def test_a_change_of_contact_cools_down_for_three_days(session, noon):
    assert operations.cool_down(session, member_id=7, at=noon) == noon + 3 * DAY
    assert guard(session, 7).cool_down_until == noon + 3 * DAY


def test_a_shorter_wait_does_not_cut_a_longer_one(session, noon):
    operations.cool_down(session, member_id=7, at=noon)
    operations.cool_down(session, member_id=7, at=noon, hours=24)

    assert guard(session, 7).cool_down_until == noon + 3 * DAY


def test_who_comes_back_after_a_year_waits_for_a_day(session, noon):
    operations.record_sign_in(session, member_id=7, at=noon - 366 * DAY)
    assert guard(session, 7).cool_down_until is None

    operations.record_sign_in(session, member_id=7, at=noon)

    assert guard(session, 7) == Guard(None, noon + DAY, noon)


def test_who_comes_often_waits_for_nothing(session, noon):
    operations.record_sign_in(session, member_id=7, at=noon - 300 * DAY)
    operations.record_sign_in(session, member_id=7, at=noon)

    assert guard(session, 7) == Guard(None, None, noon)


@pytest.mark.parametrize(
    ("line", "is_reached"),
    [
        ((None, "active"), True),
        ((None, "suspended"), True),
        ((date(2025, 12, 2), "closed"), True),
        ((date(2025, 11, 1), "closed"), False),
        ((date(2020, 1, 1), "ported_out"), True),
    ],
)
def test_a_number_that_was_given_up_becomes_somebody_elses(
    session, join, noon, line, is_reached
):
    ended_on, state = line
    member_id = join("13300000001", ended_on=ended_on, state=state)

    found = member_of_number(session, msisdn="13300000001", at=noon)

    assert found == (member_id if is_reached else None)
    numbers = numbers_of(session, member_id=member_id, at=noon)
    assert list(numbers) == (["13300000001"] if is_reached else [])


def test_nobody_signs_in_for_the_dead(session, join, noon):
    join("13300000001", deceased=True)

    assert member_of_number(session, msisdn="13300000001", at=noon) is None


def test_an_unknown_number_reaches_nobody(session, noon):
    assert member_of_number(session, msisdn="13300000001", at=noon) is None


@pytest.mark.parametrize("state", ["closed", "ported_out"])
def test_who_has_left_is_reached_until_somebody_else_has_the_number(
    session, join, noon, state
):
    gone = join("13300000001", ended_on=date(2026, 2, 20), state=state)
    session.execute(text("DELETE FROM claim WHERE space = 'msisdn'"))
    assert member_of_number(session, msisdn="13300000001", at=noon) == gone
    assert list(numbers_of(session, member_id=gone, at=noon)) == ["13300000001"]

    session.execute(text("UPDATE member SET member_ref = 'GONE'"))
    heir = join("13300000001")

    assert member_of_number(session, msisdn="13300000001", at=noon) == heir
    assert list(numbers_of(session, member_id=gone, at=noon)) == []

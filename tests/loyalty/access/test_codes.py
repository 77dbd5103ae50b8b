"""One-time codes: bound to one thing, good for five minutes and five tries."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from loyalty.access.errors import (
    CodeExpired,
    CodeSpent,
    ConfirmationMissing,
    TooManyCodes,
)
from loyalty.access.models import OneTimeCode
from loyalty.access.operations import (
    issue_code,
    sign_in_with_code,
    spend_code,
    verified,
    verify_code,
    verify_newest,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ORDER = "order 1: INS-A × 1 for 2500 points"


@pytest.fixture
def issue(session, keyring, noon):
    def make(*, member_id=7, purpose="confirm", bound=ORDER, at=noon):
        return issue_code(
            session,
            member_id=member_id,
            purpose=purpose,
            bound=bound,
            keyring=keyring,
            at=at,
        )

    return make


@pytest.fixture
def verify(session, keyring, noon):
    def ask(issued, code=None, *, at=noon):
        return verify_code(
            session,
            code_id=issued.code_id,
            code=issued.code if code is None else code,
            keyring=keyring,
            at=at,
        )

    return ask


@pytest.fixture
def spend(session, noon):
    def use(*, member_id=7, purpose="confirm", bound=ORDER, at=noon):
        spend_code(session, member_id=member_id, purpose=purpose, bound=bound, at=at)

    return use


def wrong(issued):
    return f"{(int(issued.code) + 1) % 1_000_000:06}"


def test_a_code_has_six_digits_and_is_kept_as_a_hash(issue, session):
    issued = issue()

    kept = session.get_one(OneTimeCode, issued.code_id)
    assert len(issued.code) == 6
    assert issued.code.isdecimal()
    assert issued.code.encode() not in kept.code_hash
    assert len(kept.code_hash) == 32


def test_a_verified_code_can_be_spent_once(issue, verify, spend):
    assert verify(issue())

    spend()
    with pytest.raises(ConfirmationMissing):
        spend()


def test_a_code_that_nobody_verified_confirms_nothing(issue, spend):
    issue()

    with pytest.raises(ConfirmationMissing):
        spend()


@pytest.mark.parametrize(
    "other",
    [{"bound": f"{ORDER}0"}, {"member_id": 8}, {"purpose": "assist"}],
)
def test_a_code_confirms_what_it_is_bound_to_and_nothing_else(
    issue, verify, spend, other
):
    verify(issue())

    with pytest.raises(ConfirmationMissing):
        spend(**other)
    spend()


def test_a_code_is_good_for_five_minutes(issue, verify, noon):
    issued = issue()

    assert not verify(issued, wrong(issued), at=noon + 5 * MINUTE - SECOND)
    with pytest.raises(CodeExpired):
        verify(issued, at=noon + 5 * MINUTE)


def test_a_verified_code_is_good_for_five_minutes_more(issue, verify, spend, noon):
    verify(issue(), at=noon + 4 * MINUTE)

    with pytest.raises(ConfirmationMissing):
        spend(at=noon + 9 * MINUTE)
    spend(at=noon + 9 * MINUTE - SECOND)


def test_the_right_code_is_refused_after_five_wrong_ones(issue, verify):
    issued = issue()

    for _ in range(5):
        assert not verify(issued, wrong(issued))
    with pytest.raises(CodeSpent):
        verify(issued)


def test_the_right_code_may_come_twice_until_it_is_spent(issue, verify, spend):
    issued = issue()

    assert verify(issued)
    assert verify(issued)
    spend()
    with pytest.raises(CodeSpent):
        verify(issued)


def test_a_code_that_was_never_sent_is_expired(session, keyring, noon):
    with pytest.raises(CodeExpired):
        verify_code(session, code_id=uuid4(), code="123456", keyring=keyring, at=noon)


def test_a_newer_code_ends_the_one_before(issue, verify, noon):
    first = issue()
    second = issue(at=noon + MINUTE)

    with pytest.raises(CodeExpired):
        verify(first, at=noon + MINUTE)
    assert verify(second, at=noon + MINUTE)


def test_the_newest_code_is_found_by_what_it_confirms(issue, session, keyring, noon):
    asked: dict[str, Any] = {"member_id": 7, "purpose": "confirm", "bound": ORDER}
    issued = issue()

    def ask(**other):
        return verify_newest(
            session, code=issued.code, keyring=keyring, at=noon, **asked | other
        )

    with pytest.raises(CodeExpired):
        ask(bound="something else")
    assert ask()
    assert verified(session, at=noon, **asked)


def test_the_same_is_sent_again_after_a_minute(issue, noon):
    issue()

    with pytest.raises(TooManyCodes) as refused:
        issue(at=noon + 20 * SECOND)
    assert refused.value.facts == {"retry_after": 40}
    issue(bound="another order", at=noon + 20 * SECOND)
    issue(at=noon + MINUTE)


def test_a_member_has_five_codes_an_hour_whatever_they_confirm(issue, noon):
    for number in range(5):
        issue(bound=f"order {number}", at=noon + number * MINUTE)

    with pytest.raises(TooManyCodes) as refused:
        issue(bound="order 6", at=noon + 50 * MINUTE)
    assert refused.value.facts == {"retry_after": 600}
    issue(bound="order 6", at=noon + 61 * MINUTE)


def test_a_number_of_nobody_is_throttled_like_a_members(issue, noon):
    for member_id in (7, None):
        number = f"number of {member_id}"
        for minute in range(5):
            issue(
                member_id=member_id,
                purpose="sign_in",
                bound=number,
                at=noon + minute * MINUTE,
            )
        with pytest.raises(TooManyCodes):
            issue(
                member_id=member_id,
                purpose="sign_in",
                bound=number,
                at=noon + 6 * MINUTE,
            )


def test_nobody_signs_in_with_the_code_of_a_number_of_nobody(
    issue, session, keyring, noon
):
    issued = issue(member_id=None, purpose="sign_in", bound="somewhere")

    who = sign_in_with_code(
        session, code_id=issued.code_id, code=issued.code, keyring=keyring, at=noon
    )

    assert who is None
    assert session.get_one(OneTimeCode, issued.code_id).attempts_left == 4


def test_a_sign_in_uses_its_code_up(issue, session, keyring, noon):
    issued = issue(purpose="sign_in", bound="a number")
    shown = {"code_id": issued.code_id, "code": issued.code, "keyring": keyring}

    assert sign_in_with_code(session, at=noon, **shown) == 7
    with pytest.raises(CodeSpent):
        sign_in_with_code(session, at=noon, **shown)


def test_the_code_of_an_order_signs_nobody_in(issue, session, keyring, noon):
    issued = issue()

    with pytest.raises(CodeExpired):
        sign_in_with_code(
            session, code_id=issued.code_id, code=issued.code, keyring=keyring, at=noon
        )


def test_the_database_knows_no_negative_attempts(issue, session):
    issued = issue()

    with pytest.raises(Exception, match="one_time_code_attempts_run_out"):
        session.execute(
            text("UPDATE one_time_code SET attempts_left = -1 WHERE code_id = :id"),
            {"id": issued.code_id},
        )


def test_a_hundred_guesses_at_once_are_five(fresh_database, keyring, noon):
    with fresh_database.unit_of_work() as session:
        issued = issue_code(
            session,
            member_id=7,
            purpose="sign_in",
            bound="a number",
            keyring=keyring,
            at=noon,
        )

    def guess(_):
        try:
            with fresh_database.unit_of_work() as session:
                return verify_code(
                    session,
                    code_id=issued.code_id,
                    code=wrong(issued),
                    keyring=keyring,
                    at=noon,
                )
        except CodeSpent:
            return None

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(guess, range(40)))

    assert answers.count(False) == 5
    assert answers.count(None) == 35


def test_a_confirmation_is_spent_once_by_those_who_race_for_it(
    fresh_database, keyring, noon
):
    about: dict[str, Any] = {"member_id": 7, "purpose": "confirm", "bound": ORDER}
    with fresh_database.unit_of_work() as session:
        issued = issue_code(session, keyring=keyring, at=noon, **about)
        verify_code(
            session, code_id=issued.code_id, code=issued.code, keyring=keyring, at=noon
        )

    def take(_):
        try:
            with fresh_database.unit_of_work() as session:
                spend_code(session, at=noon, **about)
        except ConfirmationMissing:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == 1
    with fresh_database.unit_of_work() as session:
        assert session.scalars(select(OneTimeCode.used_at)).all() == [noon]


def test_codes_asked_for_at_once_are_one(fresh_database, keyring, noon):
    def ask(_):
        try:
            with fresh_database.unit_of_work() as session:
                issue_code(
                    session,
                    member_id=None,
                    purpose="sign_in",
                    bound="a number",
                    keyring=keyring,
                    at=noon,
                )
        except TooManyCodes:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(16))) == 1

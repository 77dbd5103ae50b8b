"""What a membership brings: counted, shown by a code, undone, and what it costs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ledger.book import Book
from loyalty.clubs import benefits, queries
from loyalty.clubs.errors import (
    BenefitCodeExpired,
    BenefitCodeSpent,
    NotAClubMember,
    NothingLeft,
    ReasonMissing,
    UnknownBenefit,
    UnknownBenefitCode,
    UnknownUse,
    UseNotReversible,
)
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.finance.queries import month_report
from loyalty.vouchers.rules import BITS_MIN
from tests.loyalty.clubs.conftest import Club, at_noon
from tests.loyalty.orders.shop import KEYRING, NOON


@pytest.fixture
def driver(club):
    """A member of the car club."""
    member_id = club.member(2_500)
    club.place(member_id, "CLUB-CAR")
    return member_id


def left(club, member_id, entitlement):
    """How often a member can have something still."""
    (found,) = (
        one for one in club.card(member_id).benefits if one.entitlement == entitlement
    )
    return found.left


def test_a_card_says_what_is_left_in_the_terms_order(club, driver):
    assert [
        (one.entitlement, one.per_term, one.left) for one in club.card(driver).benefits
    ] == [
        ("rescue", 2, 2),
        ("towing", 1, 1),
        ("guidance", None, None),
        ("servicing", None, None),
        ("discount", None, None),
    ]


def test_a_code_cannot_be_guessed_and_is_kept_sealed(club, driver):
    shown = club.code(driver, "rescue")

    bare = shown.code.replace(" ", "")
    assert len(bare) * 5 >= BITS_MIN
    ((sealed, hashed, tail),) = club.rows(
        "SELECT code_sealed, code_hash, code_tail FROM benefit_code"
    )
    assert bare.encode() not in bytes(sealed) + bytes(hashed)
    assert bare.endswith(tail)
    assert left(club, driver, "rescue") == 2


def test_its_owner_can_see_a_code_again_while_it_is_good(club, driver):
    shown = club.code(driver, "rescue")
    ref = club.card(driver).membership.membership_ref
    ask = partial(
        benefits.good_code,
        club.session,
        member_id=driver,
        membership_ref=ref,
        entitlement="rescue",
        keyring=KEYRING,
    )

    assert ask(at=NOON) == shown
    assert ask(at=NOON + timedelta(hours=24)) is None


def test_a_code_is_used_once_however_it_is_typed(club, driver):
    code = club.code(driver, "rescue").code

    club.use(code.lower().replace(" ", "-"))
    with pytest.raises(BenefitCodeSpent):
        club.use(code)

    assert left(club, driver, "rescue") == 1
    with pytest.raises(UnknownBenefitCode):
        club.use("AAAA BBBB CCCC DDDD")


def test_a_use_sent_again_is_the_same(club, driver):
    code = club.code(driver, "rescue").code

    first = club.use(code, reference="click")

    assert club.use(code, reference="click") is first
    assert left(club, driver, "rescue") == 1


def test_only_the_newest_code_is_good_and_for_a_day(club, driver):
    first = club.code(driver, "rescue").code
    second = club.code(driver, "rescue").code

    with pytest.raises(BenefitCodeSpent):
        club.use(first)
    with pytest.raises(BenefitCodeExpired):
        club.use(second, at=NOON + timedelta(hours=24))
    club.use(second, at=NOON + timedelta(hours=23))


def test_what_is_used_up_gives_no_more_codes(club, driver):
    club.use(club.code(driver, "towing").code)

    with pytest.raises(NothingLeft):
        club.code(driver, "towing")
    for _ in range(3):
        club.use(club.code(driver, "guidance").code)


def test_a_code_ends_with_the_membership(club, driver):
    code = club.code(driver, "rescue").code
    club.leave(driver, "CAR")

    with pytest.raises(BenefitCodeSpent):
        club.use(code)


def test_a_code_does_not_outlive_the_term(club):
    member_id = club.member(2_500)
    club.place(member_id, "CLUB-CAR")
    last = at_noon(date(2008, 10, 14))
    code = club.code(member_id, "rescue", at=last).code

    with pytest.raises(NotAClubMember):
        club.use(code, at=last + timedelta(hours=23))


def test_nobody_has_what_the_club_does_not_bring(club, driver):
    with pytest.raises(UnknownBenefit):
        club.code(driver, "coaching")


def test_a_use_costs_the_club_and_never_the_accrued_points(club, driver):
    """domain.md A17."""
    before = month_report(club.session, date(2007, 10, 1))
    club.use(club.code(driver, "rescue").code, reference="at-the-motorway")
    club.use(club.code(driver, "guidance").code)

    assert club.rows(
        "SELECT club, member_id, kind, incurred_on, fen, reference FROM club_cost"
    ) == [
        (
            "CAR",
            driver,
            "rescue",
            NOON.date(),
            120_00,
            f"benefit:{driver}:at-the-motorway",
        )
    ]
    after = month_report(club.session, date(2007, 10, 1))
    assert (after["cost"], after["payable"]) == (before["cost"], before["payable"])


def test_an_undone_use_can_be_had_again_and_costs_nothing(club, driver):
    done = club.use(club.code(driver, "towing").code)
    undo = partial(
        benefits.reverse,
        club.session,
        member_id=driver,
        use_ref=done.use_ref,
        actor="staff:1",
        at=NOON,
    )

    with pytest.raises(ReasonMissing):
        undo(reason=" ")
    undone = undo(reason="nobody came")
    assert undo(reason="nobody came") is undone
    with pytest.raises(UseNotReversible):
        undo(use_ref=undone.use_ref, reason="by mistake")
    with pytest.raises(UnknownUse):
        undo(use_ref="never", reason="by mistake")

    assert left(club, driver, "towing") == 1
    assert club.rows("SELECT sum(fen), count(*) FROM club_cost") == [(0, 2)]
    views = queries.uses(club.session, club="CAR")
    assert {(one.reverses is None, one.is_reversed) for one in views} == {
        (True, True),
        (False, False),
    }


@pytest.mark.usefixtures("driver")
def test_the_database_refuses_what_is_below_nothing(club):
    for change in ("used = per_term + 1", "used = -1"):
        with pytest.raises(IntegrityError), club.session.begin_nested():
            club.session.execute(
                text(f"UPDATE club_benefit SET {change} WHERE per_term IS NOT NULL")
            )


@pytest.fixture
def crew(fresh_database):
    """A member of the car club in a database where one may commit."""
    with fresh_database.unit_of_work() as session:
        club = Club(session)
        club.open()
        member_id = club.member(2_500)
        club.place(member_id, "CLUB-CAR")
        return member_id, club.card(member_id).membership.membership_ref


def together(calls):
    def attempt(call):
        try:
            return call()
        except LoyaltyError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(attempt, calls))


def test_many_at_once_have_no_more_than_there_is(fresh_database, crew):
    member_id, ref = crew
    calls = [
        partial(
            retrying,
            fresh_database,
            partial(
                benefits.use,
                member_id=member_id,
                membership_ref=ref,
                entitlement="rescue",
                reference=uuid4().hex,
                actor="staff:1",
                channel="club",
                at=NOON,
            ),
        )
        for _ in range(16)
    ]

    answers = together(calls)

    assert sum(isinstance(one, NothingLeft) for one in answers) == 14
    with fresh_database.unit_of_work() as session:
        club = Club(session)
        assert left(club, member_id, "rescue") == 0
        assert club.rows("SELECT count(*), sum(fen) FROM club_cost") == [(2, 240_00)]
        assert Book(session).prove() == []


def test_two_counters_with_one_code_are_one_use(fresh_database, crew):
    member_id, _ = crew
    with fresh_database.unit_of_work() as session:
        code = Club(session).code(member_id, "rescue").code

    def at_a_counter(session):
        return Club(session).use(code)

    answers = together([partial(retrying, fresh_database, at_a_counter)] * 8)

    assert sum(isinstance(one, BenefitCodeSpent) for one in answers) == 7
    with fresh_database.unit_of_work() as session:
        assert left(Club(session), member_id, "rescue") == 1


def test_many_clicks_on_join_are_one_membership(fresh_database):
    with fresh_database.unit_of_work() as session:
        club = Club(session)
        club.open()
        member_id = club.member()
        club.stand(member_id, "GOLD")

    def click(session):
        return Club(session).join(member_id, "TT", way="tier")

    together([partial(retrying, fresh_database, click)] * 8)

    with fresh_database.unit_of_work() as session:
        assert len(queries.history(session, member_id=member_id)) == 1

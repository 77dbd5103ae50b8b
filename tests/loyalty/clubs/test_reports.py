"""Whom clubs reach, who stays, what they cost, and what less churn saves."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty.clubs import operations, reports
from loyalty.clubs.operations import Leaver
from loyalty.clubs.rules import churn_saving_fen, of_year, percent_hundredths
from tests.loyalty.clubs.conftest import at_noon
from tests.loyalty.orders.shop import NOON

FIRST, LAST = date(2007, 10, 1), date(2008, 1, 31)


def crowd(club, members, *, prefix="C"):
    """Bring in many members at once; return the first and the last id."""
    ids = club.session.scalars(
        text(
            "INSERT INTO member (member_ref, joined_on)"
            " SELECT :prefix || n, '2005-01-01' FROM generate_series(1, :members) n"
            " RETURNING member_id"
        ),
        {"members": members, "prefix": prefix},
    ).all()
    return ids[0], ids[-1]


def enrol(club, first, last, club_code="TT"):
    """Let members of consecutive ids belong to a club since October."""
    club.session.execute(
        text(
            """
            INSERT INTO club_membership (member_id, membership_ref, club, terms_version,
                   way, starts_on, ends_on, state, state_at, joined_at)
            SELECT member_id, :club, :club, 1, 'invitation', '2007-10-15',
                   '2008-10-14', 'active', :at, :at FROM member
             WHERE member_id BETWEEN :first AND :last
            """
        ),
        {"club": club_code, "first": first, "last": last, "at": NOON},
    )


def depart(club, member_id, on, *, back=None, to=None):
    """Let members of consecutive ids leave the network, and come back if told."""
    club.session.execute(
        text(
            """
            INSERT INTO departure (member_id, event_ref, cause_ref, left_on, left_at,
                                   reason, void_on, reinstate_until, reinstated_on)
            SELECT n, 'E', 'E', :on, :on, 'voluntary', :on, :on, :back
              FROM generate_series(CAST(:member AS bigint), :to) n
            """
        ),
        {"member": member_id, "to": to or member_id, "on": on, "back": back},
    )
    if back is None and to is None:
        club.left(member_id, on=on)


def figures(club, code, first=FIRST, last=LAST):
    (found,) = (
        one
        for one in reports.club_figures(club.session, first=first, last=last)
        if one.club == code
    )
    return found


def test_coverage_is_told_as_the_decks_do():
    """domain.md A41, Q23: 214,000 of 486,364 are 44 %; 9,185 are 2 % of 459,250."""
    assert percent_hundredths(214_000, 486_364) == 44_00
    assert percent_hundredths(9_185, 459_250) == 2_00
    assert percent_hundredths(1, 0) is None


def test_a_community_reaches_members_once(club):
    first, last = crowd(club, 500)
    enrol(club, first, first + 219)
    enrol(club, first, first + 9, "BIZ")
    club.left(first, on=date(2008, 1, 10))

    reached = {one.community: one for one in reports.coverage(club.session, on=LAST)}

    assert (reached["SPORTS"].reached, reached["SPORTS"].members) == (219, 499)
    assert reached["BUSINESS"].reached == 9
    assert (reached[None].reached, reached["WOMEN"].reached) == (219, 0)
    before = reports.coverage(club.session, on=date(2007, 12, 31))
    assert (before[-1].reached, before[-1].members) == (220, 500)
    assert before[-1].percent_hundredths == 44_00
    assert last - first == 499


def test_the_car_club_lost_nobody(club):
    """domain.md A44: 2,480 members from October 2007, 0 churned by January 2008."""
    first, last = crowd(club, 2_480)
    enrol(club, first, last, "TT")

    found = figures(club, "TT")

    assert (found.members, found.belonged, found.churned) == (2_480, 2_480, 0)
    assert found.churn_hundredths == 0


def test_churn_counts_who_left_while_they_belonged(club):
    first, last = crowd(club, 100)
    enrol(club, first, last)
    depart(club, first, date(2007, 12, 1))
    depart(club, first + 1, date(2008, 1, 31))
    depart(club, first + 2, date(2007, 12, 1), back=date(2008, 1, 5))  # came back
    depart(club, first + 3, date(2008, 2, 1))  # after these days
    outsider, _ = crowd(club, 1, prefix="X")
    depart(club, outsider, date(2007, 12, 1))

    found = figures(club, "TT")

    assert (found.belonged, found.churned, found.churn_hundredths) == (100, 2, 2_00)


def test_who_was_ended_by_leaving_is_counted_too(club):
    member_id, stays = club.member(), club.member()
    club.join(member_id)
    club.join(stays)
    on = date(2008, 1, 10)
    depart(club, member_id, on)
    operations.end_all(
        club.session,
        leavers=[Leaver(member_id, on, "churn:E")],
        actor="job",
        at=at_noon(on),
    )

    found = figures(club, "TT")

    assert (found.members, found.belonged, found.churned) == (1, 2, 1)
    assert found.churn_hundredths == 50_00


@pytest.mark.parametrize(("left", "hundredths"), [(845, 8_45), (1_098, 10_98), (0, 0)])
def test_churn_of_all_is_of_those_at_the_entry(club, left, hundredths):
    """domain.md A47, Q10: 8.45 % in 2007, 10.98 % in 2006."""
    first, _ = crowd(club, 10_000)
    if left:
        depart(club, first, date(2007, 6, 1), to=first + left - 1)

    year = reports.churn(club.session, first=date(2007, 1, 1), last=date(2007, 12, 31))

    assert (year.members, year.left, year.hundredths) == (10_000, left, hundredths)


def test_less_churn_saves_what_new_customers_cost():
    """domain.md A48: 2.53 points of 437,599 members at 600 yuan are 6.64 M yuan."""
    saved_fen = churn_saving_fen(
        points_hundredths=10_98 - 8_45, members=437_599, cost_fen=600_00
    )

    assert saved_fen == 11_071 * 600_00
    assert saved_fen // 1_000_000 == 664  # 6.64 million yuan


def test_a_month_is_compared_with_a_month_of_last_year():
    year = {"first": date(2008, 1, 1), "last": date(2008, 12, 31)}
    month = {"first": date(2007, 11, 1), "last": date(2007, 11, 30)}

    assert of_year(10_98, **year) == 10_98
    assert of_year(10_98, **month) == 90


def test_the_cost_of_a_club_is_what_its_members_had(club):
    member_id = club.member()
    club.join(member_id)
    club.use(club.code(member_id, "coaching").code)
    second = club.use(club.code(member_id, "coaching").code)
    assert (figures(club, "TT").uses, figures(club, "TT").cost_fen) == (2, 120_00)

    club.undo(member_id, second.use_ref)

    assert (figures(club, "TT").uses, figures(club, "TT").cost_fen) == (1, 60_00)
    earlier = figures(club, "TT", first=date(2007, 9, 1), last=date(2007, 9, 30))
    assert (earlier.uses, earlier.cost_fen, earlier.belonged) == (0, 0, 0)

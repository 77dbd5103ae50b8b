from datetime import date

import pytest
from sqlalchemy import text

from loyalty.tiers.errors import UnknownTier
from loyalty.tiers.operations import grant
from loyalty.tiers.queries import ladder, standing

ON = date(2007, 12, 1)


@pytest.fixture
def member(house):
    return house.member_id


@pytest.fixture
def bill(house):
    return house.bill


def test_the_ladder_is_that_of_the_starting_terms(house):
    assert [(rung.tier, rung.needed) for rung in ladder(house.session, on=ON)] == [
        ("SILVER", 120_000),
        ("GOLD", 240_000),
        ("DIAMOND", 600_000),
    ]


def test_adjusted_bills_of_twelve_months_make_the_tier(session, member, bill):
    bill("2006-12-01", 500_000)  # a day too old
    bill("2006-12-02", 100_000)
    bill("2007-06-05", 140_000, amount_fen=500_000)  # a credit note took the rest
    bill("2007-12-02", 900_000)  # tomorrow's

    found = standing(session, member_id=member, on=ON)

    assert (found.tier, found.figure, found.next_tier) == (
        "GOLD",
        240_000,
        "DIAMOND",
    )
    assert found.until == ON


def test_a_bill_that_was_never_paid_makes_no_tier(session, member, bill):
    bill("2007-06-05", 600_000, standing="canceled")

    assert standing(session, member_id=member, on=ON).tier is None


def test_who_has_left_stands_nowhere(session, member, bill):
    bill("2007-06-05", 600_000)
    session.execute(
        text("UPDATE member SET left_on = '2007-11-30' WHERE member_id = :member"),
        {"member": member},
    )

    assert standing(session, member_id=member, on=date(2007, 11, 29)).tier == "DIAMOND"
    assert standing(session, member_id=member, on=ON).tier is None


@pytest.mark.parametrize(("back_on", "tier"), [(None, "SILVER"), (ON, "DIAMOND")])
def test_a_comeback_starts_anew_unless_the_leaving_is_taken_back(
    session, member, bill, back_on, tier
):
    bill("2007-06-05", 600_000)
    bill("2007-11-05", 120_000)
    session.execute(
        text(
            "INSERT INTO departure (member_id, event_ref, cause_ref, left_on, left_at,"
            " reason, void_on, reinstate_until, booked_at, reinstated_on)"
            " VALUES (:m, 'E', 'E', '2007-09-01', '2007-09-01', 'voluntary',"
            " '2007-09-01', '2007-12-01', now(), :back)"
        ),
        {"m": member, "back": back_on},
    )

    assert standing(session, member_id=member, on=ON).tier == tier


def test_a_grant_gives_a_tier_once(session, member):
    told = {
        "member_id": member,
        "granted_on": date(2007, 11, 1),
        "until": date(2008, 10, 31),
        "reason": "a tournament won",
        "actor": "staff:lin",
    }
    grant(session, tier="DIAMOND", **told)
    grant(session, tier="DIAMOND", **told)

    found = standing(session, member_id=member, on=ON)

    assert (found.tier, found.source, found.until) == (
        "DIAMOND",
        "grant",
        date(2008, 10, 31),
    )


def test_a_tier_that_the_ladder_lacks_is_not_given(session, member):
    with pytest.raises(UnknownTier):
        grant(
            session,
            member_id=member,
            tier="PLATINUM",
            granted_on=ON,
            until=ON,
            reason="",
            actor="staff:lin",
        )


def test_without_terms_nobody_stands_anywhere(session, member):
    session.execute(text("RESET ROLE"))
    session.execute(text("DELETE FROM tier_policy"))

    found = standing(session, member_id=member, on=ON)

    assert (found.tier, found.next_tier, found.missing) == (None, None, 0)

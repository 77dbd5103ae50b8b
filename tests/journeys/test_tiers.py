"""Tiers through files and jobs: what earns them, leaving, and what was posted late."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty.tiers.queries import standing
from tests.journeys.conftest import WANG

CARD = ("CEB", "6226-1", "card")


@pytest.fixture
def act(programme):
    """Use Wang's card at a greengrocer's: a point for each ten yuan."""

    def act(ref, amount, day, original=""):
        row = (ref, *CARD, day, amount, "CNY", "5411", original)
        return programme.load("activities", row)

    return act


@pytest.fixture
def measure(programme):
    """Let other points count, from 1,000 for silver and 2,000 for gold."""

    def measure(what, *, period="calendar", late_days=0):
        with programme.database.unit_of_work() as session:
            session.execute(
                text(
                    """
                    INSERT INTO tier_policy
                    SELECT 2, valid_from, :what, :period, 12, 0, true, false, :late, 30,
                           NULL, loaded_at
                      FROM tier_policy WHERE version = 1
                    """
                ),
                {"what": what, "period": period, "late": late_days},
            )
            session.execute(
                text(
                    "INSERT INTO tier_terms VALUES (2, 'SILVER', 1, 1000),"
                    " (2, 'GOLD', 2, 2000), (2, 'DIAMOND', 3, 5000)"
                )
            )

    return measure


@pytest.fixture
def stands(programme):
    """Tell Wang's tier and what counts for it on a day."""

    def stands(on):
        with programme.database.unit_of_work() as session:
            member_id = session.scalar(
                text("SELECT member_id FROM member WHERE member_ref = 'WANG'")
            )
            found = standing(session, member_id=member_id, on=date.fromisoformat(on))
        return found.tier, found.figure

    return stands


def test_points_at_partners_count_less_what_was_refunded(
    measure, act, bill, pay, stands
):
    measure("partner_points")
    act("T-1", "19990.00", "2007-03-01")
    assert stands("2007-03-01") == ("SILVER", 1_999)
    act("T-2", "10.00", "2007-03-02")
    bill("B-1", "1000.00")
    pay("P-1", "B-1", "2007-10-20", "1000.00")
    assert stands("2007-10-20") == ("GOLD", 2_000)

    act("T-3", "-10.00", "2007-11-01", original="T-2")

    assert stands("2007-11-01") == ("SILVER", 1_999)
    assert stands("2007-10-31") == ("GOLD", 2_000)


def test_points_earned_count_from_bills_once_paid_and_from_partners(
    programme, measure, act, bill, stands
):
    measure("points_earned")
    act("T-1", "5000.00", "2007-10-01")
    bill("B-1", "1000.00")
    assert stands("2007-10-19") == (None, 500)

    programme.load("payments", ("P-1", "B-1", "2007-10-20", "1000.00"))
    assert stands("2007-10-20") == ("GOLD", 2_000)
    programme.load("adjustments", ("A-1", "B-1", "2007-11-01", "-100.00"))
    assert stands("2007-11-01") == ("SILVER", 1_850)

    programme.load("payments", ("P-2", "B-1", "2007-11-02", "-1000.00"))
    assert stands("2007-11-02") == (None, 500)


def test_points_that_are_spent_or_expire_count_all_the_same(
    programme, measure, act, redeem, stands
):
    measure("partner_points")
    act("T-1", "10000.00", "2007-10-10")

    redeem("R-1", "WANG", "TT1", "2007-10-11")

    assert programme.rejects == []
    assert stands("2007-10-11") == ("SILVER", 1_000)


def test_what_a_partner_posts_late_restores_what_the_new_year_took(
    programme, measure, act, stands
):
    measure("partner_points", late_days=45)
    act("T-1", "20000.00", "2006-05-01")
    programme.run("review-tiers", "2006-05-01")
    programme.run("review-tiers", "2008-01-01")
    assert stands("2008-01-10") == ("SILVER", 0)

    act("T-2", "20000.00", "2007-12-30")
    said = programme.run("review-tiers", "2008-01-20")

    assert "1 restored" in said
    assert stands("2008-01-01") == ("GOLD", 0)
    assert programme.rows(
        "SELECT kind, tier, CAST(starts_on AS text) FROM tier_decision"
        " ORDER BY decision_id"
    ) == [
        ("begun", "GOLD", "2006-05-01"),
        ("lowered", "SILVER", "2008-01-01"),
        ("restored", "GOLD", "2008-01-01"),
    ]


def test_leaving_ends_a_tier_and_the_way_back_gives_it_again(programme, bill, stands):
    bill("B-1", "2400.00")
    programme.run("review-tiers", "2007-10-05")
    assert stands("2007-10-05")[0] == "GOLD"

    programme.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    gone = stands("2007-11-10")[0]
    programme.event("E-2", WANG, "reconnected", "2007-12-01")

    assert gone is None
    assert stands("2007-12-01")[0] == "GOLD"
    assert [
        kind
        for (kind,) in programme.rows(
            "SELECT kind FROM tier_decision ORDER BY decision_id"
        )
    ] == ["begun", "ended", "reinstated"]


def test_a_review_repeats_itself_without_harm(programme, bill):
    bill("B-1", "1200.00")

    first = programme.run("review-tiers", "2007-10-05")
    again = programme.run("review-tiers", "2007-10-05")

    assert first.startswith("1 members raised")
    assert again.startswith("0 members raised, 0 renewed, 0 lowered")

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from loyalty.rules.operations import load_terms, starting_terms
from loyalty.tiers.errors import UnknownTier
from loyalty.tiers.operations import grant
from loyalty.tiers.queries import ladder, standing

ON = date(2007, 12, 1)


@pytest.fixture(autouse=True)
def _terms(session):
    load_terms(session, terms=starting_terms(), at=datetime.now(UTC))


@pytest.fixture
def member(session):
    return session.scalar(
        text(
            "INSERT INTO member (member_ref, joined_on) VALUES ('M1', '2005-03-01')"
            " RETURNING member_id"
        )
    )


@pytest.fixture
def bill(session, member):
    """Bill the member; what is due stands after its adjustments."""
    refs = iter(range(100))

    def bill(billed_on, due_fen, *, amount_fen=None, standing="available"):
        session.execute(
            text(
                """
                INSERT INTO bill (
                    member_id, bill_ref, msisdn, period, billed_on, due_on, amount_fen,
                    due_fen, paid_fen, points_num, points_den, rule_version, points,
                    standing, standing_on, latest_on)
                VALUES (
                    :member, :ref, '13300000001', :on, :on, :on, :amount, :due, 0, 1, 1,
                    1, 0, :standing, :on, :on)
                """
            ),
            {
                "member": member,
                "ref": f"B-{next(refs)}",
                "on": billed_on,
                "amount": amount_fen or due_fen,
                "due": due_fen,
                "standing": standing,
            },
        )

    return bill


def test_the_ladder_is_that_of_the_starting_terms(session):
    assert [(rung.tier, rung.spend_fen) for rung in ladder(session)] == [
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

    assert (found.tier, found.spend_fen, found.next_tier) == (
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
            "INSERT INTO departure (member_id, event_ref, left_on, reason, booked_at,"
            " reinstated_on) VALUES (:m, 'E', '2007-09-01', 'voluntary', now(), :back)"
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
    session.execute(text("DELETE FROM tier_terms"))

    found = standing(session, member_id=member, on=ON)

    assert (found.tier, found.next_tier, found.missing_fen) == (None, None, 0)

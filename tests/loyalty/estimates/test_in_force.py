"""Which estimates and terms hold in which month."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import insert, text

from loyalty.approvals.operations import approve, request
from loyalty.estimates.models import CohortEstimate
from loyalty.estimates.queries import EXPECT, in_force
from loyalty.finance.cohorts import Cohort
from loyalty.rules.queries import TermsMissing

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
JANUARY, MARCH, MAY = date(2026, 1, 1), date(2026, 3, 1), date(2026, 5, 1)
COHORT = Cohort("CUP", JANUARY, "operator")


def estimate(session, people, effective_in, expected):
    """Write down what two people agreed on."""
    maker, checker = people
    asked = request(
        session,
        action=EXPECT,
        subject=f"{effective_in}",
        before=None,
        after={"effective_in": f"{effective_in}"},
        reason="seen",
        maker=maker,
        at=NOON,
    )
    approve(session, approval_id=asked.approval_id, checker=checker, note=None, at=NOON)
    session.execute(
        insert(CohortEstimate).values(
            unit=COHORT.unit,
            earned_in=COHORT.earned_in,
            funding=COHORT.funding,
            effective_in=effective_in,
            expected=expected,
            basis="judgement",
            memo="seen",
            maker=maker,
            checker=checker,
            approval_id=asked.approval_id,
            approved_at=NOON,
        )
    )


@pytest.mark.usefixtures("terms")
def test_a_point_sells_for_four_fifths_of_a_fen_by_the_starting_terms(session):
    holds = in_force(session, period=JANUARY)

    assert holds.fen_per_point == Fraction(4, 5)
    assert holds.expected == {}


def test_nothing_holds_before_there_are_terms(session):
    with pytest.raises(TermsMissing):
        in_force(session, period=JANUARY)


@pytest.mark.usefixtures("terms")
def test_the_newest_terms_that_have_begun_hold(session):
    session.execute(
        text(
            "INSERT INTO estimate_terms VALUES (2, :march, 17, 20, 2, 1, NULL, now())"
        ),
        {"march": MARCH},
    )

    assert in_force(session, period=date(2026, 2, 1)).version == 1
    assert in_force(session, period=MARCH).fen_per_point == Fraction(17, 10)


@pytest.mark.usefixtures("terms")
def test_the_newest_estimate_that_has_begun_holds(session, people):
    estimate(session, people, MAY, 900)
    estimate(session, people, MARCH, 700)
    estimate(session, people, MARCH, 750)

    assert in_force(session, period=date(2026, 2, 1)).expected == {}
    assert in_force(session, period=date(2026, 4, 1)).expected == {COHORT: 750}
    latest = in_force(session, period=date(2026, 6, 1))
    assert latest.expected == {COHORT: 900}
    assert latest.effective_in == {COHORT: MAY}


@pytest.mark.usefixtures("terms")
def test_requests_wait_for_the_months_they_would_change_until_they_expire(
    session, people
):
    request(
        session,
        action=EXPECT,
        subject="2026-03",
        before=None,
        after={"effective_in": "2026-03-01"},
        reason="seen",
        maker=people[0],
        at=NOON,
    )

    assert in_force(session, period=date(2026, 2, 1)).waiting == 0
    assert in_force(session, period=MARCH, at=NOON).waiting == 1
    later = NOON + timedelta(hours=73)
    assert in_force(session, period=MARCH, at=later).waiting == 0

"""What two people decide about estimates and terms."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.approvals.errors import AlreadyRequested, OwnRequest
from loyalty.approvals.operations import approve
from loyalty.estimates import operations
from loyalty.estimates.errors import (
    BadEstimateTerms,
    EstimateTermsMovedOn,
    EstimateTooLate,
    ImpossibleEstimate,
    NothingEstimated,
    UnknownCohort,
)
from loyalty.estimates.operations import Basis
from loyalty.estimates.outlook import outlooks
from loyalty.estimates.queries import in_force, past_of
from loyalty.finance.cohorts import Cohort

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
COHORT = Cohort("UNI", JANUARY, "CEB")

pytestmark = pytest.mark.usefixtures("terms")


@pytest.fixture
def earned(session):
    """1,000 points of January, of which 300 were redeemed."""
    book = Book(session)
    book.open([1], opened_on=JANUARY)
    lot = Lot("CEB", "CEB", "activity", JANUARY, date(2030, 1, 31))
    for kind, transfer in (
        (
            "activity_accrual",
            Transfer("issued.partner:CEB", "available", ("UNI",), 1_000, lot),
        ),
        (
            "redemption",
            Transfer("available", "redeemed.product", ("UNI",), 300),
        ),
    ):
        book.post(
            Entry(
                member_id=1,
                reference=kind,
                kind=kind,
                transfers=(transfer,),
                effective_on=JANUARY,
                occurred_at=NOON,
                actor="test",
            )
        )


@pytest.fixture
def ask(session, people):
    """Ask for an estimate of January's points that is told in part."""

    def write(expected=700, effective_in=MARCH, cohort=COHORT):
        return operations.ask_estimates(
            session,
            wanted={cohort: expected},
            effective_in=effective_in,
            basis=Basis.JUDGEMENT,
            memo="a new catalogue",
            maker=people[0],
            at=NOON,
        )

    return write


@pytest.fixture
def agree(session, people):
    """Let the second person agree to what the first asked for."""

    def decide(asked):
        return approve(
            session,
            approval_id=asked.approval_id,
            checker=people[1],
            note=None,
            at=NOON,
        )

    return decide


@pytest.fixture
def ask_terms(session, people):
    """Ask for terms that are told in part."""

    def write(rate=Fraction(17, 20), value=Fraction(1), effective_in=MARCH):
        return operations.ask_terms(
            session,
            redemption_rate=rate,
            point_value_fen=value,
            effective_in=effective_in,
            reason="what we see",
            maker=people[0],
            at=NOON,
        )

    return write


@pytest.mark.usefixtures("earned")
def test_an_estimate_holds_from_its_month_on_once_a_second_person_agrees(
    session, ask, agree
):
    asked = ask()
    assert in_force(session, period=MARCH).expected == {}
    assert asked.before == {"UNI 2026-01 CEB": 800}

    operations.apply_estimates(session, approval=agree(asked), at=NOON)

    assert in_force(session, period=FEBRUARY).expected == {}
    assert in_force(session, period=MARCH).expected == {COHORT: 700}
    (stand,) = outlooks(session, period=MARCH)
    assert stand.redemption_rate == Fraction(7, 10)
    (agreed,) = past_of(session, cohort=COHORT)
    assert (agreed.maker, agreed.checker) == ("maker", "checker")
    assert (agreed.memo, agreed.basis) == ("a new catalogue", "judgement")
    assert Book(session).prove() == []


@pytest.mark.usefixtures("earned")
def test_nobody_agrees_with_themselves(session, people, ask):
    asked = ask()

    with pytest.raises(OwnRequest):
        approve(
            session,
            approval_id=asked.approval_id,
            checker=people[0],
            note=None,
            at=NOON,
        )
    with pytest.raises(IntegrityError, match="cohort_estimate_four_eyes"):
        session.execute(
            text(
                "INSERT INTO cohort_estimate (unit, earned_in, funding, effective_in,"
                " expected, basis, memo, maker, checker, approval_id, approved_at)"
                " VALUES ('UNI', '2026-01-01', 'CEB', '2026-03-01', 1, 'judgement',"
                " 'x', :me, :me, :approval, now())"
            ),
            {"me": people[0], "approval": asked.approval_id},
        )


@pytest.mark.usefixtures("earned")
@pytest.mark.parametrize("expected", [299, 1_001])
def test_no_fewer_than_were_redeemed_and_no_more_than_are_there(ask, expected):
    with pytest.raises(ImpossibleEstimate) as refused:
        ask(expected)

    assert refused.value.facts == {
        "cohort": "UNI 2026-01 CEB",
        "least": 300,
        "most": 1_000,
    }


@pytest.mark.usefixtures("earned")
def test_only_cohorts_that_there_are_have_an_estimate(session, people, ask):
    with pytest.raises(UnknownCohort):
        ask(cohort=Cohort("UNI", JANUARY, "MU"))
    with pytest.raises(NothingEstimated):
        operations.ask_estimates(
            session,
            wanted={},
            effective_in=MARCH,
            basis=Basis.JUDGEMENT,
            memo="none",
            maker=people[0],
            at=NOON,
        )


@pytest.mark.usefixtures("earned")
def test_one_request_waits_for_a_month_at_a_time(ask):
    ask(700)

    with pytest.raises(AlreadyRequested):
        ask(750)
    assert ask(750, effective_in=FEBRUARY).subject == "2026-02"


@pytest.mark.usefixtures("earned")
def test_a_closed_month_keeps_its_estimates(session, ask, agree):
    asked = ask(effective_in=FEBRUARY)
    Book(session).close(FEBRUARY)  # as closing would, had nobody asked

    with pytest.raises(EstimateTooLate):
        operations.apply_estimates(session, approval=agree(asked), at=NOON)
    with pytest.raises(EstimateTooLate) as refused:
        ask(effective_in=FEBRUARY)
    assert refused.value.facts["earliest"] == MARCH


def test_terms_hold_from_their_month_on_once_a_second_person_agrees(
    session, ask_terms, agree
):
    asked = ask_terms(value=Fraction(12, 10))

    operations.apply_terms(session, approval=agree(asked), at=NOON)

    assert in_force(session, period=FEBRUARY).fen_per_point == Fraction(4, 5)
    holds = in_force(session, period=MARCH)
    assert (holds.version, holds.fen_per_point) == (2, Fraction(102, 100))


def test_of_two_requests_for_the_next_terms_only_one_comes_about(
    session, ask_terms, agree
):
    asked = ask_terms()
    operations.apply_terms(session, approval=agree(asked), at=NOON)

    with pytest.raises(EstimateTermsMovedOn):
        operations.apply_terms(session, approval=asked, at=NOON)


@pytest.mark.parametrize(
    ("rate", "value", "fault"),
    [
        (Fraction(101, 100), Fraction(1), "redemption_rate"),
        (Fraction(-1, 100), Fraction(1), "redemption_rate"),
        (Fraction(1, 2), Fraction(0), "point_value_fen"),
        (Fraction(1, 2), Fraction(101), "point_value_fen"),
    ],
)
def test_terms_that_make_no_sense_are_refused(ask_terms, rate, value, fault):
    with pytest.raises(BadEstimateTerms) as refused:
        ask_terms(rate, value)

    assert refused.value.facts["faults"] == [fault]


def test_partners_of_a_kind_are_estimated_as_one_and_each_has_its_part(
    session, people, agree
):
    book = Book(session)
    for number, (shop, spent) in enumerate((("S1", 300), ("S2", 0), ("S3", 10)), 1):
        session.execute(
            text(
                "INSERT INTO partner (partner, kind, name) VALUES (:p, 'merchant', '')"
            ),
            {"p": shop},
        )
        book.open([number], opened_on=JANUARY)
        lot = Lot(shop, shop, "activity", JANUARY, date(2030, 1, 31))
        for kind, transfer in (
            (
                "activity_accrual",
                Transfer(f"issued.partner:{shop}", "available", ("UNI",), 500, lot),
            ),
            ("redemption", Transfer("available", "redeemed.product", ("UNI",), spent)),
        ):
            if transfer.amount:
                book.post(
                    Entry(
                        member_id=number,
                        reference=kind,
                        kind=kind,
                        transfers=(transfer,),
                        effective_on=JANUARY,
                        occurred_at=NOON,
                        actor="test",
                    )
                )
    (shown,) = outlooks(session, period=MARCH, by_kind=True)
    assert (shown.cohort.funding, len(shown.parts)) == ("*merchant", 3)
    assert (shown.row.issued, shown.row.latest) == (1_500, 310)
    assert shown.expected == 1_200

    asked = operations.ask_estimates(
        session,
        wanted={shown.cohort: 905},
        effective_in=MARCH,
        basis=Basis.JUDGEMENT,
        memo="half of what is open",
        maker=people[0],
        at=NOON,
    )
    operations.apply_estimates(session, approval=agree(asked), at=NOON)

    holds = in_force(session, period=MARCH).expected
    assert {cohort.funding: points for cohort, points in holds.items()} == {
        "S1": 400,
        "S2": 250,
        "S3": 255,
    }
    (shown,) = outlooks(session, period=MARCH, by_kind=True)
    assert shown.agreed is not None
    assert shown.expected == 905
    assert shown.agreed.expected == 905
    assert book.prove() == []

"""What became of cohorts month by month, against what the books say otherwise."""

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.estimates.outlook import back_tests, curve, outlooks
from loyalty.estimates.triangles import Segment, histories
from loyalty.finance.cohorts import Cohort
from loyalty.finance.queries import month_report

JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture
def post(session):
    """Post one entry of one member, whose book is open."""
    book = Book(session)
    book.open([1, 2], opened_on=JANUARY)
    references = iter(range(1000))

    def post(kind, *transfers, on, member=1, reverses=None):
        return book.post(
            Entry(
                member_id=member,
                reference=str(next(references)),
                kind=kind,
                transfers=transfers,
                effective_on=on,
                occurred_at=datetime.now(UTC),
                actor="test",
                reverses=reverses,
            )
        ).id

    return post


def earned(amount, month):
    """Points of a month, as a partner's activity earns them."""
    lot = Lot("CEB", "CEB", "activity", month, date(2030, 1, 31))
    return Transfer("issued.partner:CEB", "available", ("UNI",), amount, lot)


def spent(amount):
    return Transfer("available", "redeemed.product", ("UNI",), amount)


BACK = Transfer(None, None, None, None)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_left_of_each_cohort_is_what_its_lots_hold(session, random_books, seed):
    random_books(seed)

    found = histories(session, period=date(2027, 1, 1))

    names = ("issued", "redeemed", "returned", "exchanged", "expired", "voided")
    left = {}
    for one in found:
        sums = {
            name: one.total(name, through=date(2027, 1, 1))
            for name in (*names, "forfeited", "held")
        }
        left[one.cohort] = (
            sums["issued"]
            - sums["redeemed"]
            + sums["returned"]
            - sums["exchanged"]
            - sums["expired"]
            - sums["voided"]
            - sums["forfeited"]
            - sums["held"]
        )
    assert left == {
        Cohort(row.unit, row.earned_in, row.funding): int(row.units)
        for row in session.execute(
            text(
                "SELECT unit, earned_in, funding, sum(units_left) AS units"
                "  FROM ledger.lot GROUP BY 1, 2, 3"
            )
        )
    }
    assert Book(session).prove() == []


@pytest.mark.usefixtures("terms")
def test_each_month_redeems_what_the_month_report_says(session, random_books):
    random_books(3)
    months = [date(2026, month, 1) for month in range(2, 7)]
    found = histories(session, period=months[-1])

    for month in months:
        report: dict[str, Any] = month_report(session, month)
        units = report["units"].values()
        redeemed = sum(sum(unit["redeemed"].values()) for unit in units)
        assert redeemed == sum(
            flow.redeemed - flow.returned
            for one in found
            for flow in one.flows
            if flow.month == month
        )


def test_a_month_is_known_as_it_was_whatever_came_after(session, random_books):
    random_books(4)

    then = histories(session, period=MARCH)
    now = histories(session, period=date(2027, 1, 1))

    known = {one.cohort: one.row(through=MARCH) for one in then}
    assert known == {
        one.cohort: one.row(through=MARCH) for one in now if one.cohort in known
    }


@pytest.mark.usefixtures("terms")
def test_the_past_suggests_what_a_young_cohort_will_come_to(session, post):
    post("activity_accrual", earned(1_000, JANUARY), on=JANUARY)
    post("redemption", spent(100), on=JANUARY)
    taken = post("redemption", spent(250), on=FEBRUARY)
    post("redemption_reversal", BACK, on=MARCH, reverses=taken)
    post("redemption", spent(300), on=MARCH)
    post("activity_accrual", earned(1_000, MARCH), on=MARCH, member=2)
    post("redemption", spent(60), on=MARCH, member=2)

    january, march = outlooks(session, period=MARCH)

    assert january.row.redeemed == (100, 250, 50)
    assert (january.suggestion.expected, march.suggestion.expected) == (400, 240)
    # By the terms, until somebody knows better.
    assert january.expected == 800
    assert january.breakage_rate == Fraction(1, 5)
    assert Book(session).prove() == []


@pytest.mark.usefixtures("terms")
def test_the_curve_is_of_cohorts_old_enough(session, post):
    post("activity_accrual", earned(1_000, JANUARY), on=JANUARY)
    post("redemption", spent(100), on=JANUARY)
    post("redemption", spent(200), on=FEBRUARY)
    post("activity_accrual", earned(3_000, FEBRUARY), on=FEBRUARY, member=2)
    post("redemption", spent(500), on=FEBRUARY, member=2)

    shown = curve(outlooks(session, period=FEBRUARY))

    assert shown.redeemed == [Fraction(600, 4_000), Fraction(300, 1_000)]
    assert shown.ultimate == Fraction(4, 5)
    assert shown.breakage_rate == Fraction(1, 5)


@pytest.mark.usefixtures("terms")
def test_points_taken_over_teach_nothing_about_the_months_before(session, post):
    old = Lot("operator", "operator", "opening", date(2025, 12, 1), date(2030, 1, 31))
    post(
        "opening",
        Transfer("issued", "available", ("UNI",), 5_000, old),
        on=date(2025, 12, 1),
    )
    post("activity_accrual", earned(1_000, JANUARY), on=JANUARY, member=2)
    post("redemption", spent(600), on=FEBRUARY)
    post("redemption", spent(100), on=JANUARY, member=2)
    post("redemption", spent(100), on=FEBRUARY, member=2)

    taken_over, ours = outlooks(session, period=FEBRUARY)

    if taken_over.cohort.funding == "CEB":
        taken_over, ours = ours, taken_over
    assert taken_over.row.seen_from == 1
    assert taken_over.suggestion.expected is None
    assert ours.suggestion.expected == 200


@pytest.mark.usefixtures("terms")
def test_last_quarters_estimates_are_held_against_what_came(session, post):
    # January redeems 100 a month; April began alike, and then stopped.
    post("activity_accrual", earned(1_000, JANUARY), on=JANUARY)
    for month in range(1, 8):
        post("redemption", spent(100), on=date(2026, month, 10))
    post("activity_accrual", earned(1_000, APRIL), on=APRIL, member=2)
    post("redemption", spent(100), on=APRIL, member=2)

    tests = dict(back_tests(session, period=date(2026, 7, 1)))

    assert set(tests) == {
        Cohort("UNI", JANUARY, "CEB"),
        Cohort("UNI", APRIL, "CEB"),
    }
    april = tests[Cohort("UNI", APRIL, "CEB")]
    # In April a quarter of 400 was redeemed in the first month: of the 700 points
    # that the terms left to come, all were expected within three months.
    assert (april.redeemed_then, april.came) == (100, 0)
    assert april.foretold == 700
    assert april.missed == -700
    # Nothing as old as January was known then.
    assert tests[Cohort("UNI", JANUARY, "CEB")].foretold is None


@pytest.mark.usefixtures("terms")
def test_a_segment_holds_the_points_of_its_members(session, post):
    for member, brand in ((1, "up"), (2, "worldwind")):
        session.execute(
            text(
                "INSERT INTO member (member_id, member_ref, joined_on)"
                " VALUES (:member, CAST(:member AS text), '2026-01-01')"
            ),
            {"member": member},
        )
        session.execute(
            text(
                "INSERT INTO subscription (member_id, msisdn, activated_on, network,"
                " brand, pay_type, state_at, content) VALUES (:member,"
                " '1330000000' || :member, '2026-01-01', 'CDMA', :brand, 'postpaid',"
                " now(), gen_random_uuid())"
            ),
            {"member": member, "brand": brand},
        )
    post("activity_accrual", earned(1_000, JANUARY), on=JANUARY)
    post("activity_accrual", earned(300, JANUARY), on=JANUARY, member=2)

    (found,) = outlooks(session, period=JANUARY, segment=Segment(brand="worldwind"))

    assert found.row.issued == 300
    assert found.expected == 240
    assert outlooks(session, period=JANUARY, segment=Segment(tier="GOLD")) == []

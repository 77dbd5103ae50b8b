from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Scope, Transfer
from loyalty.finance.queries import figures, month_report
from loyalty.rules.operations import load_terms, starting_terms

MARCH = date(2026, 3, 1)
MONTHS = [date(2026, month, 1) for month in range(1, 7)]
LOT = Lot("CEB", "CEB", "standard", MARCH, date(2029, 3, 31))


@pytest.fixture(autouse=True)
def _terms(session):
    load_terms(session, terms=starting_terms(), at=datetime.now(UTC))


@pytest.fixture
def post(session):
    """Post one entry of one member, whose book is open."""
    book = Book(session)
    book.open([1], opened_on=date(2026, 1, 1))
    references = iter(range(1000))

    def post(kind, *transfers, on=date(2026, 3, 10), reverses=None):
        return book.post(
            Entry(
                member_id=1,
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


def earn(amount, lot=LOT):
    return Transfer("issued.partner:CEB", "available", ("UNI",), amount, lot)


def spend(amount, to="redeemed.product"):
    return Transfer("available", to, ("CUP", "UNI"), amount)


BACK = Transfer(None, None, None, None)


def report_of(session, period) -> dict[str, Any]:
    return month_report(session, period)


def uni(session, period=MARCH):
    """The figures of the month that are not zero."""
    figures = report_of(session, period)["units"]["UNI"]
    figures |= figures.pop("redeemed")
    return {name: value for name, value in figures.items() if value}


def test_an_empty_month_lists_every_unit_with_zeros(session):
    report = report_of(session, MARCH)

    assert list(report) == ["period", "units", "payable", "cost", "proved"]
    assert report["period"] == "2026-03"
    assert list(report["units"]) == ["CUP", "UNI"]
    assert list(report["units"]["CUP"]) == [
        *("opening", "issued", "clawed_back", "redeemed"),
        *("exchanged_in", "exchanged_out", "expired", "voided", "forfeited"),
        *("reinstated", "adjusted", "closing", "pending"),
    ]
    assert report["cost"] == {
        "available": 0,
        "redeemed": 0,
        "utilisation_percent": None,
        "idle": 0,
    }
    assert report["payable"] == {}
    assert report["proved"] is True


@pytest.mark.parametrize("seed", range(3))
def test_every_month_rolls_forward(session, random_books, seed):
    members = random_books(seed)
    book = Book(session)

    before = {"CUP": 0, "UNI": 0}
    for period in MONTHS:
        report = report_of(session, period)
        assert report["proved"]
        for unit, month in report["units"].items():
            assert month["closing"] == (
                month["opening"]
                + month["issued"]
                - month["clawed_back"]
                - sum(month["redeemed"].values())
                + month["exchanged_in"]
                - month["exchanged_out"]
                - month["expired"]
                - month["voided"]
                - month["forfeited"]
                + month["reinstated"]
                + month["adjusted"]
            )
            on = (period + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            balances = [book.balance(member, unit, on=on) for member in members]
            assert month["closing"] == sum(
                b.available + b.held - b.owed for b in balances
            )
            assert month["pending"] == sum(b.pending for b in balances)
            openings = session.scalar(
                text(
                    "SELECT coalesce(sum(amount), 0) FROM ledger.transfer"
                    " WHERE kind = 'opening' AND unit = :unit"
                    " AND effective_on BETWEEN :first AND :last"
                ),
                {"unit": unit, "first": period, "last": on},
            )
            assert month["opening"] == before[unit] + openings
            before[unit] = month["closing"]


def test_points_are_issued_when_they_become_available(session, post):
    post("bill_accrual", Transfer("issued", "pending", ("UNI",), 100))
    post("bill_release", Transfer("pending", "available", ("UNI",), 60, LOT))

    assert uni(session) == {"issued": 60, "closing": 60, "pending": 40}


def test_a_bounced_payment_claws_back(session, post):
    post("activity_accrual", earn(100))
    post("bill_bounce", Transfer("available", "pending", ("UNI",), 30))

    assert uni(session) == {
        "issued": 100,
        "clawed_back": 30,
        "closing": 70,
        "pending": 30,
    }


def test_what_is_owed_counts_in_full_both_ways(session, post):
    post("activity_accrual", earn(100))
    post("redemption", spend(100))
    post("activity_refund", Transfer("available", "issued.partner:CEB", ("UNI",), 40))
    post("activity_accrual", earn(50), on=date(2026, 4, 1))

    assert uni(session) == {
        "issued": 100,
        "clawed_back": 40,
        "product": 100,
        "closing": -40,
    }
    assert uni(session, date(2026, 4, 1)) == {
        "opening": -40,
        "issued": 50,
        "closing": 10,
    }


def test_what_is_taken_over_counts_in_opening(session, post):
    post("opening", Transfer("issued", "available", ("UNI",), 70, LOT))

    assert uni(session) == {"opening": 70, "closing": 70}
    assert uni(session, date(2026, 2, 1)) == {}


def test_a_canceled_redemption_lowers_the_month_it_is_canceled_in(session, post):
    post("activity_accrual", earn(100))
    redemption = post("redemption", spend(80, "redeemed.telecom"))
    post("redemption_reversal", BACK, on=date(2026, 4, 2), reverses=redemption)

    assert uni(session) == {"issued": 100, "telecom": 80, "closing": 20}
    assert uni(session, date(2026, 4, 1)) == {
        "opening": 20,
        "telecom": -80,
        "closing": 100,
    }


def test_a_held_point_is_still_the_members_until_it_is_captured(session, post):
    post("activity_accrual", earn(100))
    hold = post("hold", Transfer("available", "held", ("UNI",), 80))

    assert uni(session) == {"issued": 100, "closing": 100}

    post("capture", Transfer("held", "redeemed.merchant:TT", None, None), reverses=hold)

    assert uni(session) == {"issued": 100, "merchant": 80, "closing": 20}


def test_leaving_voids_and_coming_back_reinstates(session, post):
    post("activity_accrual", earn(100))
    post("bill_accrual", Transfer("issued", "pending", ("UNI",), 10))
    void = post(
        "churn_void",
        Transfer("available", "voided.churn", ("UNI",), None),
        Transfer("pending", "voided.churn", ("UNI",), None),
    )
    post("reinstatement", BACK, on=date(2026, 4, 1), reverses=void)

    assert uni(session) == {"issued": 100, "voided": 100}
    assert uni(session, date(2026, 4, 1)) == {
        "reinstated": 100,
        "closing": 100,
        "pending": 10,
    }


def test_a_refund_after_leaving_claws_back_what_was_voided(session, post):
    post("activity_accrual", earn(100))
    post("bill_accrual", Transfer("issued", "pending", ("UNI",), 10))
    void = post(
        "churn_void",
        Transfer("available", "voided.churn", ("UNI",), None),
        Transfer("pending", "voided.churn", ("UNI",), None),
    )
    for scope, to, kind in (
        (Scope.LOTS, "issued.partner:CEB", "activity_refund"),
        (Scope.LOOSE, "issued", "bill_adjustment"),
    ):
        post(
            kind,
            Transfer("voided.churn", to, ("UNI",), 5, scope=scope),
            on=date(2026, 4, 1),
            reverses=void,
        )

    assert uni(session) == {"issued": 100, "voided": 100}
    assert uni(session, date(2026, 4, 1)) == {"clawed_back": 5, "voided": -5}


def test_expired_points_leave(session, post):
    short = Lot("CEB", "CEB", "standard", MARCH, date(2026, 3, 31))
    post("activity_accrual", earn(100, short))
    post(
        "expiry",
        Transfer("available", "expired", ("UNI",), None, short, Scope.EXPIRED),
        on=date(2026, 4, 1),
    )

    assert uni(session) == {"issued": 100, "closing": 100}
    assert uni(session, date(2026, 4, 1)) == {"opening": 100, "expired": 100}


def test_cost_values_what_was_there_at_the_carrying_rate(session, post):
    post("activity_accrual", earn(700))
    post("redemption", spend(200))

    assert report_of(session, MARCH)["cost"] == {
        "available": 700,
        "redeemed": 200,
        "utilisation_percent": 28.6,
        "idle": 500,
    }


def test_payable_is_what_redemptions_owe_net_of_what_is_given_back(session):
    for ref, partner, fen, on in (
        ("a", "PINGAN", 2000, date(2026, 3, 31)),
        ("b", "PINGAN", 4000, date(2026, 3, 1)),
        ("c", "TTCLUB", 3000, date(2026, 3, 2)),
        ("d", None, 5000, date(2026, 3, 2)),
        ("e", "PINGAN", 9000, date(2026, 2, 28)),
    ):
        session.execute(
            text(
                "INSERT INTO redemption (member_id, redemption_ref, item_code,"
                " quantity, channel, occurred_at, points, settlement_fen, partner,"
                " cost_treatment, entry_id, effective_on)"
                " VALUES (1, :ref, 'X', 2, 'hall', now(), 2, :fen, :partner, 'agent',"
                " gen_random_uuid(), :on)"
            ),
            {"ref": ref, "partner": partner, "fen": fen, "on": on},
        )
    for ref, nth, fen, on in (
        ("b", "1", 2000, date(2026, 4, 2)),
        ("b", "2", 2000, date(2026, 4, 3)),
        ("c", "1", 3000, date(2026, 3, 9)),
        ("a", "1", 1000, date(2026, 3, 31)),
    ):
        session.execute(
            text(
                "INSERT INTO redemption_return (member_id, redemption_ref, return_ref,"
                " quantity, points, settlement_fen, entry_id, effective_on,"
                " occurred_at)"
                " VALUES (1, :ref, :nth, 1, 1, :fen, gen_random_uuid(), :on, now())"
            ),
            {"ref": ref, "nth": nth, "fen": fen, "on": on},
        )

    assert report_of(session, MARCH)["payable"] == {"PINGAN": 5000}
    assert report_of(session, date(2026, 4, 1))["payable"] == {"PINGAN": -4000}


def test_figures_count_members_and_open_points(session, post):
    post("activity_accrual", earn(100))
    post("hold", Transfer("available", "held", ("UNI",), 40))

    assert figures(session).members == 1
    assert figures(session).open_points == 100

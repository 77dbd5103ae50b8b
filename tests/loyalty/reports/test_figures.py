"""Each report's figures, computed anew from the raw entries with plain SQL."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.finance.queries import month_report
from tests.loyalty.reports.conftest import OCTOBER

MONTHS = [date(2026, month, 1) for month in range(2, 6)]
MEMBER = "('available', 'held', 'owed')"


def ask(session, statement, **facts):
    return [tuple(row) for row in session.execute(text(statement), facts)]


def test_the_roll_forward_in_points(books, make, rows_of):
    units = rows_of(make(books, "roll-forward"), "units")

    # What each account of the chart gained from members' stocks in October.
    flows = {
        (unit, account): int(points)
        for unit, account, points in ask(
            books,
            f"""
            SELECT unit, account, sum(points) FROM (
                SELECT unit, split_part(credit, ':', 1) AS account, amount AS points
                  FROM ledger.transfer
                 WHERE debit IN {MEMBER} AND credit NOT IN {MEMBER}
                   AND to_char(effective_on, 'YYYY-MM') = '2007-10'
                UNION ALL
                SELECT unit, split_part(debit, ':', 1), -amount
                  FROM ledger.transfer
                 WHERE credit IN {MEMBER} AND debit NOT IN {MEMBER}
                   AND to_char(effective_on, 'YYYY-MM') = '2007-10') x
             GROUP BY unit, account
            """,
        )
    }
    assert flows["CUP", "redeemed.product"] == units["CUP"]["product"] == 8_600
    # What expires next goes first, whichever unit it is.
    assert flows["UNI", "redeemed.product"] == units["UNI"]["product"] == 900
    assert flows["CUP", "redeemed.telecom"] == units["CUP"]["telecom"] == 10_000
    assert units["CUP"]["service"] + units["UNI"]["service"] == 1_800
    assert flows["CUP", "pending"] == -units["CUP"]["issued"] == -409
    assert flows["CUP", "voided.churn"] == units["CUP"]["voided"] == 700
    assert flows["UNI", "issued.partner"] == (
        units["UNI"]["clawed_back"] - units["UNI"]["issued"]
    )
    stocks = dict(
        ask(
            books,
            """
            SELECT unit, CAST(sum(available + held - owed) AS bigint)
              FROM ledger.balance GROUP BY unit
            """,
        )
    )
    assert {unit: units[unit]["closing"] for unit in stocks} == stocks
    assert units["all"]["closing"] == sum(stocks.values())


@pytest.mark.usefixtures("terms")
@pytest.mark.parametrize("seed", range(2))
def test_the_roll_forward_says_what_the_month_report_says(
    session, random_books, make, rows_of, seed
):
    random_books(seed)

    for period in MONTHS:
        units = rows_of(make(session, "roll-forward", period), "units")
        report = month_report(session, period)
        for unit, told in report["units"].items():
            said = {**told, **told["redeemed"]}
            for name in units[unit].keys() - {"unit", "bought"}:
                assert units[unit][name] == said[name], (period, unit, name)
    assert Book(session).prove() == []


@pytest.mark.usefixtures("terms")
@pytest.mark.parametrize("seed", range(2))
def test_open_points_by_age_add_up_to_what_is_open(
    session, random_books, make, rows_of, seed
):
    random_books(seed)

    for period in MONTHS:
        report = make(session, "ageing", period)
        open_points = rows_of(make(session, "roll-forward", period), "units")
        for name in ("to_expiry", "since"):
            ages = rows_of(report, name)
            assert ages["all"]["points"] == open_points["all"]["closing"]
            assert ages["all"]["cup"] == open_points["CUP"]["closing"]


def test_open_points_by_months_to_expiry_and_since_earning(books, make, rows_of):
    report = make(books, "ageing")

    lots = ask(
        books,
        """
        SELECT CASE WHEN expires_on <= '2007-11-30' THEN '0-1'
                    WHEN expires_on <= '2008-01-31' THEN '1-3'
                    WHEN expires_on <= '2008-04-30' THEN '3-6'
                    WHEN expires_on <= '2008-10-31' THEN '6-12'
                    WHEN expires_on <= '2009-10-31' THEN '12-24'
                    WHEN expires_on <= '2010-10-31' THEN '24-36' END,
               CAST(sum(units_left) AS bigint)
          FROM ledger.lot GROUP BY 1 HAVING sum(units_left) > 0
        """,
    )
    ages = rows_of(report, "to_expiry")
    assert {k: v["points"] for k, v in ages.items() if v["points"] and k != "all"} == (
        dict(lots)
    )
    assert len(lots) == 3
    since = ask(
        books,
        """
        SELECT CASE WHEN earned_in = '2007-10-01' THEN '0-1'
                    WHEN earned_in > '2007-07-01' THEN '1-3'
                    WHEN earned_in > '2007-04-01' THEN '3-6'
                    WHEN earned_in > '2006-10-01' THEN '6-12'
                    WHEN earned_in > '2005-10-01' THEN '12-24'
                    WHEN earned_in > '2004-10-01' THEN '24-36' ELSE '36+' END,
               CAST(sum(units_left) AS bigint)
          FROM ledger.lot GROUP BY 1 HAVING sum(units_left) > 0
        """,
    )
    ages = rows_of(report, "since")
    assert {k: v["points"] for k, v in ages.items() if v["points"] and k != "all"} == (
        dict(since)
    )


def test_utilisation_as_the_deck_counts_it(books, make, rows_of):
    report = make(books, "utilisation")
    month = rows_of(report, "cost")[OCTOBER]

    ((opening, issued, redeemed),) = ask(
        books,
        f"""
        SELECT CAST(sum(CASE WHEN credit IN {MEMBER} THEN amount ELSE -amount END)
                   FILTER (WHERE effective_on < '2007-10-01') AS bigint),
               CAST(sum(amount) FILTER (
                   WHERE kind IN ('bill_release', 'activity_accrual')
                     AND effective_on >= '2007-10-01') AS bigint),
               CAST(sum(amount) FILTER (
                   WHERE kind = 'redemption'
                     AND effective_on >= '2007-10-01') AS bigint)
          FROM ledger.transfer
         WHERE (debit IN {MEMBER}) <> (credit IN {MEMBER})
        """,
    )
    # A point is carried at 0.0100 yuan: a fen.
    assert month["available"] == opening + issued
    assert month["redeemed"] == redeemed == 21_300
    assert month["idle"] == opening + issued - redeemed
    assert month["utilisation"] == Fraction(redeemed, opening + issued)
    rates = rows_of(report, "rates")["all"]
    assert rates["period_rate"] == Fraction(redeemed, issued)
    ((closing,),) = ask(books, "SELECT sum(available+held-owed) FROM ledger.balance")
    assert rates["average"] == Fraction(opening + int(closing), 2)
    assert rates["pool_rate"] == redeemed / rates["average"]


def test_what_a_point_costs_and_is_worth(books, make, rows_of):
    report = make(books, "cost-per-point")
    items, families = rows_of(report, "items"), rows_of(report, "families")

    shown = {
        item: tuple(
            round(Decimal(r[n].numerator) / r[n].denominator, 4)
            for n in ("cost_per_point", "burn_value", "leverage")
        )
        for item, r in items.items()
        if item.startswith("INS")
    }
    assert shown == {
        "INS-A": (Decimal("0.0080"), Decimal("0.0640"), Decimal("8.0000")),
        "INS-B": (Decimal("0.0089"), Decimal("0.0800"), Decimal("9.0000")),
    }
    redeemed = ask(
        books,
        """
        SELECT i.family, CAST(sum(r.points) AS bigint),
               CAST(sum(r.settlement_fen) AS bigint),
               CAST(sum(i.market_fen * r.quantity) AS bigint)
          FROM redemption r JOIN catalogue_item i USING (item_code)
         WHERE to_char(r.effective_on, 'YYYY-MM') = '2007-10' GROUP BY 1
        """,
    )
    assert {
        family: (row["points"], row["settlement_fen"], row["market_fen"])
        for family, row in families.items()
        if family != "all"
    } == {family: sums for family, *rest in redeemed for sums in [tuple(rest)]}


def test_key_figures(books, make, rows_of):
    month = rows_of(make(books, "key-figures"), "months")[OCTOBER]

    ((billed, redeemers, members),) = ask(
        books,
        """
        SELECT (SELECT CAST(sum(amount_fen) AS bigint) FROM bill
                 WHERE billed_on BETWEEN '2007-10-01' AND '2007-10-31'),
               (SELECT count(DISTINCT member_id) FROM redemption
                 WHERE effective_on BETWEEN '2007-10-01' AND '2007-10-31'),
               (SELECT count(*) FROM member WHERE left_on IS NULL)
        """,
    )
    assert month["billed_fen"] == billed == 330_40
    assert month["redeemers"] == redeemers == 2
    assert month["members"] == members == 2
    # 409 + 135 points at a fen each.
    assert month["earned_fen"] == 544
    assert month["accrual_rate"] == Fraction(544, 330_40)
    assert month["earn_to_burn"] == Fraction(21_300, 544)
    assert month["redeemer_share"] == 1


def test_brands_add_up_to_the_whole(books, make, rows_of):
    parts = [
        rows_of(make(books, "roll-forward", brand=brand), "units")["all"]
        for brand in ("worldwind", "newspacetime", "up", "ruyitong")
    ]
    whole = rows_of(make(books, "roll-forward"), "units")["all"]

    for name in whole.keys() - {"unit"}:
        assert sum(part[name] for part in parts) == whole[name]
    assert [part["voided"] for part in parts] == [0, 0, 0, 700]


def test_the_balance_of_a_member_on_average(books, make, rows_of):
    month = rows_of(make(books, "key-figures"), "months")[OCTOBER]

    ((opening, closing, earned, members),) = ask(
        books,
        f"""
        SELECT (SELECT CAST(sum(CASE WHEN credit IN {MEMBER} THEN amount ELSE -amount
                                END) AS bigint) FROM ledger.transfer
                 WHERE (debit IN {MEMBER}) <> (credit IN {MEMBER})
                   AND effective_on < '2007-10-01'),
               (SELECT CAST(sum(available + held - owed) AS bigint)
                  FROM ledger.balance),
               (SELECT CAST(sum(amount) AS bigint) FROM ledger.transfer
                 WHERE kind IN ('bill_release', 'activity_accrual')
                   AND effective_on >= '2007-10-01'),
               (SELECT count(*) FROM member WHERE left_on IS NULL)
        """,
    )
    assert month["earned"] == earned == month["earned_fen"]
    assert month["average"] == Fraction(opening + closing, 2)
    assert month["average_balance"] == Fraction(opening + closing, 2 * members)


def test_participants_and_the_control_are_all_lines_and_all_bills(books, make, rows_of):
    month = rows_of(make(books, "comparison"), "months")[OCTOBER]

    ((lines, participants, gone),) = ask(
        books,
        """
        SELECT count(*), count(*) FILTER (WHERE member_id IN (
                   SELECT member_id FROM redemption
                    WHERE effective_on < '2007-10-01')),
               count(*) FILTER (WHERE state IN ('closed', 'ported_out')
                                  AND ended_on < '2007-11-01')
          FROM subscription
         WHERE activated_on < '2007-10-01'
           AND (ended_on IS NULL OR ended_on >= '2007-10-01')
        """,
    )
    ((billed, billed_to_participants),) = ask(
        books,
        """
        SELECT CAST(sum(due_fen) AS bigint),
               CAST(sum(due_fen) FILTER (WHERE member_id IN (
                   SELECT member_id FROM redemption
                    WHERE effective_on < '2007-10-01')) AS bigint)
          FROM bill WHERE billed_on BETWEEN '2007-10-01' AND '2007-10-31'
        """,
    )
    assert (month["participants_lines"], month["control_lines"]) == (
        participants,
        lines - participants,
    )
    assert (month["participants_billed_fen"], month["control_billed_fen"]) == (
        billed_to_participants,
        billed - billed_to_participants,
    )
    assert month["participants_gone"] + month["control_gone"] == gone == 1
    assert month["participants_arpu"] == Fraction(
        billed_to_participants, 100 * participants
    )

"""The reports in money, computed anew with plain SQL from what was kept."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import text

from loyalty.closing.evidence.money import working_paper
from loyalty.closing.rules import Month
from loyalty.closing.workings import Workings
from loyalty.journal.deriving import derive
from loyalty.journal.operations import keep
from loyalty.settlement.drawing import draw_up_period
from loyalty.settlement.rules import Clearance
from tests.loyalty.reports.conftest import AT, OCTOBER


def ask(session, statement, **facts):
    return [tuple(row) for row in session.execute(text(statement), facts)]


@pytest.fixture
def kept(books):
    """The same books, with the journal of October kept."""
    keep(books, derived=derive(books, period=OCTOBER), actor="test", at=AT)
    return books


def test_the_liability_is_what_its_accounts_say(kept, make):
    _, cohorts = make(kept, "liability").tables
    names = [column.name for column in cohorts.shape.columns]
    total = dict(zip(names, cohorts.totals, strict=True))

    moved = dict(
        ask(
            kept,
            """
            SELECT measure, CAST(sum(credit_fen - debit_fen) AS bigint)
              FROM money_entry JOIN journal_run USING (run_id)
             WHERE view = 'D' AND period = '2007-10-01' AND earned_in IS NOT NULL
               AND account IN ('2205', '2205.B') GROUP BY measure
            """,
        )
    )
    assert total["allocated"] == moved["allocated"] > 0
    assert total["released"] == -moved["released"] > 0
    assert total["true_up"] == -moved.get("true_up", 0)
    assert total["breakage"] == -moved.get("breakage", 0)
    ((owed,),) = ask(
        kept,
        """
        SELECT CAST(sum(credit_fen - debit_fen) AS bigint)
          FROM money_entry WHERE view = 'D' AND account IN ('2205', '2205.B')
        """,
    )
    assert total["closing"] == owed
    # Closing is what was allocated and is no revenue yet, to the fen of rounding.
    exact = sum(
        Fraction(allocated) - Fraction(released)
        for allocated, released in ask(
            kept,
            """
            SELECT allocated, released FROM cohort_close JOIN journal_run USING (run_id)
             WHERE period = '2007-10-01'
            """,
        )
    )
    assert abs(total["closing"] - exact) <= len(cohorts.rows)


def test_the_same_is_said_before_it_is_kept(books, make):
    before = make(books, "liability").tables
    keep(books, derived=derive(books, period=OCTOBER), actor="test", at=AT)

    assert make(books, "liability").tables == before


def test_a_point_paid_for_by_bill_defers_its_part_of_the_price(books, make):
    """100.00 earns 150 points at 0.0080: 10,000 × 120 ÷ 10,120 fen (T4)."""
    report = make(books, "liability", date(2007, 9, 1))

    (row,) = (
        row
        for row in report.tables[1].rows
        if row[:3] == ("CUP", date(2007, 9, 1), "operator")
    )
    names = [column.name for column in report.tables[1].shape.columns]
    assert dict(zip(names, row, strict=True))["allocated"] == 119
    assert round(Fraction(10_000 * 120, 10_120)) == 119


def test_the_journal_balances_account_by_account(kept, make, rows_of):
    for view in ("C", "D"):
        accounts = rows_of(make(kept, "journal"), f"accounts_{view.lower()}")
        entries = ask(
            kept,
            """
            SELECT account, CAST(sum(debit_fen) AS bigint),
                   CAST(sum(credit_fen) AS bigint)
              FROM money_entry JOIN journal_run USING (run_id)
             WHERE view = :view AND period = '2007-10-01' GROUP BY account
            """,
            view=view,
        )
        assert {
            code: (row["debit"], row["credit"])
            for code, row in accounts.items()
            if code != "all" and (row["debit"] or row["credit"])
        } == {code: (debit, credit) for code, debit, credit in entries}
        assert accounts["all"]["debit"] == accounts["all"]["credit"] > 0
        assert accounts["all"]["closing"] == accounts["all"]["opening"] == 0


def test_what_never_will_be_redeemed(books, make):
    report = make(books, "redemption-curve")
    (cohorts,) = (t for t in report.tables if t.shape.name == "cohorts")
    names = [column.name for column in cohorts.shape.columns]

    raw = {
        (unit, earned_in, source): (int(issued), int(redeemed))
        for unit, earned_in, source, issued, redeemed in ask(
            books,
            """
            SELECT unit, earned_in, source, sum(issued), sum(redeemed) FROM (
                SELECT t.unit, x.earned_in, CASE WHEN x.funding IN ('CEB', 'MU')
                       THEN 'partner' ELSE x.funding END AS source,
                       CASE WHEN t.credit IN ('available', 'held')
                             AND (t.debit LIKE 'issued%' OR t.debit = 'pending')
                            THEN x.units
                            WHEN t.debit IN ('available', 'held')
                             AND (t.credit LIKE 'issued%' OR t.credit = 'pending')
                            THEN -x.units ELSE 0 END AS issued,
                       CASE WHEN t.credit LIKE 'redeemed%' THEN x.units ELSE 0 END
                           AS redeemed
                  FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x) f
             GROUP BY 1, 2, 3
            """,
        )
    }
    for row in cohorts.rows:
        told = dict(zip(names, row, strict=True))
        issued, redeemed = raw.pop((told["unit"], told["earned_in"], told["source"]))
        assert (told["issued"], told["redeemed"]) == (issued, redeemed)
        # The terms expect 4 of 5 points to be redeemed.
        assert told["urr"] == Fraction(4, 5)
        assert told["breakage"] == Fraction(1, 5)
    assert not raw


def test_what_partners_are_owed_stands_on_statements(books, make, rows_of):
    before = rows_of(make(books, "settlement"), "unbilled")
    draw_up_period(
        books,
        partner="PINGAN",
        period=Clearance(
            OCTOBER,
            date(2007, 10, 31),
            date(2007, 11, 3),
            date(2007, 11, 5),
            date(2007, 11, 10),
        ),
        actor="test",
        at=datetime(2007, 11, 4, tzinfo=UTC),
    )
    report = make(books, "settlement")

    ((owed,),) = ask(
        books,
        """
        SELECT CAST(sum(settlement_fen) AS bigint) FROM redemption
         WHERE partner = 'PINGAN'
           AND effective_on BETWEEN '2007-10-01' AND '2007-10-31'
        """,
    )
    statement = rows_of(report, "statements")["all"]
    assert statement["payable"] == owed == 80_00
    assert statement["due"] == -owed
    assert before["PINGAN"]["fen"] == -owed
    assert "PINGAN" not in rows_of(report, "unbilled")


def test_clubs_spend_within_what_members_may_cost(books, make, rows_of):
    report = make(books, "club-spend")
    member = rows_of(report, "members")["WANG"]

    # Bills of 100.00 and 272.70 in two months; three sessions of 30.00 each.
    assert member["arpu_fen"] == (100_00 + 272_70) // 2
    assert member["segment"] == "MID"
    assert member["cap_fen"] == (100_00 + 272_70) // 20
    ((spent,),) = ask(
        books,
        """
        SELECT CAST(sum(settlement_fen) AS bigint) FROM redemption
         WHERE cost_treatment = 'CLUB_COST'
        """,
    )
    assert member["spent_fen"] == spent == 90_00
    assert member["over_fen"] == spent - member["cap_fen"]
    assert rows_of(report, "segments")["MID"]["over"] == 1


def test_a_high_value_member_may_cost_a_tenth_of_what_they_bring(books, make, rows_of):
    """Over three times the network's mean: 272.70 may cost 27.27 (B22)."""
    books.execute(text("UPDATE bill SET due_fen = 27270 WHERE bill_ref = 'B-9'"))
    # Others who bring little.
    books.execute(
        text(
            """
            INSERT INTO bill
            SELECT m.member_id, 'X-' || n, '13000000002',
                   date '2006-01-01' + n * interval '1 month', '2007-10-05',
                   '2007-10-25', 1, 1, 0, 0, 1, 1, 0, 'none', '2007-10-05',
                   '2007-10-05', '2007-10-05'
              FROM member m, generate_series(1, 9) n WHERE m.member_ref = 'LI'
            """
        )
    )

    member = rows_of(make(books, "club-spend"), "members")["WANG"]
    assert (member["segment"], member["cap_fen"]) == ("HIGH", 27_27)


def test_what_may_be_spent_is_a_term_of_its_months(books, make, rows_of):
    """From October on, a fifth for the middle; September stays as it was."""
    for statement in (
        """
        INSERT INTO retention_terms
        SELECT 2, '2007-10-01', bill_months, group_members, high_num, high_den, mid_num,
               mid_den, loaded_at FROM retention_terms
        """,
        """
        INSERT INTO retention_cap
        SELECT 2, segment, rank, 2 * share_num, share_den FROM retention_cap
        """,
    ):
        books.execute(text(statement))

    report = make(books, "club-spend")
    member = rows_of(report, "members")["WANG"]
    assert (member["segment"], member["cap_fen"]) == ("MID", (100_00 + 272_70) // 10)
    shares = {
        period: rows_of(make(books, "club-spend", period), "caps")["MID"]["share"]
        for period in (date(2007, 9, 1), OCTOBER)
    }
    assert list(shares.values()) == [Fraction(1, 10), Fraction(1, 5)]


def test_what_is_open_is_aged_and_escalated(books, make):
    books.execute(
        text(
            """
            INSERT INTO statement_break
                   (subject, partner, about_on, reference, code, ours_fen, theirs_fen,
                    found_at, seen_at, closed_at)
            SELECT 'insurer_bill', 'PINGAN', date '2007-09-01', r, code, ours, theirs,
                   CAST(found || ' 09:00+08' AS timestamptz), '2007-10-31 09:00+08',
                   CAST(closed || ' 09:00+08' AS timestamptz)
              FROM (VALUES
                   ('PA1 issued', 'AMOUNT_DIFF', 2000, 2500, '2007-09-10', NULL),
                   ('PA2 issued', 'MISSING_OURS', NULL, 4000, '2007-10-30', NULL),
                   ('PA3 issued', 'LATE', NULL, 4000, '2007-10-02', '2007-10-04'))
                   b(r, code, ours, theirs, found, closed)
            """
        )
    )

    found = [
        dict(zip([c.name for c in table.shape.columns], row, strict=True))
        for table in make(books, "suspense").tables
        for row in table.rows
    ]

    assert [
        (one["reason"], one["late"], one["fen"], one["state"]) for one in found
    ] == [
        ("AMOUNT_DIFF", 1, 5_00, "escalated"),
        ("MISSING_OURS", 0, 40_00, "watched"),
    ]
    assert [one["oldest"] for one in found] == [51, 1]
    assert [(one["nobody"], one["asked"]) for one in found] == [(1, 0), (1, 0)]

    books.execute(
        text("UPDATE statement_break SET asked_at = found_at WHERE closed_at IS NULL")
    )
    (table,) = make(books, "suspense").tables
    last = dict(zip([c.name for c in table.shape.columns], table.totals, strict=True))
    assert (last["items"], last["nobody"], last["asked"]) == (2, 0, 2)


def test_card_payments_that_have_not_arrived_are_open(books, make):
    """Of two charges of October one arrived in it, and one in November."""
    for nth, arrives in enumerate(("2007-10-09", "2007-11-02"), start=1):
        for statement in (
            (
                "INSERT INTO balance_transaction SELECT 'txn_' || :nth, 'charge',"
                " 'ch_' || :nth, 'pi_' || :nth, 1200, 7, 1193, NULL, :at, '2007-10-05',"
                " '2007-10-05', '2007-10-05', :at"
            ),
            "INSERT INTO payout VALUES ('po_' || :nth, 1193, true, :at, :on, :on, :at)",
            "INSERT INTO payout_line VALUES ('txn_' || :nth, 'po_' || :nth)",
        ):
            books.execute(
                text(statement),
                {"nth": str(nth), "at": AT, "on": date.fromisoformat(arrives)},
            )

    (table,) = make(books, "suspense").tables
    (row,) = (
        dict(zip([c.name for c in table.shape.columns], row, strict=True))
        for row in table.rows
    )
    assert (row["kind"], row["partner"], row["items"]) == ("payout", "STRIPE", 1)
    assert (row["fen"], row["oldest"], row["settled"]) == (1193, 26, 1)


def test_the_quarters_paper_says_what_a_point_has_cost(books):
    facts = working_paper(Workings(books, Month(date(2007, 12, 1)), at=AT)).facts

    ((points, fen),) = ask(
        books,
        """
        SELECT CAST(sum(points) AS bigint), CAST(sum(settlement_fen) AS bigint)
          FROM redemption WHERE effective_on BETWEEN '2007-10-01' AND '2007-12-31'
        """,
    )
    assert (facts["quarter_points"], facts["quarter_settlement_fen"]) == (points, fen)
    assert facts["cost_per_point"] == f"{Decimal(fen) / 100 / points:.4f}"

"""What was changed by hand reaches the register, the month and the money journal."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from ledger.book import Book
from loyalty.adjustments.granting import Line, Said, ask_grants
from loyalty.journal.deriving import derive
from loyalty.reports.producing import choice, facts_of, listed, produce
from loyalty.reports.register import report_named
from loyalty.reports.scope import Scope
from loyalty.settlement.drawing import draw_up
from tests.loyalty.orders.shop import NOON

OCTOBER = date(2007, 10, 1)


@pytest.fixture
def changed(desk):
    """One member whose points were changed for each reason there is, and a file."""
    member = desk.shop.member(1_000)
    desk.shop.member()
    for reason, points in (
        ("goodwill", 500),
        ("fraud_recredit", 200),
        ("correction_up", 100),
        ("correction_down", 50),
        ("fraud_forfeit", 40),
    ):
        desk.approve(desk.ask(member, points, reason))
    desk.approve(desk.ask(member, 310, "partner_fault", unit="UNI", partner="CEB"))
    desk.approve(desk.undo(member, "ref2", "undone"))
    file = ask_grants(
        desk.session,
        name="october.csv",
        said=Said(2, 30, "f" * 64),
        sha256="f" * 64,
        lines=[Line(2, "G1", "M1", 10), Line(3, "G2", "M2", 20)],
        reason="campaign",
        words="十月活动",
        maker=desk.agent,
        at=NOON,
    )
    desk.approve(file, by=desk.money)
    return desk


def test_each_reason_is_booked_in_money_as_it_should(changed):
    found = {
        (one.view, one.event, one.account): one.debit_fen - one.credit_fen
        for one in derive(changed.session, period=OCTOBER).entries
        if one.event in ("granted", "recredited", "forfeited")
    }

    # J16: an expense against a provision, no contract liability; J20: a loss.
    assert found["C", "granted", "6601.03"] == 530
    assert found["C", "granted", "2801"] == -530
    assert found["D", "granted", "6601.03"] == -found["D", "granted", "2801"] > 0
    for view, account in (("C", "2801"), ("D", "2205")):
        assert found[view, "recredited", "6711"] == 200
        assert found[view, "recredited", account] == -200
    assert found["C", "forfeited", "2801"] == 40


def test_a_partner_is_billed_for_what_it_did_wrong(changed):
    statement = draw_up(
        changed.session, partner="CEB", day=OCTOBER, actor="test", at=NOON
    )

    assert (statement.lines, statement.due_fen) == (1, 310)
    assert changed.rows(
        "SELECT kind, event_ref, unit, units, fen FROM statement_line"
    ) == [("adjustment", "ref5", "UNI", 310, 310)]
    for view in ("C", "D"):
        owed = [
            one
            for one in derive(changed.session, period=OCTOBER).entries
            if (one.view, one.event, one.account) == (view, "partner_adjusted", "1122")
        ]
        assert [(one.partner, one.debit_fen) for one in owed] == [("CEB", 310)]


def test_the_report_is_the_register_and_leads_to_each_change(changed):
    report = produce(
        changed.session,
        definition=report_named("adjustments"),
        scope=Scope(period=OCTOBER),
        by="test",
        at=datetime(2007, 11, 3, tzinfo=UTC),
    )

    reasons, register = report.tables
    shares = [row[-1] for row in reasons.rows if isinstance(row[-1], Fraction)]
    assert sum(shares, Fraction()) == 1
    names = [column.name for column in register.shape.columns]
    by_number = {
        str(row[0]).partition(":")[0]: dict(zip(names, row, strict=True))
        for row in register.rows
    }
    file, one = by_number["file"], by_number["M1/ref5"]
    assert (file["points"], file["asked_by"], file["approved_by"]) == (
        *(30, "agent"),
        "money",
    )
    assert (one["value_fen"], one["share"]) == (310, Fraction(310, 1_330))
    for table in report.tables:
        assert table.totals is not None
        for row in (*table.rows, table.totals):
            for column, value in zip(table.shape.columns, row, strict=True):
                behind = choice(
                    report, table, column, None if row is table.totals else row
                )
                if behind is not None:
                    source, where = behind
                    facts = listed(
                        changed.session,
                        facts=facts_of(report.definition, source.facts),
                        scope=report.scope,
                        where=where,
                        measure=source.measure,
                        limit=1,
                    )
                    assert facts.total == value
    plain = changed.rows(
        "SELECT sum(abs(points)), sum(value_fen) FROM adjustment_posting"
    )
    assert plain == [(1_330, 950)]


def test_a_change_after_the_close_counts_on_the_first_open_day(desk):
    member = desk.shop.member(1_000)
    Book(desk.session).close(OCTOBER)

    desk.approve(desk.ask(member, 100))
    desk.approve(desk.undo(member, "ref0", "undo"))

    assert (
        desk.rows("SELECT effective_on, posted_on FROM adjustment_posting")
        == [(date(2007, 11, 1), NOON.date())] * 2
    )

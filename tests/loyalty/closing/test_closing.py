"""Closing a month: what it keeps, what it refuses, and who has to wait for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ledger.book import Book
from ledger.errors import PeriodClosed
from loyalty.approvals.operations import request, withdraw
from loyalty.closing.errors import BooksUnsound, MonthAhead, MonthBlocked
from loyalty.closing.figures import drift
from loyalty.closing.models import MonthClose
from loyalty.closing.operations import check_begun, close_month
from loyalty.closing.queries import last_close, late_entries, report_kept
from loyalty.estimates.queries import EXPECT
from loyalty.finance.queries import month_report
from loyalty.journal.queries import run_of
from loyalty.points.operations import first_open_day
from loyalty.reports.producing import produce
from loyalty.reports.register import REPORTS
from loyalty.reports.scope import Scope
from tests.loyalty.closing.conftest import APRIL, AT, MARCH, close, earn
from tests.loyalty.exchange.alliance import Alliance


def test_a_closed_month_takes_no_more_entries(books):
    assert not close(books).was_closed

    for day in (date(2026, 1, 5), date(2026, 3, 31)):
        with pytest.raises(PeriodClosed):
            earn(books, "late", on=day)
    earn(books, "in time", on=APRIL)


def test_closing_a_closed_month_again_does_nothing(books):
    close(books)

    assert close(books).was_closed
    assert close(books, date(2026, 1, 1)).was_closed
    assert len(books.scalars(select(MonthClose)).all()) == 1


def test_books_that_do_not_prove_are_not_closed(books):
    earn(books, "a", on=MARCH)
    books.execute(text("RESET ROLE"))
    books.execute(text("UPDATE ledger.balance SET available = 99 WHERE unit = 'UNI'"))

    with pytest.raises(BooksUnsound) as error:
        close(books)

    assert error.value.facts["findings"] == 2
    assert Book(books).closed_through() is None
    assert month_report(books, MARCH)["proved"] is False


def test_a_month_that_nothing_knows_of_is_a_slip_of_the_hand(books):
    today = date(2026, 3, 1)
    check_begun(books, period=MARCH, today=today)
    with pytest.raises(MonthAhead):
        check_begun(books, period=date(2062, 3, 1), today=today)

    earn(books, "a", on=date(2026, 5, 1))

    check_begun(books, period=date(2026, 5, 1), today=today)


@pytest.mark.parametrize("about_on", ["2026-03-31", "2025-11-02"])
def test_a_break_that_is_open_holds_the_month_open(books, about_on):
    earn(books, "a", on=MARCH)
    books.execute(text("INSERT INTO partner VALUES ('PINGAN', 'insurer', '平安')"))
    books.execute(
        text(
            "INSERT INTO statement_break (subject, partner, about_on, reference, code,"
            " found_at, seen_at) VALUES ('insurer_bill', 'PINGAN', :on, 'P1 issued',"
            " 'MISSING_OURS', now(), now())"
        ),
        {"on": about_on},
    )

    with pytest.raises(MonthBlocked, match="1 breaks open"):
        close(books)
    assert Book(books).closed_through() is None

    books.execute(text("UPDATE statement_break SET closed_at = now()"))
    assert not close(books).was_closed
    assert Book(books).prove() == []


def test_an_estimate_that_nobody_has_decided_about_holds_the_month_open(books):
    earn(books, "a", on=MARCH)
    asked = request(
        books,
        action=EXPECT,
        subject="2026-03",
        before=None,
        after={"effective_in": "2026-03-01"},
        reason="新估计",
        maker=Alliance(books).staff("lin"),
        at=AT,
    )

    with pytest.raises(MonthBlocked, match="1 estimates waiting"):
        close(books)

    withdraw(books, approval_id=asked.approval_id, maker=asked.maker, at=AT)
    assert not close(books).was_closed


def test_a_request_that_nobody_decided_in_time_holds_nothing_open(books):
    earn(books, "a", on=MARCH)
    request(
        books,
        action=EXPECT,
        subject="2026-03",
        before=None,
        after={"effective_in": "2026-03-01"},
        reason="新估计",
        maker=Alliance(books).staff("lin"),
        at=AT - timedelta(hours=73),
    )

    assert not close(books).was_closed


def test_points_past_their_day_are_expired_before_the_close(books):
    earn(books, "a", on=MARCH)

    with pytest.raises(MonthBlocked, match="1 lots past their day"):
        close_month(books, period=date(2029, 4, 1), actor="test", at=AT)

    assert not close_month(
        books, period=date(2029, 3, 1), actor="test", at=AT
    ).was_closed


def test_a_close_keeps_the_figures_so_that_a_change_of_code_shows(books):
    earn(books, "a", on=MARCH)
    close(books)
    kept = last_close(books, period=MARCH)
    assert kept is not None
    earn(books, "b", on=APRIL)

    assert kept.figures["month"]["units"]["UNI"]["issued"] == 100
    run = run_of(books, period=MARCH)
    assert run is not None
    assert kept.figures["journal"]["source_hash"] == run.source_hash
    assert drift(books, kept) == []

    # As if the code of that day had counted otherwise.
    kept.figures["month"]["units"]["UNI"]["issued"] = 99
    (changed,) = drift(books, kept)
    assert (changed.name, changed.then, changed.now) == (
        "month.units.UNI.issued",
        99,
        100,
    )


def test_a_close_keeps_every_report_and_later_copies_are_held_against_it(books):
    earn(books, "a", on=MARCH)
    close(books)
    earn(books, "b", on=APRIL)
    kept = last_close(books, period=MARCH)
    assert kept is not None
    assert kept.figures["reports"]["roll-forward"]["units"]["totals"]["issued"] == 100
    assert set(kept.figures["reports"]) == set(REPORTS)

    assert [held(books, name).changes for name in REPORTS] == [()] * len(REPORTS)
    assert report_kept(books, period=APRIL, report="ageing") is None

    # As if the code of that day had counted otherwise.
    kept.figures["reports"]["roll-forward"]["units"]["totals"]["issued"] = 99
    kept.figures["reports"]["ageing"]["since"]["hash"] = "0" * 64
    assert [
        (one.table, one.column, one.then, one.now)
        for name in ("roll-forward", "ageing")
        for one in held(books, name).changes or ()
    ] == [("units", "issued", 99, 100), ("since", None, 8, 8)]
    assert {one.name for one in drift(books, kept)} == {
        "reports.roll-forward.units.totals.issued",
        "reports.ageing.since.hash",
    }


def held(session, name):
    """Make a report of March, and hold it against what its close kept."""
    report = produce(
        session,
        definition=REPORTS[name],
        scope=Scope(period=MARCH),
        by="test",
        at=AT,
        kept=report_kept(session, period=MARCH, report=name),
    )
    assert report.held is not None
    return report.held


def test_what_a_close_kept_cannot_be_changed(books):
    close(books)

    for statement in (
        "UPDATE month_close SET actor = 'nobody'",
        "DELETE FROM month_close",
        "UPDATE ledger.period SET closed_at = NULL",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), books.begin_nested():
            books.execute(text(statement))


def test_what_comes_late_stands_in_the_first_open_month_with_its_day(shared):
    with shared.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO member (member_id, member_ref, joined_on)"
                " OVERRIDING SYSTEM VALUE VALUES (1, 'WANG', '2026-01-01')"
            )
        )
        close(session)
        day = max(date(2026, 3, 9), first_open_day(session) or date.min)
        earn(session, "late", on=day, occurred_at=datetime(2026, 3, 9, 4, tzinfo=UTC))
        earn(session, "in time", on=APRIL)

    with shared.unit_of_work() as session:
        (late,) = late_entries(session, period=APRIL, limit=9)
        assert late_entries(session, period=MARCH, limit=9) == []
    assert (late.occurred_on, late.effective_on) == (date(2026, 3, 9), APRIL)
    assert (late.member_ref, late.points) == ("WANG", 100)


def test_whoever_posts_while_a_month_is_closed_is_in_it_or_in_the_next(shared):
    def close_it():
        with shared.unit_of_work() as session:
            return close(session).was_closed

    def post_on():
        with shared.unit_of_work() as session:
            day = max(date(2026, 3, 30), first_open_day(session) or date.min)
            earn(session, "after", on=day)
            return day

    with shared.unit_of_work() as writer, ThreadPoolExecutor(3) as threads:
        first_open_day(writer)
        earn(writer, "before", on=date(2026, 3, 30))
        closing = [threads.submit(close_it) for _ in range(2)]
        wait_for_locks(shared, waiting=2)
        after = threads.submit(post_on)
        assert not any(one.done() for one in closing)
        writer.commit()

        # Two who close at once: one does, the other is told.
        assert sorted(one.result(30) for one in closing) == [False, True]
        assert after.result(30) == APRIL

    with shared.unit_of_work() as session:
        (kept,) = session.scalars(select(MonthClose)).all()
        assert kept.figures["month"]["units"]["UNI"]["closing"] == 100
        assert month_report(session, MARCH)["units"]["UNI"]["closing"] == 100


def wait_for_locks(database, *, waiting):
    """Return once so many wait for a lock."""
    asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with database.owner_engine.connect() as connection:
        for _ in range(1_000):
            if connection.scalar(asked) >= waiting:
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")

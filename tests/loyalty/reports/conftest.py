"""A month with something of everything, played through files."""

from datetime import UTC, date, datetime

import pytest

from ledger.book import Book
from loyalty.reports.producing import produce
from loyalty.reports.register import report_named
from loyalty.reports.scope import Scope
from loyalty.rules.operations import load_terms, starting_terms
from tests.conftest import _copy
from tests.journeys.conftest import LI, WANG, begin, line_of

OCTOBER = date(2007, 10, 1)
AT = datetime(2007, 11, 3, 9, tzinfo=UTC)


def play(programme):
    """Play September and October 2007."""
    programme.load(
        "subscribers",
        line_of("HE", "13000000003", brand="ruyitong", since="2006-01-01"),
    )
    programme.load(
        "opening",
        ("WANG", "CUP", 20_000, "operator", "2005-02", "2008-02-29"),
        ("WANG", "UNI", 900, "CEB", "2004-10", "2007-10-15"),
        ("LI", "CUP", 30_000, "operator", "2006-06", "2009-06-30"),
        ("HE", "CUP", 700, "operator", "2006-09", "2009-09-30"),
    )
    programme.load(
        "bills",
        ("B-9", WANG, "2007-08", "2007-09-05", "2007-09-25", "100.00"),
        ("B-1", WANG, "2007-09", "2007-10-05", "2007-10-25", "272.70"),
        ("B-2", LI, "2007-09", "2007-10-05", "2007-10-25", "57.70"),
    )
    programme.load(
        "payments",
        ("P-9", "B-9", "2007-09-20", "100.00"),
        ("P-1", "B-1", "2007-10-20", "272.70"),
    )
    card = ("card", "2007-10-10")
    programme.load(
        "activities",
        ("C-1", "CEB", "6226-1", *card, "1000.00", "CNY", "5411", ""),
        ("C-2", "CEB", "6226-2", *card, "350.00", "CNY", "5411", ""),
        ("C-3", "CEB", "6226-1", "card", "2007-10-12", "-200.00", "CNY", "5411", "C-1"),
    )

    def redeem(ref, member_ref, item, quantity, day="2007-10-11"):
        return (ref, member_ref, item, quantity, "hall", f"{day}T10:00:00+08:00")

    programme.load(
        "redemptions",
        redeem("R-0", "LI", "EV50", 1, "2007-09-11"),
        redeem("R-1", "WANG", "INS-A", 2),
        redeem("R-2", "LI", "INS-B", 1),
        redeem("R-3", "LI", "EV50", 2),
        redeem("R-4", "WANG", "TT1", 3),
    )
    assert programme.rejects == []
    programme.run("expire-points", "2007-10-31")
    programme.event("E-1", "13000000003", "closed", "2007-10-20", "voluntary")


@pytest.fixture(scope="module")
def played(server, template, tmp_path_factory):
    """A database in which October has been played, to read; its books prove."""
    with _copy(server, template) as database:
        play(begin(database, tmp_path_factory.mktemp("feeds")))
        with database.unit_of_work() as session:
            assert Book(session).prove() == []
        yield database


@pytest.fixture
def books(played):
    """A session on the books of that month."""
    with played.unit_of_work() as session:
        yield session
        session.rollback()


@pytest.fixture
def make():
    """Make a report."""

    def made(session, name, period=OCTOBER, **narrowed):
        return produce(
            session,
            definition=report_named(name),
            scope=Scope(period=period, **narrowed),
            by="test",
            at=AT,
        )

    return made


@pytest.fixture
def terms(session):
    """The starting terms, in a session whose books are made up."""
    load_terms(session, terms=starting_terms(), at=AT)


@pytest.fixture
def rows_of():
    """Return the rows of a table as dictionaries, by its key."""

    def rows(report, name):
        (table,) = (t for t in report.tables if t.shape.name == name)
        names = [column.name for column in table.shape.columns]
        at = names.index(table.shape.keys[0]) if table.shape.keys else 0
        found = {row[at]: dict(zip(names, row, strict=True)) for row in table.rows}
        if table.totals is not None:
            found["all"] = dict(zip(names, table.totals, strict=True))
        return found

    return rows

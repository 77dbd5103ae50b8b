"""Books of a single member, and the months they are closed in."""

from datetime import UTC, date, datetime

import pytest

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.closing.operations import close_month
from loyalty.rules.operations import load_terms, starting_terms

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
LOT = Lot("CEB", "CEB", "activity", MARCH, date(2029, 3, 31))
AT = datetime(2026, 4, 7, 9, tzinfo=UTC)


def earn(session, reference, *, on, points=100, occurred_at=None):
    """Earn points at a partner on a day."""
    return Book(session).post(
        Entry(
            member_id=1,
            reference=reference,
            kind="activity_accrual",
            transfers=(
                Transfer("issued.partner:CEB", "available", ("UNI",), points, LOT),
            ),
            effective_on=on,
            occurred_at=occurred_at or datetime(on.year, on.month, on.day, tzinfo=UTC),
            actor="test",
        )
    )


def close(session, period=MARCH):
    """Close a month on the 7th of April."""
    return close_month(session, period=period, actor="test", at=AT)


@pytest.fixture
def books(session):
    """A session with the terms and the open book of a member."""
    load_terms(session, terms=starting_terms(), at=AT)
    Book(session).open([1], opened_on=date(2026, 1, 1))
    return session


@pytest.fixture
def shared(fresh_database):
    """The same in a database for those who commit."""
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=AT)
        Book(session).open([1], opened_on=date(2026, 1, 1))
    yield fresh_database
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []

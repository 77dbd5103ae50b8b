from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import LedgerError
from ledger.values import Entry, Posted
from loyalty.database import Database
from tests.ledger.makers import DAY, credit, redeem

MEMBERS = (1, 2, 3)


@pytest.fixture
def book(session: Session) -> Iterator[Book]:
    """The books of three members, proved when the test is over."""
    book = Book(session)
    book.open(MEMBERS, opened_on=DAY)
    yield book
    assert book.prove() == []


@pytest.fixture
def shared(fresh_database: Database) -> Iterator[Database]:
    """A database that several writers commit to, proved when the test is over."""
    with fresh_database.unit_of_work() as session:
        Book(session).open(MEMBERS, opened_on=DAY)
    yield fresh_database
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def _alone(book: Book, entry: Entry) -> Posted | LedgerError:
    return book.post_many([entry])[0]


def _in_company(book: Book, entry: Entry) -> Posted | LedgerError:
    """Post an entry after a bad one of its own member, and between good ones."""
    bad, good, answer, last = book.post_many(
        [
            redeem(10**12, member=entry.member_id),
            credit(7, member=2),
            entry,
            redeem(7, member=2),
        ]
    )
    assert isinstance(bad, LedgerError)
    assert isinstance(good, Posted)
    assert isinstance(last, Posted)
    return answer


@pytest.fixture(params=[_alone, _in_company], ids=["alone", "in_company"])
def post(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Post an entry by itself, then as one of a batch."""
    answer: Callable[..., Any] = request.param
    return answer


@pytest.fixture
def posted(book: Book) -> Callable[..., Any]:
    """Post entries that must all stand; the answer is the id of the last."""

    def all_of(*entries: Entry) -> Any:
        for entry in entries:
            answer = book.post(entry)
        return answer.id

    return all_of

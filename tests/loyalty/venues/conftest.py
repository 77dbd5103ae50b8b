"""A hall of a test, whose books prove at the end."""

import pytest

from ledger.book import Book
from tests.loyalty.venues.hall import Hall


@pytest.fixture
def hall(session):
    """A hall in a transaction that is rolled back."""
    hall = Hall(session)
    hall.open()
    yield hall
    assert Book(session).prove() == []

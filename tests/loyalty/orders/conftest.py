"""The shop of a test, whose books prove at the end."""

import pytest

from ledger.book import Book
from tests.loyalty.orders.shop import Shop


@pytest.fixture
def shop(session):
    """A shop in a transaction that is rolled back."""
    shop = Shop(session)
    shop.open()
    yield shop
    assert Book(session).prove() == []

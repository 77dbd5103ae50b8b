import pytest

from ledger.book import Book
from tests.loyalty.churn.world import World


@pytest.fixture
def world(session):
    """A world in a transaction that is rolled back, whose books prove at the end."""
    world = World(session)
    world.open()
    yield world
    assert Book(session).prove() == []

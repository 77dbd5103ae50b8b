"""A tournament of a test."""

import pytest

from tests.loyalty.contests.table_tennis import Tournament


@pytest.fixture
def games(session):
    """Tournaments in a transaction that is rolled back."""
    return Tournament(session)

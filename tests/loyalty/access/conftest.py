from datetime import UTC, datetime

import pytest

from loyalty.keyring import Keyring


@pytest.fixture
def noon():
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def keyring():
    return Keyring(b"a secret of the tests, and of nobody else")

import pytest

from tests.loyalty.exchange.alliance import Alliance, Carrier


@pytest.fixture
def alliance(session):
    """An alliance that is open, in a transaction of its own."""
    made = Alliance(session)
    made.open()
    return made


@pytest.fixture
def carrier():
    """An airline that does what it is asked, unless told otherwise."""
    return Carrier()

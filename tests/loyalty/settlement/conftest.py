import pytest

from tests.loyalty.exchange.alliance import Alliance, Carrier
from tests.loyalty.settlement.desk import desk_of


@pytest.fixture
def alliance(session):
    """An alliance that is open, in a transaction of its own; its books prove."""
    made = Alliance(session)
    made.open()
    yield made
    made.report()


@pytest.fixture
def carrier():
    """An airline that does what it is asked."""
    return Carrier()


@pytest.fixture
def desk(alliance):
    """Two who settle with partners."""
    return desk_of(alliance)

"""A merchant's day is read whole or not at all, over HTTP."""

from datetime import date

import pytest

from partners.adapters.merchant import Merchant, MerchantSettings
from partners.ports import DayTotals, Outcome, Tally
from partners.sandbox.merchant_server import MerchantSandbox
from tests.partners.benches import SHARED_SECRET, connection, nowhere, tell

A_DAY = date(2007, 12, 10)


@pytest.fixture(scope="module")
def running():
    with MerchantSandbox(code="SHOP", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    return running


@pytest.fixture
def merchant(sandbox):
    return Merchant(MerchantSettings(**connection(sandbox)))


@pytest.fixture
def ring(sandbox):
    """Ring something up, as a till does."""

    def ring(kind: str, points: int) -> None:
        tell(
            sandbox.address,
            "ring",
            day=A_DAY.isoformat(),
            kind=kind,
            points=points,
            amountFen=points,
        )

    return ring


def close(sandbox) -> None:
    tell(sandbox.address, "close", day=A_DAY.isoformat())


def test_a_day_adds_up(sandbox, merchant, ring):  # 3.4 (c): 5 × 100 + 1 void = 400
    for _ in range(5):
        ring("sales", 100)
    ring("voids", 100)
    close(sandbox)

    totals = merchant.day_totals(A_DAY)

    assert totals == DayTotals(
        Outcome.CONFIRMED, A_DAY, Tally(5, 500, 500), Tally(1, 100, 100), Tally()
    )
    assert totals.sales.points - totals.voids.points == 400


def test_a_day_that_is_not_over_is_waited_for(merchant, ring):
    ring("sales", 100)

    assert merchant.day_totals(A_DAY).outcome is Outcome.PENDING


@pytest.mark.parametrize(
    "fault", ["wrong_signatures", "garbage", "errors", "lose_answers"]
)
def test_what_the_merchant_did_not_say_is_unknown(sandbox, merchant, fault):
    close(sandbox)
    tell(sandbox.address, "faults", **{fault: 2})  # a question is asked twice

    totals = merchant.day_totals(A_DAY)
    tell(sandbox.address, "faults", **{fault: 0})

    assert totals.outcome is Outcome.UNKNOWN
    assert totals.sales == Tally()
    assert merchant.day_totals(A_DAY).outcome is Outcome.CONFIRMED


def test_a_count_that_is_none_spoils_the_day(sandbox, merchant, ring):
    ring("sales", -5)
    close(sandbox)

    assert merchant.day_totals(A_DAY).outcome is Outcome.UNKNOWN


def test_where_nobody_listens_nothing_is_known(sandbox):
    lost = Merchant(MerchantSettings(**connection(sandbox) | {"address": nowhere()}))

    assert lost.day_totals(A_DAY).outcome is Outcome.UNKNOWN

"""The airline's adapter keeps the contract, against an airline over HTTP."""

import time
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from partners.adapters.airline import Airline, AirlineSettings
from partners.ports import AirlineMember, MilesOrder, MilesReversal, Outcome
from partners.registry import SettingsRefused, read_settings
from partners.sandbox.airline_server import AirlineSandbox
from partners.testing import (
    AirlineBench,
    AirlineContract,
    BalanceBench,
    BalanceContract,
    NoticeBench,
    NoticeContract,
    OrderContract,
)
from tests.partners.benches import (
    SHARED_SECRET,
    bench_of,
    connection,
    hearing,
    nowhere,
    plan_of,
    tell,
)

CHEN = AirlineMember("CHEN", "MEI", "MU600000000015")
ACTIVITY: dict[str, Any] = {"activity": "POINTS", "activity_on": date(2007, 12, 10)}
MILES = 500
AN_HOUR = 3600


@pytest.fixture(scope="module")
def running():
    with AirlineSandbox(code="MU", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    tell(running.address, "webhook", url=None)
    return running


@pytest.fixture
def make(sandbox):
    def make(address: str = sandbox.address, **told: object) -> Airline:
        facts = connection(sandbox, **told) | {"address": address}
        return Airline(AirlineSettings(**facts))

    return make


@pytest.fixture
def airline(make):
    return make()


@pytest.fixture
def miles(sandbox):
    def miles(number: str = CHEN.number) -> int:
        members = tell(sandbox.address, "state")["members"]
        return int(members[number]["miles"])

    return miles


@pytest.fixture
def order_of(airline):
    """Make an order on a fresh validation, fetched before anything goes wrong."""
    validations = [airline.validate_member(CHEN).partner_ref for _ in range(12)]

    def make(reference: str, amount: int = MILES) -> MilesOrder:
        return MilesOrder(
            reference, CHEN, amount, **ACTIVITY, validation_ref=validations.pop()
        )

    return make


class TestCredits(OrderContract):
    @pytest.fixture
    def bench(self, sandbox, make, order_of):
        return bench_of(
            sandbox,
            make,
            ask=lambda airline, name: airline.credit(order_of(name)),
            ask_other=lambda airline, name: airline.credit(order_of(name, MILES + 1)),
        )


class TestBalances(BalanceContract):
    @pytest.fixture
    def bench(self, sandbox, make):
        def hold(units, expiring):
            tell(
                sandbox.address,
                "members",
                number=CHEN.number,
                family_name=CHEN.family_name,
                given_name=CHEN.given_name,
                miles=units,
                expiring={str(day): part for day, part in expiring.items()},
            )

        return BalanceBench(
            make(), make(nowhere()), CHEN.number, hold, plan_of(sandbox)
        )


class TestDebits(OrderContract):
    @pytest.fixture
    def bench(self, sandbox, make, order_of):
        return bench_of(
            sandbox,
            make,
            ask=lambda airline, name: airline.debit(order_of(name)),
            ask_other=lambda airline, name: airline.credit(order_of(name)),
        )


class TestReversals(OrderContract):
    @pytest.fixture
    def bench(self, sandbox, make, airline, order_of):
        airline.credit(order_of("original"))
        return bench_of(
            sandbox,
            make,
            ask=lambda airline, name: airline.reverse(
                MilesReversal(name, "original", MILES)
            ),
            ask_other=lambda airline, name: airline.reverse(
                MilesReversal(name, "original", MILES - 1)
            ),
        )


class TestAirline(AirlineContract):
    @pytest.fixture
    def bench(self, airline, miles):
        return AirlineBench(airline, CHEN, miles)


class TestNotices(NoticeContract):
    @pytest.fixture
    def notices(self, sandbox, make, airline, order_of):
        with hearing() as ear:
            tell(sandbox.address, "webhook", url=ear.url)
            yield NoticeBench(
                order=bench_of(
                    sandbox,
                    make,
                    ask=lambda airline, name: airline.credit(order_of(name)),
                    ask_other=lambda airline, name: airline.debit(order_of(name)),
                ),
                notifier=airline,
                heard=ear.wait_for,
                at_another_time=lambda: in_an_hour(sandbox),
            )
            tell(sandbox.address, "webhook", url=None)


def in_an_hour(sandbox) -> Airline:
    settings = AirlineSettings(**connection(sandbox))
    return Airline(settings, clock=lambda: time.time() + AN_HOUR)


@pytest.fixture
def play(sandbox, airline, order_of):
    """Credit so many miles; return how it looks at once, and in the end."""

    def play(amount: int) -> tuple[Outcome, Outcome]:
        receipt = airline.credit(order_of("magic", amount))
        tell(sandbox.address, "settle")
        return receipt.outcome, airline.look_up("magic").outcome

    return play


@pytest.mark.parametrize(
    ("amount", "ends", "moved"),
    [
        (92, (Outcome.UNKNOWN, Outcome.ABSENT), 0),
        (93, (Outcome.DECLINED, Outcome.DECLINED), 0),
        (94, (Outcome.PENDING, Outcome.PENDING), 0),
        (95, (Outcome.PENDING, Outcome.CONFIRMED), 95),
        (96, (Outcome.PENDING, Outcome.DECLINED), 0),
        (97, (Outcome.CONFIRMED, Outcome.DECLINED), 0),
    ],
)
def test_magic_amounts_end_as_they_say(play, miles, amount, ends, moved):
    before = miles()

    found = play(amount)

    assert found == ends
    assert miles() == before + moved


def test_what_is_pending_is_decided_by_itself_after_a_while(sandbox, airline, order_of):
    with hearing() as ear:
        tell(sandbox.address, "webhook", url=ear.url)
        tell(sandbox.address, "faults", later_seconds=0)

        airline.credit(order_of("by itself", 95))

        (incoming,) = ear.wait_for(1)
        notice = airline.notice(incoming)
        assert notice.receipt.outcome is Outcome.CONFIRMED
        assert notice.receipt == airline.look_up("by itself")


def test_notices_come_twice_when_told_so(sandbox, airline, order_of):
    with hearing() as ear:
        tell(sandbox.address, "webhook", url=ear.url)
        tell(sandbox.address, "faults", duplicate=True)

        airline.credit(order_of("twice", 96))
        tell(sandbox.address, "settle")

        first, second = map(airline.notice, ear.wait_for(2))
        assert first == second
        assert first.receipt.outcome is Outcome.DECLINED


@pytest.mark.parametrize(
    ("fault", "found"),
    [("lose_questions", Outcome.ABSENT), ("lose_answers", Outcome.CONFIRMED)],
)
def test_an_airline_that_is_silent_is_not_waited_for(
    sandbox, make, order_of, fault, found
):
    order = order_of("silence")
    tell(sandbox.address, "faults", silent_seconds=1, **{fault: 1})

    receipt = make(read_seconds=0.2).credit(order)

    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.reason == "no answer: TimeoutError"
    assert make().look_up("silence").outcome is found


def test_a_credit_that_was_partly_reversed_is_not_refused_whole(
    sandbox, airline, order_of, miles
):
    airline.credit(order_of("credit"))
    airline.reverse(MilesReversal("part", "credit", 100))
    before = miles()

    with pytest.raises(AssertionError, match="some of it was given back"):
        tell(sandbox.address, "settle", reference="credit", status="failure")

    assert airline.look_up("credit").outcome is Outcome.CONFIRMED
    assert miles() == before


def test_a_number_that_cannot_be_theirs_is_not_even_asked(make):
    airline = make(nowhere(), number_pattern="MU[0-9]{12}", number_check="luhn")

    slip = airline.validate_member(replace(CHEN, number="MU600000000051"))
    fine = airline.validate_member(CHEN)

    assert slip.outcome is Outcome.DECLINED
    assert fine.outcome is Outcome.UNKNOWN  # it was asked, and nobody was there


@pytest.mark.parametrize(
    "told",
    [
        {"number_pattern": "("},
        {"number_check": "lunh"},
        {"secret": "short"},
        {"ca_file": "/no/such/file"},
        {"code": ""},
        {"read_seconds": 0},
        {"address": "http://miles.example", "allow_loopback": False},
    ],
)
def test_settings_that_cannot_work_are_refused(sandbox, told):
    with pytest.raises(SettingsRefused):
        read_settings("airline", AirlineSettings, connection(sandbox, **told))

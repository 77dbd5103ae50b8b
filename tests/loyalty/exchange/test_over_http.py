"""Exchanges with the airline's sandbox over HTTP, and everything that can go wrong."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from loyalty.connections import Connections, PartnersUnreadable
from loyalty.exchange import deciding, operations
from loyalty.settings import Settings
from partners.adapters.airline import Airline, AirlineSettings
from partners.ports import AirlineMember, MilesOrder, Outcome, Receipt
from partners.sandbox.airline_server import AirlineSandbox
from tests.loyalty.exchange.alliance import (
    A_DAY,
    NOON,
    SENT_AT,
    WANG,
    Alliance,
)
from tests.partners.benches import SHARED_SECRET, connection, nowhere, tell

AN_HOUR = timedelta(hours=1)
NUMBER = "MU600001"
QUICK: dict[str, Any] = {"read_seconds": 0.3, "total_seconds": 0.6}


@pytest.fixture(scope="module")
def running():
    with AirlineSandbox(code="MU", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@dataclass
class Skies:
    """An airline over HTTP, and a member of both houses."""

    alliance: Alliance
    sandbox: AirlineSandbox
    airline: Airline
    member: int = 0

    def tell(self, what: str, **told: object) -> dict[str, Any]:
        return tell(self.sandbox.address, what, **told)

    @property
    def miles(self) -> int:
        """What the airline says the member has."""
        miles: int = self.tell("state")["members"][NUMBER]["miles"]
        return miles

    @property
    def points(self) -> tuple[int, int]:
        """What the member can spend, and what is set aside."""
        return self.alliance.available(self.member), self.alliance.held(self.member)

    def advance(self, ref: str, *, at: Any, airline: Airline | None = None) -> str:
        asked: Any = airline or self.airline
        return self.alliance.advance(asked, self.member, ref, at=at)

    def settle_by_chasing(self, ref: str) -> str:
        """Chase for two days, every hour."""
        for hours in range(1, 49, 3):
            self.advance(ref, at=SENT_AT + hours * AN_HOUR)
        return self.alliance.state(self.member, ref)


@pytest.fixture
def skies(alliance, running):
    tell(running.address, "forget")
    tell(
        running.address,
        "members",
        number=NUMBER,
        family_name=WANG.family,
        given_name=WANG.given,
        miles=3_000,
    )
    airline = Airline(AirlineSettings(**connection(running, **QUICK)))
    made = Skies(alliance, running, airline)
    made.member = alliance.member(10_000)
    alliance.bind(made.member, NUMBER)
    return made


# What goes wrong when the miles are asked for: faults of the sandbox, and whether in
# the end they were moved.
FAULTS: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, True),
    "the question is lost": ({"lose_questions": 1}, True),
    "the answer is lost": ({"lose_answers": 1}, True),
    "a 500 before": ({"errors": 1}, True),
    "a 500 after": ({"late_errors": 1}, True),
    "a wrong signature": ({"wrong_signatures": 1}, True),
    "nonsense": ({"garbage": 1}, True),
    "too slow, and lost": ({"lose_questions": 1, "silent_seconds": 1}, True),
    "too slow, but done": ({"lose_answers": 1, "silent_seconds": 1}, True),
    "refused": ({"fates": ["failure"]}, False),
    "a system error": ({"fates": ["system_error"]}, True),
    "pending, then done": (
        {"fates": ["pending_success"], "later_seconds": 0},
        True,
    ),
    "pending, then refused": (
        {"fates": ["pending_failure"], "later_seconds": 0},
        False,
    ),
    "accepted, then refused": (
        {"fates": ["success_failure"], "later_seconds": 0},
        False,
    ),
    "two lost answers": ({"lose_answers": 2}, True),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_whatever_goes_wrong_each_side_has_its_own_in_the_end(skies, fault, direction):
    faults, is_moved = FAULTS[fault]
    is_out = direction == "out"
    ref = (skies.alliance.out if is_out else skies.alliance.into)(skies.member)
    first = skies.alliance.step(skies.airline, skies.member, ref, at=SENT_AT)
    assert first == "validate_member"
    skies.tell("faults", **faults)

    skies.advance(ref, at=SENT_AT)
    skies.tell("settle")
    state = skies.settle_by_chasing(ref)

    assert state == ("confirmed" if is_moved else "declined")
    moved = 1 if is_moved else 0
    assert skies.miles == 3_000 + (1_000 if is_out else -1_000) * moved
    points = 10_000 - 10_000 * moved if is_out else 10_000 + 5_000 * moved
    assert skies.points == (points, 0)
    report = skies.alliance.report()
    assert report["payable"] == ({"MU": 80_00} if is_moved and is_out else {})


def test_an_airline_that_is_away_is_asked_until_the_time_is_over(skies):
    away = Airline(
        AirlineSettings(**connection(skies.sandbox) | {"address": nowhere()})
    )
    ref = skies.alliance.out(skies.member)

    for hours in range(0, 80, 5):
        skies.advance(ref, at=SENT_AT + hours * AN_HOUR, airline=away)

    assert skies.alliance.state(skies.member, ref) == "declined"
    assert skies.points == (10_000, 0)
    assert skies.miles == 3_000
    skies.alliance.report()


def test_asked_twice_under_one_name_it_is_done_once(skies):
    """We were killed after sending; whoever comes next sends it again."""
    ref = skies.alliance.out(skies.member)
    key: dict[str, Any] = {"member_id": skies.member, "exchange_ref": ref}
    skies.advance(ref, at=SENT_AT)
    order = MilesOrder(
        reference=ref,
        member=AirlineMember(WANG.family, WANG.given, NUMBER),
        miles=1_000,
        activity=operations.ACTIVITY,
        activity_on=NOON.date(),
        validation_ref=skies.airline.validate_member(
            AirlineMember(WANG.family, WANG.given, NUMBER)
        ).partner_ref,
    )

    again = skies.airline.credit(order)
    operations.settle(
        skies.alliance.session, ask=None, receipt=again, at=SENT_AT + AN_HOUR, **key
    )

    assert again.outcome is Outcome.CONFIRMED
    assert skies.miles == 4_000
    assert skies.points == (0, 0)
    assert skies.alliance.report()["payable"] == {"MU": 80_00}


def test_miles_that_came_too_late_are_asked_back(skies):
    ref = skies.alliance.out(skies.member)
    skies.advance(ref, at=SENT_AT)
    key: dict[str, Any] = {"member_id": skies.member, "exchange_ref": ref}
    for outcome in (Outcome.DECLINED, Outcome.CONFIRMED):
        operations.settle(
            skies.alliance.session,
            ask=None,
            receipt=Receipt(outcome),
            at=SENT_AT + AN_HOUR,
            **key,
        )
    assert skies.alliance.state(skies.member, ref) == "disputed"
    assert (skies.points, skies.miles) == ((10_000, 0), 4_000)

    deciding.ask_back(
        skies.alliance.session, actor="staff:1", at=SENT_AT + A_DAY, **key
    )
    skies.tell("faults", lose_answers=1)
    skies.advance(ref, at=SENT_AT + A_DAY)
    skies.advance(ref, at=SENT_AT + A_DAY + AN_HOUR)

    assert skies.alliance.state(skies.member, ref) == "declined"
    assert (skies.points, skies.miles) == ((10_000, 0), 3_000)
    skies.alliance.report()


def test_partners_are_told_of_in_a_file(skies, tmp_path):
    file = tmp_path / "partners.toml"
    told = connection(skies.sandbox)
    del told["code"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    file.write_text("\n".join(["[MU]", 'adapter = "airline"', *lines, "[CZ]"]))

    connections = Connections.open(Settings(partners=file))

    airline = connections.airline("MU")
    assert airline is not None
    assert airline.look_up("0" * 32).outcome is Outcome.ABSENT
    assert connections.airline("CZ") is None
    assert Connections.open(Settings()).airline("MU") is None


@pytest.mark.parametrize("content", ["[MU", None])
def test_a_file_that_cannot_be_read_is_told(tmp_path, content):
    file = tmp_path / "partners.toml"
    if content:
        file.write_text(content)
    with pytest.raises(PartnersUnreadable):
        Connections.open(Settings(partners=file))

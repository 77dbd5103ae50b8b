"""An order of insurance with a real insurer over HTTP, and everything that goes wrong.

Whatever happens, in the end there is a policy in force and the points are gone, or
there is none and they are back.
"""

from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.connections import Connections
from loyalty.orders.delivery import advance, chase
from loyalty.orders.operations import cancel
from partners.adapters.insurer import Insurer, InsurerSettings
from partners.adapters.operator import Operator, OperatorSettings
from partners.sandbox.insurer_server import InsurerSandbox
from partners.sandbox.messenger import ConsoleMessenger
from partners.sandbox.operator_server import OperatorSandbox
from tests.loyalty.orders.shop import INSURED, KEYRING, NOON, Shop
from tests.partners.benches import SHARED_SECRET, connection, tell

LINE = "13300000001"


@pytest.fixture(scope="module")
def partners():
    """An insurer and a billing system that are running."""
    with (
        InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as insurer,
        OperatorSandbox(code="BOSS", secret=SHARED_SECRET) as operator,
    ):
        yield insurer, operator


class Case:
    """An order, its partners, and how both stand."""

    def __init__(self, database, insurer, operator, *, way):
        self.database, self.insurer, self.operator = database, insurer, operator
        for sandbox in (insurer, operator):
            tell(sandbox.address, "forget")
        self.connections = Connections(
            messenger=ConsoleMessenger(),
            insurer=Insurer(InsurerSettings(**connection(insurer))),
            billing=Operator(OperatorSettings(**connection(operator))),
            payments=None,
        )
        with database.unit_of_work() as session:
            shop = Shop(session)
            shop.open()
            self.member = shop.member(2_500)
            self.order_ref = shop.place(
                self.member, "INS-A", way=way, recipient=INSURED
            ).order.order_ref
            if way == "cash":
                shop.pay(self.member, self.order_ref)

    def go_on(self, minutes=0):
        return advance(
            self.database,
            self.connections,
            KEYRING,
            member_id=self.member,
            order_ref=self.order_ref,
            at=NOON + timedelta(minutes=minutes),
        )

    def chase(self, hours):
        chase(
            self.database, self.connections, KEYRING, at=NOON + timedelta(hours=hours)
        )

    def policies(self):
        """How many are in force, by the insurer's own books."""
        policies = tell(self.insurer.address, "state")["policies"].values()
        return sum(policy["canceled_on"] == "None" for policy in policies)

    def points(self):
        with self.database.unit_of_work() as session:
            assert Book(session).prove() == []
            shop = Shop(session)
            return shop.available(self.member), shop.held(self.member)

    def owed(self):
        with self.database.unit_of_work() as session:
            return Shop(session).payable().get("PINGAN", 0)

    def credited(self):
        line = tell(self.operator.address, "state")["lines"].get(LINE)
        return line["balance_fen"] if line else 0


@pytest.fixture
def begin(fresh_database, partners):
    return lambda way="points": Case(fresh_database, *partners, way=way)


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"latency_seconds": 0.05},
        {"lose_questions": 1},
        {"lose_answers": 1},
        {"lose_answers": 2, "late_errors": 1},
        {"errors": 3},
        {"late_errors": 1},
        {"wrong_signatures": 2},
        {"garbage": 1, "errors": 1},
        {"fates": ["pending_success"], "later_seconds": 0},
        {"fates": ["system_error"]},
    ],
    ids=str,
)
def test_a_policy_comes_in_the_end_and_one_alone(begin, faults):
    case = begin()
    tell(case.insurer.address, "faults", **faults)

    for minutes in (0, 3, 8, 20, 60, 150):
        order = case.go_on(minutes)
        tell(case.insurer.address, "settle")

    assert order.state == "fulfilled"
    assert case.policies() == 1
    assert case.points() == (0, 0)
    assert case.owed() == 20_00


@pytest.mark.parametrize(
    "faults",
    [
        {"fates": ["failure"]},
        {"fates": ["failure"], "lose_answers": 1},
        {"fates": ["pending_failure"], "later_seconds": 0},
        {"fates": ["failure"], "wrong_signatures": 1},
    ],
    ids=str,
)
def test_a_refusal_gives_the_points_back_in_the_end(begin, faults):
    case = begin()
    tell(case.insurer.address, "faults", **faults)

    for minutes in (0, 3, 8, 20, 60):
        order = case.go_on(minutes)
        tell(case.insurer.address, "settle")

    assert order.state == "failed"
    assert case.policies() == 0
    assert case.points() == (2_500, 0)
    assert case.owed() == 0


def test_a_policy_that_comes_after_we_gave_up_is_canceled_there(begin):
    case = begin()
    tell(case.insurer.address, "faults", lose_answers=1)
    case.go_on()
    tell(case.insurer.address, "faults", errors=1_000)
    for hours in (1, 24, 49):
        case.chase(hours)
    assert case.points() == (2_500, 0)
    assert case.policies() == 1  # of which we know nothing yet
    tell(case.insurer.address, "faults", errors=0)

    for hours in (51, 53, 55):
        case.chase(hours)

    assert case.policies() == 0
    assert case.points() == (2_500, 0)


def test_a_free_look_ends_the_policy_on_both_sides(begin):
    case = begin()
    case.go_on()
    with case.database.unit_of_work() as session:
        cancel(
            session,
            member_id=case.member,
            order_ref=case.order_ref,
            actor="member",
            reason=None,
            at=NOON,
        )
    tell(case.insurer.address, "faults", late_errors=1)

    for minutes in (1, 5, 15):
        order = case.go_on(minutes)

    assert order.state == "canceled"
    assert (case.policies(), case.points(), case.owed()) == (0, (2_500, 0), 0)


@pytest.mark.parametrize("faults", [{}, {"lose_answers": 1}, {"late_errors": 1}])
def test_prepaid_airtime_is_credited_once(begin, faults):  # A19 by cash
    case = begin("cash")
    tell(case.operator.address, "faults", **faults)

    for minutes in (0, 3, 8, 20):
        order = case.go_on(minutes)

    assert order.state == "fulfilled"
    assert case.credited() == 100_00
    assert case.points() == (2_500, 0)  # the wallet is unchanged
    assert (case.policies(), case.owed()) == (1, 20_00)


def test_a_cover_that_is_refused_takes_the_airtime_back(begin):
    case = begin("cash")
    tell(case.insurer.address, "faults", fates=["failure"])

    for minutes in (0, 3, 8, 20):
        order = case.go_on(minutes)

    assert (order.state, order.prepaid.state) == ("failed", "taken_back")
    assert case.credited() == 0
    assert [refund.amount_fen for refund in order.refunds] == [100_00]
    assert case.points() == (2_500, 0)

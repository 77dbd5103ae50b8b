"""One leaver's fault, or one number's, is nobody else's."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.churn.delivery import chase
from loyalty.connections import Connections
from partners.ports import Outcome, Receipt
from partners.sandbox.twins import BillingTwin, InsurerTwin
from tests.loyalty.churn.world import LEAVING, World
from tests.loyalty.exchange.alliance import A_DAY
from tests.loyalty.orders.shop import KEYRING


class Gateway:
    """A gateway that takes no message for some numbers."""

    def __init__(self):
        self.asked, self.refuses = [], set()

    def send(self, message):
        self.asked.append(message.to)
        is_refused = message.to in self.refuses
        return Receipt(Outcome.DECLINED if is_refused else Outcome.CONFIRMED)


@pytest.fixture
def left(fresh_database):
    """Two who have left with a voucher each."""
    with fresh_database.unit_of_work() as session:
        world = World(session)
        world.open()
        members = [world.voucher("unused")[0] for _ in range(2)]
        for member in members:
            world.depart(member, "ported_out", "")
    yield members
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def rows(database, statement):
    with database.unit_of_work() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def run(database, gateway, at=LEAVING):
    connections = Connections(
        messenger=gateway, insurer=InsurerTwin(), billing=BillingTwin(), payments=None
    )
    return chase(database, connections, KEYRING, business_date=at.date(), at=at)


def test_a_step_that_fails_for_ever_is_an_alarm_and_holds_up_nobody(
    fresh_database, left
):
    with fresh_database.owner_engine.begin() as owner:
        owner.execute(
            text(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE 'broken'; END $$;"
                "CREATE TRIGGER broken BEFORE UPDATE ON voucher FOR EACH ROW"
                f" WHEN (OLD.member_id = {left[0]}) EXECUTE FUNCTION broken()"
            )
        )
    states = (
        "SELECT state, waits_for FROM churn_step WHERE benefit = 'vouchers'"
        " ORDER BY member_id"
    )

    assert run(fresh_database, Gateway()).failed == 1
    assert rows(fresh_database, states) == [("due", None), ("done", None)]
    for day in range(1, 5):
        run(fresh_database, Gateway(), at=LEAVING + day * A_DAY)

    assert rows(fresh_database, states) == [("alarmed", "person"), ("done", None)]


def test_a_message_that_is_refused_is_tried_once_each_time(fresh_database, left):
    gateway = Gateway()
    ((number,),) = rows(
        fresh_database,
        f"SELECT msisdn FROM subscription WHERE member_id = {left[0]}",
    )
    gateway.refuses.add(number)

    run(fresh_database, gateway)
    assert sorted(gateway.asked).count(number) == 1
    assert len(gateway.asked) == len(left)

    gateway.refuses.clear()
    run(fresh_database, gateway, at=LEAVING + timedelta(hours=1))
    assert gateway.asked.count(number) == 2
    assert len(gateway.asked) == len(left) + 1

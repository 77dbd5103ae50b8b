"""Leaving ends what the policy says, step by step (domain.md A31, 1.7 step 7)."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clock import now
from loyalty.exchange.operations import settle
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines
from loyalty.feeds.models import PartnerBatch
from partners.ports import Outcome, Receipt
from partners.sandbox.bank_server import BankSandbox
from tests.journeys.installation import (
    DEADLINE_SECONDS,
    IS_WAITING,
    IS_WORKING,
    Held,
)
from tests.loyalty.exchange.alliance import A_DAY, Alliance, Carrier
from tests.loyalty.orders.shop import AT_HOME, MUG, TICKET
from tests.loyalty.venues.hall import Hall
from tests.partners.benches import SHARED_SECRET, connection, tell

SECRET_KEY = "a secret of tests, and of nothing else"
CARD = "CARD-1"
LEFT = 10  # days ago
HOLDS = text(
    """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext(NEW.benefit || ' ' || NEW.state));
        RETURN NEW;
    END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON churn_step
        FOR EACH ROW EXECUTE FUNCTION hold();
    """
)


class Network(Held):
    """A programme with a bank over HTTP, and a member who has a bit of everything."""

    def __init__(self, database, sandbox, partners, messages):
        super().__init__(
            database,
            JIFEN_DATABASE_URL=database.dsn,
            JIFEN_PARTNERS=str(partners),
            JIFEN_SECRET_KEY=SECRET_KEY,
            JIFEN_MESSAGES=str(messages),
        )
        self.sandbox = sandbox
        self.member = 0
        self.events = 0

    def job(self, days_back=LEFT):
        self._environment["JIFEN_CLOCK_DAYS_BACK"] = str(days_back)
        on = (now() - days_back * A_DAY).date().isoformat()
        return self.start("run-job", "chase-churn", on)

    def chase(self, days_back=LEFT):
        process = self.job(days_back)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, stderr) == (0, "")
        return stdout

    def event(self, event, reason="", *, days_back=LEFT, msisdn="13300000001"):
        """Let something happen to the member's line."""
        self.events += 1
        at = now() - days_back * A_DAY - timedelta(hours=1)
        row = [f"E-{self.events}", msisdn, event, reason, at.isoformat()]
        batch = PartnerBatch(
            client_id="test", partner="BOSS", batch_ref=None, lines=1, called_at=at
        )
        with self.database.unit_of_work() as session:
            (answer,) = book_lines(
                session, FEEDS["subscription-events"], [row], batch=batch
            )
        assert answer.outcome == "booked"

    def kill(self, benefit, state, *, days_back=LEFT):
        """Kill the job where it is about to write that."""
        with self.held(f"{benefit} {state}"):
            process = self.job(days_back)
            self.wait_until(lambda: self.asks(IS_WAITING), process)
            process.kill()
        process.communicate()
        self.wait_until(lambda: not self.asks(IS_WORKING))

    def rows(self, statement, **facts):
        with self.database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]

    def steps(self):
        return dict(
            self.rows("SELECT benefit, state FROM churn_step ORDER BY nth, subject")
        )

    def has_card(self):
        return tell(self.sandbox.address, "state")["cards"][CARD]

    def notices(self):
        """Return what the member was told about, or could not be."""
        return self.rows(
            "SELECT kind FROM churn_notice WHERE told_at IS NOT NULL ORDER BY made_at"
        )

    def outcome(self):
        """Return all that leaving is about, whose books are proved."""
        with self.database.unit_of_work() as session:
            hall = Hall(session)
            assert Book(session).prove() == []
            return {
                "spendable": hall.available(self.member),
                "held": hall.held(self.member),
                "orders": hall.rows(
                    "SELECT state FROM member_order ORDER BY item_code"
                ),
                "vouchers": hall.rows("SELECT DISTINCT state FROM voucher"),
                "exchange": hall.rows("SELECT state FROM exchange"),
                "place": hall.rows("SELECT state FROM session_place"),
                "card": self.has_card(),
            }


GONE = {
    "spendable": 0,
    "held": 0,
    "orders": [
        ("canceled",),
        ("fulfilled",),
    ],  # the mug; the ticket, whose code is void
    "vouchers": [("void",)],
    "exchange": [("declined",)],
    "place": [("canceled",)],
    "card": False,
}
ENDED = {
    "exchanges": "done",
    "orders": "done",
    "vouchers": "done",
    "bookings": "done",
    "tier": "done",
    "points.pending": "done",
    "points.operator": "done",
    "points.universal": "done",
    "card": "done",
}


@pytest.fixture
def network(fresh_database, tmp_path):
    with BankSandbox(code="CEB", secret=SHARED_SECRET) as sandbox:
        told = connection(sandbox)
        del told["code"]
        partners = tmp_path / "partners.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
        partners.write_text("\n".join(["[CEB]", 'adapter = "bank"', *lines]))
        tell(sandbox.address, "cards", accounts=[CARD])
        network = Network(
            fresh_database, sandbox, partners, tmp_path / "messages.jsonl"
        )
        begun = now() - (LEFT + 1) * A_DAY
        with fresh_database.unit_of_work() as session:
            alliance, hall = Alliance(session), Hall(session)
            alliance.open()
            hall.open()
            network.member = member = hall.member()
            session.execute(
                text(
                    "INSERT INTO claim (space, key, member_id, content)"
                    " VALUES ('msisdn', '13300000001', :member, gen_random_uuid())"
                ),
                {"member": member},
            )
            session.execute(text("UPDATE person SET name = '王小明'"))
            hall.earn(member, 5_000, until=None)
            hall.earn(member, 15_000, unit="UNI", issuer="CEB", until=None)
            session.execute(
                text(
                    "INSERT INTO partner (partner, kind, name)"
                    " VALUES ('SHOP', 'merchant', '天河商店')"
                )
            )
            hall.place(member, hall.sell(TICKET), at=begun)
            hall.place(member, hall.sell(MUG), recipient=AT_HOME, at=begun)
            alliance.bind(member, at=begun)
            alliance.request(member, alliance.quote(10_000, at=begun), at=begun)
            held = hall.hold(starts_at=now() + A_DAY)
            hall.book(member, held, at=begun)
            alliance.link(member, CARD)
        with fresh_database.owner_engine.begin() as owner:
            owner.execute(HOLDS)
        yield network
        network.outcome()


def test_leaving_ends_everything_and_the_bank_acknowledges(network):
    network.event("closed", "voluntary")
    before = network.steps()
    said = network.chase()

    assert before["points.operator"] == "done"
    assert before["card"] == "due"
    # The bank does it in its own time.
    assert network.outcome() | {"card": False} == GONE
    assert network.steps() == ENDED | {"card": "waiting"}
    assert "0 failed" in said

    tell(network.sandbox.address, "settle")
    network.chase(LEFT - 1)
    assert network.steps() == ENDED
    ((acknowledged,),) = network.rows(
        "SELECT detail ->> 'acknowledged' FROM churn_step WHERE benefit = 'card'"
    )
    assert acknowledged.startswith("ACK")
    assert network.notices() == [("void",)]
    assert "0 steps taken up" in network.chase(LEFT - 2)
    assert network.outcome() == GONE


@pytest.mark.parametrize(
    ("benefit", "state"),
    [
        ("exchanges", "done"),
        ("orders", "done"),
        ("vouchers", "done"),
        ("bookings", "done"),
        ("card", "waiting"),
        ("card", "done"),
    ],
)
def test_whoever_is_killed_between_two_steps_the_end_is_the_same(
    network, benefit, state
):
    network.event("ported_out")

    if (benefit, state) == ("card", "done"):
        network.chase()
        tell(network.sandbox.address, "settle")
        network.kill(benefit, state, days_back=LEFT - 1)
    else:
        network.kill(benefit, state)
        network.chase()
        tell(network.sandbox.address, "settle")
    network.chase(LEFT - 2)

    assert network.outcome() == GONE
    assert network.steps() == ENDED
    assert network.notices() == [("void",)]


def test_a_bank_that_is_silent_is_an_alarm_after_five_working_days(network):
    tell(network.sandbox.address, "faults", fates=["pending"])
    network.event("closed", "arrears")

    network.chase()
    assert network.steps()["card"] == "waiting"
    network.chase(LEFT - 2)
    assert network.steps()["card"] == "waiting"
    network.chase(LEFT - 9)
    assert network.steps()["card"] == "alarmed"

    (order,) = tell(network.sandbox.address, "state")["orders"]
    tell(
        network.sandbox.address,
        "settle",
        reference=order["reference"],
        status="success",
    )
    network.chase(0)
    assert network.steps()["card"] == "done"
    assert network.outcome() == GONE


def test_who_returns_has_again_what_the_policy_gives_back(network):
    network.event("closed", "voluntary")
    network.chase()

    network.event("reconnected", days_back=LEFT - 2)
    network.chase(LEFT - 2)

    with network.database.unit_of_work() as session:
        hall = Hall(session)
        # All but the ticket, whose code is good again, and the place booked again.
        assert hall.available(network.member) == 20_000 - 100 - 600
        assert {lot[:4] for lot in hall.lots(network.member)} <= {
            ("CUP", "operator", None, None),
            ("UNI", "CEB", None, None),
        }
        assert hall.rows("SELECT DISTINCT state FROM voucher") == [("issued",)]
        assert hall.rows("SELECT state FROM session_place ORDER BY nth")[-1] == (
            "booked",
        )
    assert network.steps()["return.vouchers"] == "done"
    assert network.notices() == [("void",), ("return",)]
    network.event("reconnected", days_back=LEFT - 3)
    network.chase(LEFT - 3)
    assert network.notices() == [("void",), ("return",)]


@pytest.mark.parametrize(
    ("answer", "state", "exchange"),
    [
        (Outcome.CONFIRMED, "survived", "confirmed"),
        (Outcome.DECLINED, "done", "declined"),
    ],
)
def test_points_in_flight_settle_first(network, answer, state, exchange):
    sent_at = now() - LEFT * A_DAY - timedelta(minutes=61)
    ((ref,),) = network.rows("SELECT exchange_ref FROM exchange")
    key = {"member_id": network.member, "exchange_ref": ref}
    with network.database.unit_of_work() as session:
        session.execute(text("UPDATE exchange SET send_after = :at"), {"at": sent_at})
        alliance = Alliance(session)
        carrier = Carrier()
        carrier.tell(Outcome.UNKNOWN, done=answer is Outcome.CONFIRMED)
        alliance.advance(carrier, network.member, ref, at=sent_at)
        assert alliance.state(network.member, ref) == "sent"

    network.event("ported_out")
    network.chase()
    assert network.steps()["exchanges"] == "waiting"
    assert network.outcome()["held"] == 10_000

    with network.database.unit_of_work() as session:
        settle(
            session,
            ask=None,
            receipt=Receipt(answer),
            at=now() - (LEFT - 1) * A_DAY,
            **key,
        )
    network.chase(LEFT - 2)
    assert network.steps()["exchanges"] == state
    ended = network.outcome()
    assert (ended["exchange"], ended["held"], ended["spendable"]) == (
        [(exchange,)],
        0,
        0,
    )
    assert carrier.balance == (1_000 if answer is Outcome.CONFIRMED else 0)

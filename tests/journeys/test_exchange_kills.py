"""Exchanges whose process is killed between any two steps, and taken up again."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clock import now
from loyalty.exchange import deciding, operations
from partners.ports import Outcome, Receipt
from partners.sandbox.airline_server import AirlineSandbox
from tests.journeys.installation import (
    DEADLINE_SECONDS,
    IS_WAITING,
    IS_WORKING,
    Held,
)
from tests.loyalty.exchange.alliance import A_DAY, FROM_MILES, TO_MILES, WANG, Alliance
from tests.partners.benches import SHARED_SECRET, connection, tell

SECRET_KEY = "a secret of tests, and of nothing else"
# The airline may take so long that no time ends before somebody takes it up.
PATIENT: dict[str, Any] = {"wait_hours": 24 * 60}

# Who waits at the database for a hold of ours: what writes a question down, what writes
# its answer down, and what moves an exchange on after its points were posted.
HOLDS = text(
    """
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(
            hashtext(TG_OP || ' ' || (to_jsonb(NEW) ->> TG_ARGV[0])));
        RETURN NEW;
    END $$;
    CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON exchange_attempt
        FOR EACH ROW EXECUTE FUNCTION hold('what');
    CREATE TRIGGER hold BEFORE INSERT ON exchange_event
        FOR EACH ROW EXECUTE FUNCTION hold('state');
    """
)
FORWARD = ("validate_member", "move_units")
# For each question: it is about to be written down; it is written down, and lost on its
# way; it was done, and the answer is lost; the answer is here, and nobody knows it yet.
STEPS = ("INSERT", "lose_questions", "lose_answers", "UPDATE")
KILLS = {
    "out": (*((f, q) for q in FORWARD for f in STEPS), ("INSERT", "confirmed")),
    "in": (*((f, q) for q in FORWARD for f in STEPS), ("INSERT", "confirmed")),
    "back": (*((f, "reverse") for f in STEPS), ("INSERT", "declined")),
}


@dataclass(frozen=True)
class Left:
    """An exchange that was left lying when its process was killed."""

    member: int
    number: str
    ref: str
    days_back: int  # of the clock that the killed process went by


class Skies(Held):
    """An airline over HTTP, and a programme whose exchanges commands take up."""

    def __init__(self, database, sandbox, partners):
        super().__init__(
            database,
            JIFEN_DATABASE_URL=database.dsn,
            JIFEN_PARTNERS=str(partners),
            JIFEN_SECRET_KEY=SECRET_KEY,
        )
        self.sandbox = sandbox

    def chase(self, days_back):
        """Start the job that takes up exchanges, so many days ago."""
        on = (now() - days_back * A_DAY).date().isoformat()
        self._environment["JIFEN_CLOCK_DAYS_BACK"] = str(days_back)
        return self.start("run-job", "chase-exchanges", on)

    def run_chase(self, days_back):
        """Run the job to its end; return what it says."""
        process = self.chase(days_back)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, stderr) == (0, "")
        return stdout.removeprefix("chase-exchanges: ").strip()

    def kill(self, days_back, fault, what):
        """Take an exchange up, and kill whoever does between two steps."""
        is_held = fault in {"INSERT", "UPDATE"}
        with self.held(f"{fault if is_held else 'INSERT'} {what}"):
            process = self.chase(days_back)
            self.wait_until(lambda: self.asks(IS_WAITING), process)
            if is_held:
                process.kill()
            else:
                tell(self.sandbox.address, "faults", **{fault: 1})
        if not is_held:
            faults = self.sandbox.faults
            self.wait_until(lambda: getattr(faults, fault) == 0, process)
            process.kill()
        process.communicate()
        self.wait_until(lambda: not self.asks(IS_WORKING))

    def miles(self, number):
        return tell(self.sandbox.address, "state")["members"][number]["miles"]


@pytest.fixture
def skies(fresh_database, tmp_path):
    with AirlineSandbox(code="MU", secret=SHARED_SECRET) as sandbox:
        tell(sandbox.address, "faults", silent_seconds=DEADLINE_SECONDS)
        told = connection(sandbox)
        del told["code"]
        partners = tmp_path / "partners.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
        partners.write_text("\n".join(["[MU]", 'adapter = "airline"', *lines]))
        with fresh_database.unit_of_work() as session:
            alliance = Alliance(session)
            alliance.open()
            alliance.rate("MU", "out", replace(TO_MILES, **PATIENT))
            alliance.rate("MU", "in", replace(FROM_MILES, **PATIENT))
        with fresh_database.owner_engine.begin() as owner:
            owner.execute(HOLDS)
        yield Skies(fresh_database, sandbox, partners)


def ask_for(skies, direction, *, nth, days_back):
    """Let a member ask for an exchange, so that it is due on a day and not before."""
    number = f"MU6000{nth:02d}"
    name = {"family_name": WANG.family, "given_name": WANG.given}
    tell(skies.sandbox.address, "members", number=number, miles=3_000, **name)
    # The first exchange out waits a day; what is to be disputed happens a day earlier.
    asked_at = now() - (days_back + {"out": 1, "in": 0, "back": 2}[direction]) * A_DAY
    with skies.database.unit_of_work() as session:
        alliance = Alliance(session, next_member=nth)
        member = alliance.member()
        alliance.earn(member, 10_000, until=None)
        alliance.bind(member, number)
        if direction == "in":
            quote = alliance.quote(
                1_000, account=number, units_of="MILE", into="UNI", at=asked_at
            )
        else:
            quote = alliance.quote(10_000, account=number, at=asked_at)
        ref = alliance.request(member, quote, at=asked_at).exchange_ref
    return Left(member, number, ref, days_back)


def dispute(skies, left):
    """Let miles come after points were given back, and have them asked back."""
    days_back = left.days_back + 1
    at = now() - days_back * A_DAY
    key = {"member_id": left.member, "exchange_ref": left.ref}
    skies.run_chase(days_back)
    assert skies.miles(left.number) == 4_000
    with skies.database.unit_of_work() as session:
        for outcome in (Outcome.DECLINED, Outcome.CONFIRMED):
            operations.settle(session, ask=None, receipt=Receipt(outcome), at=at, **key)
        deciding.ask_back(session, actor="staff:1", at=at, **key)


@pytest.mark.parametrize("direction", KILLS)
def test_whoever_is_killed_between_two_steps_each_side_has_its_own(skies, direction):
    left = []
    for nth, (fault, what) in enumerate(KILLS[direction]):
        # Each days earlier than the last: to whoever is killed now the others are of
        # the future.
        one = ask_for(skies, direction, nth=nth, days_back=10 + 3 * nth)
        if direction == "back":
            dispute(skies, one)
        skies.kill(one.days_back, fault, what)
        left.append(one)

    assert {one[0] for one in ends(skies, left)} <= {"requested", "sent", "disputed"}
    said = skies.run_chase(days_back=9)
    skies.run_chase(days_back=8)  # a reversal they never heard of is asked for again
    ended = ends(skies, left)
    looked_again = skies.run_chase(days_back=6)

    assert said.startswith(f"{len(left)} exchanges taken up")
    moved = {
        "out": ("confirmed", 0, 0, 4_000),
        "in": ("confirmed", 15_000, 0, 2_000),
        "back": ("declined", 10_000, 0, 3_000),
    }
    assert ended == [moved[direction]] * len(left)
    assert ends(skies, left) == ended
    assert looked_again.endswith("0 failed")
    assert skies.run("ledger", "prove") == "the books are proved\n"


def ends(skies, left):
    """Return the state, what can be spent, what is held, and the miles of each."""
    with skies.database.unit_of_work() as session:
        alliance = Alliance(session)
        assert Book(session).prove() == []
        return [
            (
                alliance.state(one.member, one.ref),
                alliance.available(one.member),
                alliance.held(one.member),
                skies.miles(one.number),
            )
            for one in left
        ]

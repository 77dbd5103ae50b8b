"""The alliance with two customers and its partners, kept through files and jobs."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.clock import now
from loyalty.closing.operations import close_month
from loyalty.database import Database
from loyalty.demo.files import write_feed
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import Answer, load
from loyalty.finance.queries import month_report
from loyalty.jobs.running import run_job
from loyalty.points.queries import standing
from loyalty.rules.operations import load_terms, starting_terms

PARTNERS = (
    ("CEB", "bank", "光大银行"),
    ("MU", "airline", "东方航空"),
    ("SHOP", "merchant", "天河商店"),
    ("PINGAN", "insurer", "平安保险"),
    ("TTCLUB", "venue", "乒乓球馆"),
)
PLACE = ("广州", "天河", "天河营业厅", "", "", "")

# Wang's first line, on which bills earn 3/2, and Li's, on which they earn 1.
WANG, LI = "13300000001", "13000000002"


@dataclass(frozen=True)
class Purse:
    """What a member has."""

    cup: dict[str, int]
    uni: dict[str, int]
    lots: list[tuple[str, str, int, str | None]]  # unit, issuer, left, last good day
    gate: str
    left_on: str | None

    @property
    def points(self) -> tuple[int, int, int]:
        """CUP available, pending and owed."""
        return self.cup["available"], self.cup["pending"], self.cup["owed"]

    @property
    def universal(self) -> tuple[int, int]:
        """UNI available and owed."""
        return self.uni["available"], self.uni["owed"]


class Programme:
    """A programme under way; a feed's lines are those of the feed, in its order."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self.rejects: list[str] = []  # reasons why lines of the last file were
        self._directory = directory
        self._sequences: Counter[str] = Counter()

    def write(self, feed: str, *rows: tuple[object, ...]) -> Path:
        """Write the next file of a feed."""
        self._sequences[feed] += 1
        return write_feed(self._directory, feed, self._sequences[feed], rows)

    def load(self, feed: str, *rows: tuple[object, ...]) -> Answer:
        """Write the next file of a feed, and load it."""
        return self.load_file(feed, self.write(feed, *rows))

    def load_file(self, feed: str, path: Path) -> Answer:
        """Load a file, perhaps again."""
        answer = load(self.database, FEEDS[feed], path)
        self.rejects = [
            reason
            for (reason,) in self.rows(
                "SELECT r.reason"
                " FROM feed_reject r JOIN feed_file f ON f.id = r.feed_file"
                " WHERE f.feed = :feed AND f.sequence = :sequence ORDER BY line_no",
                feed=feed,
                sequence=answer.sequence,
            )
        ]
        return answer

    def event(
        self, ref: str, msisdn: str, event: str, day: str, reason: str = ""
    ) -> Answer:
        """Let something happen to a line at noon."""
        at = f"{day}T12:00:00+08:00"
        return self.load("subscription-events", (ref, msisdn, event, reason, at))

    def run(self, job: str, day: str) -> str:
        """Run a job for a business date."""
        return run_job(self.database, job, date.fromisoformat(day))

    def close(self, month: str) -> None:
        """Close a month and all before it."""
        with self.database.unit_of_work() as session:
            close_month(
                session,
                period=date.fromisoformat(f"{month}-01"),
                actor="test",
                at=now(),
            )

    def member(self, member_ref: str) -> Purse:
        """Return what `jifen member show` tells of a member."""
        with self.database.unit_of_work() as session:
            found: dict[str, Any] = standing(session, member_ref=member_ref)
        return Purse(
            cup=found["balances"]["CUP"],
            uni=found["balances"]["UNI"],
            lots=[
                (lot["unit"], lot["issuer"], lot["units_left"], lot["expires_on"])
                for lot in found["lots"]
            ],
            gate=found["gate"],
            left_on=found["left_on"],
        )

    def report(self, month: str) -> dict[str, Any]:
        """Return the report of a month, whose figures add up."""
        with self.database.unit_of_work() as session:
            found: dict[str, Any] = month_report(
                session, date.fromisoformat(f"{month}-01")
            )
        for unit in found["units"].values():
            inflow = ("opening", "issued", "exchanged_in", "reinstated", "adjusted")
            outflow = ("clawed_back", "exchanged_out", "expired", "voided", "forfeited")
            assert unit["closing"] == (
                sum(unit[name] for name in inflow)
                - sum(unit[name] for name in outflow)
                - sum(unit["redeemed"].values())
            )
        assert found["proved"] is True
        return found

    def days_of(self, kind: str) -> list[tuple[str, str]]:
        """Return when entries of a kind took effect, and when they happened."""
        return [
            (str(effective_on), str(occurred_on))
            for effective_on, occurred_on in self.rows(
                "SELECT effective_on, CAST(occurred_at AS date) FROM ledger.transfer"
                " WHERE kind = :kind ORDER BY id, line",
                kind=kind,
            )
        ]

    def rows(self, statement: str, **facts: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]


def begin(database: Database, directory: Path) -> Programme:
    """Start on the starting terms with Wang and Li."""
    with database.unit_of_work() as session:
        terms = starting_terms()
        load_terms(session, terms=terms, at=now())
        load_items(session, items=terms["item"])
    programme = Programme(database, directory)
    programme.load("partners", *PARTNERS)
    programme.load(
        "subscribers",
        line_of("WANG", WANG, brand="worldwind"),
        line_of("LI", LI, brand="up"),
    )
    programme.load(
        "links",
        ("CEB", "6226-1", "WANG", "2007-01-01"),
        ("MU", "MU-1", "WANG", "2007-01-01"),
        ("CEB", "6226-2", "LI", "2007-01-01"),
    )
    return programme


@pytest.fixture
def programme(fresh_database: Database, tmp_path: Path) -> Iterator[Programme]:
    """A programme under way, whose books prove at the end."""
    yield begin(fresh_database, tmp_path)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def line_of(
    member_ref: str, msisdn: str, *, brand: str = "up", since: str = "2005-03-01"
) -> tuple[str, ...]:
    """Return a line of the subscribers' feed."""
    person = (member_ref, f"客户{member_ref}", f"hash-of-{member_ref}")
    return (*person, msisdn, "GSM", brand, "postpaid", since, *PLACE)


@pytest.fixture
def bill(programme: Programme) -> Callable[..., Answer]:
    """Bill Wang; a bill is due on 25 October, so that day 91 is 24 January."""

    def bill(
        ref: str,
        amount: str,
        *,
        msisdn: str = WANG,
        billed_on: str = "2007-10-05",
        due_on: str = "2007-10-25",
    ) -> Answer:
        return programme.load(
            "bills", (ref, msisdn, billed_on[:7], billed_on, due_on, amount)
        )

    return bill


@pytest.fixture
def pay(programme: Programme) -> Callable[[str, str, str, str], Answer]:
    """Pay something of a bill; what is negative has bounced."""
    return lambda ref, bill, day, amount: programme.load(
        "payments", (ref, bill, day, amount)
    )


@pytest.fixture
def credit(programme: Programme) -> Callable[[str, str, str, str], Answer]:
    """Adjust a bill."""
    return lambda ref, bill, day, amount: programme.load(
        "adjustments", (ref, bill, day, amount)
    )


@pytest.fixture
def redeem(programme: Programme) -> Callable[..., Answer]:
    """Redeem an item at a hall at noon."""

    def redeem(
        ref: str,
        member: str,
        item: str,
        day: str,
        *,
        quantity: int = 1,
        channel: str = "hall",
    ) -> Answer:
        at = f"{day}T12:00:00+08:00"
        return programme.load("redemptions", (ref, member, item, quantity, channel, at))

    return redeem

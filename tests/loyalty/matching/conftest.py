"""A bank, the members with a card there, and its files."""

from collections import Counter

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clock import now
from loyalty.demo.files import write_feed
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load
from loyalty.matching.operations import match
from loyalty.rules.operations import load_terms, starting_terms
from tests.journeys.conftest import PARTNERS, line_of
from tests.loyalty.matching.faults import BANK


class Bank:
    """What a bank and its members do, by files alone."""

    def __init__(self, database, directory):
        self.database, self.directory = database, directory
        self.accounts = []
        self._sequences: Counter[tuple[str, str]] = Counter()

    def open(self, *, members):
        """Let so many people have a card of the bank."""
        with self.database.unit_of_work() as session:
            load_terms(session, terms=starting_terms(), at=now())
        self.load("partners", PARTNERS)
        self.accounts = [f"6226-{number}" for number in range(members)]
        numbers = range(members)
        self.load(
            "subscribers", [line_of(f"M{each}", f"133{each:08d}") for each in numbers]
        )
        self.load(
            "links",
            [(BANK, f"6226-{each}", f"M{each}", "2007-01-01") for each in numbers],
        )

    def load(self, feed, rows, *, sender="operator"):
        """Load the next file of a sender."""
        self._sequences[feed, sender] += 1
        sequence = self._sequences[feed, sender]
        path = write_feed(self.directory, feed, sequence, rows, sender=sender)
        return load(self.database, FEEDS[feed], path)

    def pay(self, ref, amount="100.00", *, on="2007-10-10", account=0, original=""):
        """Let somebody pay by card, or get something back; 10 points for 100 yuan."""
        at = self.accounts[account]
        row = (ref, BANK, at, "card", on, amount, "CNY", "", original)
        assert self.load("activities", [row]).rejected == 0

    def tell(self, *rows):
        """Let the bank tell of its lines."""
        return self.load("partner-statement", rows, sender=BANK)

    def match(self, period):
        """Match a month of the bank."""
        with self.database.unit_of_work() as session:
            return match(session, partner=BANK, period=period, actor="test", at=now())

    def breaks(self):
        """Return what is open, by what it is about."""
        return [
            (reference, code)
            for reference, code in self.rows(
                "SELECT reference, code FROM statement_break WHERE closed_at IS NULL"
            )
        ]

    def rows(self, statement, **facts):
        """Ask the database."""
        with self.database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement), facts)]


@pytest.fixture
def bank(fresh_database, tmp_path):
    """A bank whose members' books prove at the end."""
    yield Bank(fresh_database, tmp_path)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []

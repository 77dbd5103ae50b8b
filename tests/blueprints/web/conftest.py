"""A hall with sessions, for pages of members."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.tiers.operations import grant
from tests.loyalty.venues.hall import Hall


class Evenings:
    """What tests of pages prepare at a venue, each in a transaction of its own."""

    def __init__(self, database, join):
        self.database = database
        self.join = join
        self.numbers = iter(range(13_300_000_001, 13_400_000_000))
        with database.unit_of_work() as session:
            Hall(session).open()

    def member(self, points=0, tier=None):
        """Bring a member in who has a telephone."""
        member_id = self.join(str(next(self.numbers)))
        today = now().date()
        with self.database.unit_of_work() as session:
            if points:
                Hall(session).earn(member_id, points, until=None)
            if tier is not None:
                grant(
                    session,
                    member_id=member_id,
                    tier=tier,
                    granted_on=today,
                    until=today + timedelta(days=90),
                    reason="a test",
                    actor="test",
                )
        return member_id

    def hold(self, capacity=2, **other):
        """Offer a session, in a week if nothing else is told."""
        facts = {"starts_at": now() + timedelta(days=7)} | other
        with self.database.unit_of_work() as session:
            return Hall(session).hold(capacity=capacity, **facts)

    def book(self, member_id, session_id):
        """Book a place."""
        with self.database.unit_of_work() as session:
            Hall(session).book(member_id, session_id, at=now())

    def states(self, session_id):
        """Return the states of the places in a session."""
        with self.database.unit_of_work() as session:
            return Hall(session).states(session_id)

    def held(self, member_id):
        """Return what is set aside."""
        with self.database.unit_of_work() as session:
            return Hall(session).held(member_id)

    def have_begun(self, session_id):
        """Let a session have begun a moment ago."""
        with self.database.unit_of_work() as session:
            session.execute(
                text("UPDATE venue_session SET starts_at = :at WHERE session_id = :id"),
                {"at": now() - timedelta(minutes=1), "id": session_id},
            )


@pytest.fixture
def evenings(fresh_database, join):
    """Sessions at a venue, and members who book."""
    return Evenings(fresh_database, join)

"""A table-tennis hall with sessions, and members who play in it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from loyalty.access.operations import issue_code, verify_code
from loyalty.tiers.operations import grant
from loyalty.venues import operations
from loyalty.venues.models import Place
from loyalty.venues.queries import Offer, offer, one_session
from loyalty.venues.rules import SessionFacts
from tests.loyalty.orders.shop import KEYRING, NOON, Shop

TODAY = NOON.date()
NEXT_WEEK = NOON + timedelta(days=7)


@dataclass
class Hall(Shop):
    """What tests do at a venue, through the use cases alone."""

    def open(self) -> None:
        """Open it on the starting terms."""
        super().open()
        self.session.execute(
            text(
                "INSERT INTO partner (partner, kind, name)"
                " VALUES ('TTCLUB', 'venue', '天河乒乓球馆')"
            )
        )

    def player(self, points: int = 0, *, tier: str | None = None) -> int:
        """Bring a member in, with a tier that was given."""
        member_id = self.member(points)
        if tier is not None:
            grant(
                self.session,
                member_id=member_id,
                tier=tier,
                granted_on=date(2007, 1, 1),
                until=date(2008, 12, 31),
                reason="test",
                actor="test",
            )
        return member_id

    def hold(self, capacity: int = 2, **other: Any) -> int:
        """Offer a session next week; what is not told is ordinary."""
        facts: dict[str, Any] = {
            "venue": "TTCLUB",
            "club": None,
            "item_code": "TT1",
            "starts_at": NEXT_WEEK,
            "minutes": 90,
            "capacity": capacity,
        }
        held = operations.hold_session(
            self.session, facts=SessionFacts(**facts | other), actor="test", at=NOON
        )
        return held.session_id

    def offer(self, member_id: int, session_id: int, **other: Any) -> Offer:
        """Return what a place costs."""
        asked: dict[str, Any] = {"is_in_club": False, "at": NOON} | other
        return offer(self.session, member_id=member_id, session_id=session_id, **asked)

    def book(self, member_id: int, session_id: int, **other: Any) -> Place:
        """Book a place, confirmed as it should be."""
        asked: dict[str, Any] = {"is_in_club": False, "at": NOON} | other
        shown = self.offer(
            member_id, session_id, at=asked["at"], is_in_club=asked["is_in_club"]
        )
        if shown.points and asked.pop("confirmed", True):
            self.agree(member_id, shown.bound, at=asked["at"])
        asked.setdefault("expected_points", shown.points)
        return operations.book(
            self.session, member_id=member_id, session_id=session_id, **asked
        )

    def agree(self, member_id: int, bound: str, *, at: datetime) -> None:
        """Let a member confirm something by the code that came."""
        self.session.execute(
            text(
                "UPDATE one_time_code SET created_at = created_at - interval '1 day'"
                " WHERE member_id = :member"
            ),
            {"member": member_id},
        )
        issued = issue_code(
            self.session,
            member_id=member_id,
            purpose="confirm",
            bound=bound,
            keyring=KEYRING,
            at=at,
        )
        assert verify_code(
            self.session,
            code_id=issued.code_id,
            code=issued.code,
            keyring=KEYRING,
            at=at,
        )

    def give_up(self, member_id: int, session_id: int, **other: Any) -> Place:
        """Cancel a place, as its member."""
        asked: dict[str, Any] = {"actor": "member", "at": NOON} | other
        return operations.cancel(
            self.session, member_id=member_id, session_id=session_id, **asked
        )

    def states(self, session_id: int) -> dict[int, str]:
        """Return the state of each member's newest place."""
        return {
            row[0]: row[1]
            for row in self.rows(
                "SELECT DISTINCT ON (member_id) member_id, state FROM session_place"
                " WHERE session_id = :session ORDER BY member_id, nth DESC",
                session=session_id,
            )
        }

    def taken(self, session_id: int) -> int:
        """Return how many places are booked."""
        return one_session(self.session, session_id=session_id).taken

    def leave(self, member_id: int) -> None:
        """Mark that a member has left the network."""
        self.session.execute(
            text("UPDATE member SET left_on = :on WHERE member_id = :member"),
            {"on": TODAY, "member": member_id},
        )

    def costs(self) -> list[tuple[Any, ...]]:
        """Return the rows of the club cost line."""
        return self.rows(
            "SELECT club, venue, member_id, fen, kind FROM club_cost ORDER BY cost_id"
        )

"""Clubs of the starting terms, and members who belong to them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.clubs import benefits, operations, queries
from loyalty.orders import belonging
from loyalty.settings import TIME_ZONE
from loyalty.tiers.operations import grant
from tests.loyalty.orders.shop import KEYRING, NOON, Shop

TODAY = NOON.date()


def at_noon(day: date) -> datetime:
    """Return the noon of a day."""
    return datetime.combine(day, time(12), TIME_ZONE)


@dataclass
class Club(Shop):
    """A shop whose members belong to clubs."""

    def invite(self, member_id: int, club: str = "TT", **other: Any) -> Any:
        """Ask a member to join."""
        facts: dict[str, Any] = {
            "days": 30,
            "reference": uuid4().hex,
            "actor": "staff:1",
            "at": NOON,
        } | other
        return operations.invite(self.session, member_id=member_id, club=club, **facts)

    def join(self, member_id: int, club: str = "TT", **other: Any) -> Any:
        """Let a member join, by invitation unless told; one is given first."""
        facts: dict[str, Any] = {
            "way": "invitation",
            "reference": uuid4().hex,
            "actor": "member",
            "at": NOON,
        } | other
        if facts["way"] == "invitation" and facts.pop("invited", True):
            self.invite(member_id, club, at=facts["at"])
        return belonging.join_club(
            self.session, member_id=member_id, club=club, **facts
        )

    def leave(self, member_id: int, club: str = "TT", **other: Any) -> Any:
        """Let a member leave a club."""
        facts: dict[str, Any] = {
            "reference": uuid4().hex,
            "actor": "member",
            "at": NOON,
        } | other
        return belonging.leave_club(
            self.session, member_id=member_id, club=club, **facts
        )

    def pay_fee(self, member_id: int, *, at: datetime = NOON) -> str:
        """Join the car club for its fee; returns the order."""
        placed = self.place(member_id, "CLUB-CAR", way="cash", at=at)
        self.pay(member_id, placed.order.order_ref, at=at)
        return placed.order.order_ref

    def stand(self, member_id: int, tier: str) -> None:
        """Give a member a tier for a year."""
        grant(
            self.session,
            member_id=member_id,
            tier=tier,
            granted_on=NOON.date(),
            until=NOON.date() + timedelta(days=365),
            reason="test",
            actor="test",
        )

    def card(self, member_id: int, *, on: date = TODAY) -> Any:
        """Return the only card a member has."""
        (card,) = queries.cards(self.session, member_id=member_id, on=on)
        return card

    def code(self, member_id: int, entitlement: str, *, at: datetime = NOON) -> Any:
        """Have a member's code made for one use."""
        return benefits.issue_code(
            self.session,
            member_id=member_id,
            membership_ref=self.card(member_id, on=at.date()).membership.membership_ref,
            entitlement=entitlement,
            keyring=KEYRING,
            at=at,
        )

    def code_of(
        self, member_id: int, club: str, entitlement: str, *, at: datetime = NOON
    ) -> str:
        """Have a code made by a member of several clubs."""
        (card,) = (
            one
            for one in queries.cards(self.session, member_id=member_id, on=at.date())
            if one.club.club == club
        )
        return benefits.issue_code(
            self.session,
            member_id=member_id,
            membership_ref=card.membership.membership_ref,
            entitlement=entitlement,
            keyring=KEYRING,
            at=at,
        ).code

    def use(self, code: str, **other: Any) -> Any:
        """Take a code at a counter."""
        facts: dict[str, Any] = {
            "reference": uuid4().hex,
            "actor": "staff:1",
            "channel": "club",
            "at": NOON,
        } | other
        found = benefits.find(self.session, code=code, keyring=KEYRING)
        return benefits.use_code(self.session, code_hash=found.code_hash, **facts)

    def undo(self, member_id: int, use_ref: str) -> Any:
        """Undo a use that did not happen."""
        return benefits.reverse(
            self.session,
            member_id=member_id,
            use_ref=use_ref,
            actor="staff:1",
            reason="nobody came",
            at=NOON,
        )

    def end(self, member_id: int, *, on: date) -> Any:
        """Let leaving the network end what a member belongs to."""
        return operations.end_all(
            self.session,
            leavers=[operations.Leaver(member_id, on, "churn:E1")],
            actor="job:churn",
            at=at_noon(on),
        )

    def left(self, member_id: int, *, on: date = TODAY) -> None:
        """Let a member have left the network."""
        self.session.execute(
            text("UPDATE member SET left_on = :on WHERE member_id = :member"),
            {"on": on, "member": member_id},
        )


@pytest.fixture
def club(session):
    """Clubs in a transaction that is rolled back; the books prove at the end."""
    club = Club(session)
    club.open()
    yield club
    assert Book(session).prove() == []

"""Tables of sessions, and of the places in them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class VenueSession(Base):
    """Some hours at a venue, and how many may come.

    What a place costs is told by an item of the catalogue: its points, its tier
    prices, and what the venue is owed for it. `taken` counts the places that are
    booked; whoever changes a place of the session locks this row first.
    """

    __tablename__ = "venue_session"
    __table_args__ = (
        CheckConstraint(
            "state IN ('open', 'closed', 'called_off')", name="state_known"
        ),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="never_overbooked"),
        CheckConstraint("minutes > 0 AND cancel_hours >= 0", name="lasts_some_time"),
        Index("venue_session_starts_at_idx", "starts_at"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    session_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    venue: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    club: Mapped[str | None]  # None: for everybody in the alliance
    item_code: Mapped[str] = mapped_column(ForeignKey("catalogue_item.item_code"))
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    capacity: Mapped[int]
    cancel_hours: Mapped[int]  # before it starts: until then a place can be given up
    takes_guests: Mapped[bool]  # who is not in the club may come at the list price
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    arrivals: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default="open")
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class Place(Base):
    """A place of a member in a session, or among those who wait for one.

    Who gives a place up and asks again later has another row, with the next `nth`.
    """

    __tablename__ = "session_place"
    __table_args__ = (
        CheckConstraint(
            "state IN ('booked', 'waiting', 'canceled', 'attended', 'missed')",
            name="state_known",
        ),
        CheckConstraint("points >= 0", name="never_negative"),
        CheckConstraint(
            "points = 0 OR held_by IS NOT NULL", name="sets_its_points_aside"
        ),
        CheckConstraint(
            "news IN ('moved_up', 'not_reached', 'called_off')", name="news_known"
        ),
        Index(
            "session_place_one_alive_idx",
            "member_id",
            "session_id",
            unique=True,
            postgresql_where=text("state <> 'canceled'"),
        ),
        Index("session_place_session_id_idx", "session_id", "state", "arrival"),
        Index(
            "session_place_news_idx",
            "state_at",
            postgresql_where=text("news IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": 70}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    session_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("venue_session.session_id"), primary_key=True
    )
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    arrival: Mapped[int]  # in this order those who wait move up
    state: Mapped[str]
    state_at: Mapped[datetime]
    asked_at: Mapped[datetime]
    tier: Mapped[str | None]  # None: the list price
    points: Mapped[int] = mapped_column(BigInteger)  # 0: free
    held_by: Mapped[UUID | None]  # the entry; None: it costs no points
    redeemed_by: Mapped[UUID | None]  # the entry; None: no points have left for good
    ended_by: Mapped[str | None]  # the leaving that took it; None: none did
    given_back_at: Mapped[datetime | None]  # None: the member has not come back
    news: Mapped[str | None]  # what the member is to be told; None: nothing


class PlaceEvent(Base):
    """A state that a place came to; only ever added to."""

    __tablename__ = "session_place_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "session_id", "nth"],
            [
                "session_place.member_id",
                "session_place.session_id",
                "session_place.nth",
            ],
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    session_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]  # None: it went as it should

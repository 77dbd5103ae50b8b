"""What the programme remembers beside the books."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Departure(Base):
    """A member's leaving of the network, and the entry that voided the points."""

    __tablename__ = "departure"
    __table_args__ = (
        Index(
            "departure_not_void", "void_on", postgresql_where=text("booked_at IS NULL")
        ),
        Index("departure_newest", "left_at", "member_id", "event_ref"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    # The event that ended the last line; with a number where it has done so before.
    event_ref: Mapped[str] = mapped_column(primary_key=True)
    cause_ref: Mapped[str]  # the event that did so as far as is known now
    left_on: Mapped[date]
    left_at: Mapped[datetime]
    reason: Mapped[str]
    policy_version: Mapped[int | None]  # None: left before there were policies
    void_on: Mapped[date]  # the points are void from then on
    reinstate_until: Mapped[date]  # the last day of a return in time
    entry_id: Mapped[UUID | None]  # None: there was nothing to void
    # What was earned in the book before that is void; None: nothing is void yet.
    booked_at: Mapped[datetime | None]
    reinstated_on: Mapped[date | None]  # None: what was voided stays void
    reinstated_by: Mapped[UUID | None]


class ComingAndGoing(Base):
    """The table whose locks keep those who earn and those who leave apart.

    It has no rows.
    """

    __tablename__ = "coming_and_going"
    __table_args__ = (CheckConstraint("false", name="stays_empty"),)

    nothing: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False
    )

"""Tables of members and their lines, and of the names the outside world uses."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

NETWORKS = ("CDMA", "GSM")
BRANDS = ("worldwind", "newspacetime", "up", "ruyitong")
PAY_TYPES = ("postpaid", "quasi_prepaid", "prepaid")
EVENTS = (
    "activated",
    "suspended",
    "resumed",
    "pre_cancelled",
    "ported_out",
    "closed",
    "migrated",
    "transferred",
    "deceased",
    "reconnected",
)
PURPOSES = ("marketing_sms", "automated_decisions", "partner_recommendations")
REASONS = ("voluntary", "arrears", "lost", "fraud", "internal")
STATES = (
    "active",
    "suspended",
    "pre_cancelled",
    "ported_out",
    "closed",
    "migrated",
    "transferred",
    "deceased",
)


def one_of(column: str, codes: tuple[str, ...]) -> str:
    """Return the SQL condition that a column holds one of the codes."""
    return f"{column} IN ({', '.join(repr(code) for code in codes)})"


class Claim(Base):
    """A key of the outside world, taken by one member.

    Keyed by that key alone, so that no two members can be paid for one bill, or
    hold one live number.
    """

    __tablename__ = "claim"

    space: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[UUID]  # of the line that claimed it: a replay has the same
    feed_file: Mapped[int | None]  # None: not claimed by a file
    line_no: Mapped[int | None]


class Member(Base):
    """A person in the alliance."""

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("left_on >= joined_on", name="left_after_joining"),
        {"postgresql_with": {"fillfactor": 90}},
    )

    member_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    member_ref: Mapped[str]
    joined_on: Mapped[date]
    left_on: Mapped[date | None]  # None: takes part
    deceased: Mapped[bool] = mapped_column(server_default=false())


class Person(Base):
    """Personal data of a member, apart from the books so that it can be erased."""

    __tablename__ = "person"
    __table_args__ = (Index(None, "id_hash"),)

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.member_id"), primary_key=True
    )
    name: Mapped[str]
    id_hash: Mapped[str]
    phone_contact: Mapped[str | None]  # None: not told
    email: Mapped[str | None]  # None: not told


class Subscription(Base):
    """A line of a member, from its activation to its end."""

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint(one_of("network", NETWORKS), name="network_known"),
        CheckConstraint(one_of("brand", BRANDS), name="brand_known"),
        CheckConstraint(one_of("pay_type", PAY_TYPES), name="pay_type_known"),
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("ended_on >= activated_on", name="ends_after_activation"),
        Index(None, "msisdn", "activated_on"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.member_id"), primary_key=True
    )
    msisdn: Mapped[str] = mapped_column(primary_key=True)
    activated_on: Mapped[date] = mapped_column(primary_key=True)
    network: Mapped[str]
    brand: Mapped[str]
    pay_type: Mapped[str]
    city: Mapped[str | None]  # None: not told
    county: Mapped[str | None]  # None: not told
    hall: Mapped[str | None]  # None: no hall looks after it
    group_ref: Mapped[str | None]  # None: belongs to no group customer
    state: Mapped[str] = mapped_column(server_default="active")
    in_arrears: Mapped[bool] = mapped_column(server_default=false())
    state_at: Mapped[datetime]
    state_ref: Mapped[str | None]  # of the event that says so; None: none did
    ended_on: Mapped[date | None]  # None: alive
    content: Mapped[UUID]
    feed_file: Mapped[int | None]  # None: not booked from a file
    line_no: Mapped[int | None]


class SubscriptionEvent(Base):
    """Something that happened to a line."""

    __tablename__ = "subscription_event"
    __table_args__ = (
        CheckConstraint(one_of("event", EVENTS), name="event_known"),
        CheckConstraint(one_of("reason", REASONS), name="reason_known"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.member_id"), primary_key=True
    )
    event_ref: Mapped[str] = mapped_column(primary_key=True)
    msisdn: Mapped[str]
    event: Mapped[str]
    reason: Mapped[str | None]  # None: no reason given
    occurred_at: Mapped[datetime]


class Consent(Base):
    """What a member agreed to, or no longer agrees to, after which notice."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(one_of("purpose", PURPOSES), name="purpose_known"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    purpose: Mapped[str] = mapped_column(primary_key=True)
    given_at: Mapped[datetime] = mapped_column(primary_key=True)
    notice_version: Mapped[int]
    granted: Mapped[bool]
    channel: Mapped[str]


class ContactChange(Base):
    """That a member's contact changed, but not to what: that can be erased."""

    __tablename__ = "contact_change"
    __table_args__ = (CheckConstraint("kind IN ('phone', 'email')", name="kind_known"),)

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    changed_at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]


class ErasureRequest(Base):
    """A member's wish to be forgotten, and what became of it."""

    __tablename__ = "erasure_request"
    __table_args__ = (
        CheckConstraint("withdrawn_at IS NULL OR erased_at IS NULL", name="ends_once"),
        Index(
            "erasure_request_one_open",
            "member_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL AND erased_at IS NULL"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    asked_at: Mapped[datetime] = mapped_column(primary_key=True)
    due_on: Mapped[date]
    withdrawn_at: Mapped[datetime | None]  # None: still wished, or done
    erased_at: Mapped[datetime | None]  # None: not done

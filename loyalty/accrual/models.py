"""What earned points, or did not: bills with their payments, partner activities."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

STANDINGS = ("none", "pending", "available", "canceled")


class Bill(Base):
    """A telecom bill: what it asks, what was paid, and where its points stand."""

    __tablename__ = "bill"
    __table_args__ = (
        CheckConstraint(
            "standing IN ('none', 'pending', 'available', 'canceled')",
            name="stands_somewhere",
        ),
        CheckConstraint("due_fen >= 0 AND points >= 0", name="never_below_zero"),
        Index(
            "bill_without_points_idx",
            "effective_on",
            postgresql_where=text("standing = 'none'"),
        ),
        CheckConstraint(
            "(coalition IS NULL) = (coalition_from IS NULL)", name="coalition_by_terms"
        ),
        ForeignKeyConstraint(
            ["coalition", "coalition_from"],
            ["coalition_terms.partner", "coalition_terms.valid_from"],
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    bill_ref: Mapped[str] = mapped_column(primary_key=True)
    msisdn: Mapped[str]
    period: Mapped[date]
    billed_on: Mapped[date]
    due_on: Mapped[date]
    effective_on: Mapped[date]  # the accounting day: of a late one, the first open one
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    due_fen: Mapped[int] = mapped_column(BigInteger)  # after credit notes
    paid_fen: Mapped[int] = mapped_column(BigInteger)
    points_num: Mapped[int]  # per yuan; 0: billed after the member had left
    points_den: Mapped[int]
    rule_version: Mapped[int]
    points: Mapped[int] = mapped_column(BigInteger)  # for what is due now
    standing: Mapped[str]
    standing_on: Mapped[date]  # since when
    latest_on: Mapped[date]  # the latest day of anything known about it
    coalition: Mapped[str | None]  # whose points it gives; None: our own, as below
    coalition_from: Mapped[date | None]  # first day of the terms that hold for it


class BillEvent(Base):
    """A payment (negative: bounced) or an adjustment of a bill."""

    __tablename__ = "bill_event"
    __table_args__ = (
        CheckConstraint("source IN ('payment', 'adjustment')", name="has_a_source"),
        Index(
            "bill_event_adjustment_idx",
            "effective_on",
            postgresql_where=text("source = 'adjustment'"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    bill_ref: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    happened_on: Mapped[date]
    effective_on: Mapped[date]  # the accounting day, as of a bill
    amount_fen: Mapped[int] = mapped_column(BigInteger)


class CoalitionPoints(Base):
    """Points of a coalition that a bill gave, or (below zero) that were taken back."""

    __tablename__ = "coalition_points"
    __table_args__ = (
        UniqueConstraint("member_id", "reference"),
        ForeignKeyConstraint(
            ["member_id", "bill_ref"], ["bill.member_id", "bill.bill_ref"]
        ),
        ForeignKeyConstraint(
            ["partner", "valid_from"],
            ["coalition_terms.partner", "coalition_terms.valid_from"],
        ),
        CheckConstraint(
            "what IN ('given', 'adjusted', 'canceled', 'revived')", name="what_known"
        ),
        CheckConstraint(
            "CASE WHEN what IN ('given', 'revived') THEN units > 0 ELSE units < 0 END",
            name="moves_something",
        ),
        Index(None, "effective_on"),
        Index(None, "partner"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    bill_ref: Mapped[str] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
    reference: Mapped[str]  # of the entry, and of what it draws of blocks
    partner: Mapped[str]
    valid_from: Mapped[date]
    units: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)  # of the bill that they are of
    is_prepaid: Mapped[bool]  # blocks cover them; else we owe them
    occurred_on: Mapped[date]
    effective_on: Mapped[date]


class Activity(Base):
    """Something a member did at a partner, or (with an original) its refund."""

    __tablename__ = "activity"
    __table_args__ = (
        CheckConstraint("refunded_fen >= 0", name="never_below_zero"),
        CheckConstraint(
            "(amount_fen < 0) = (original_ref IS NOT NULL)", name="refunds_something"
        ),
        {"postgresql_with": {"fillfactor": 90}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    partner: Mapped[str] = mapped_column(primary_key=True)
    partner_ref: Mapped[str] = mapped_column(primary_key=True)
    activity: Mapped[str]
    occurred_on: Mapped[date]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    mcc: Mapped[str | None]  # None: the partner sends no category
    original_ref: Mapped[str | None]  # None: not a refund
    unit: Mapped[str]
    points_per: Mapped[int]  # per full step; 0: earns nothing
    per_fen: Mapped[int]
    rule_version: Mapped[int]
    points: Mapped[int] = mapped_column(BigInteger)  # earned, or taken back
    refunded_fen: Mapped[int] = mapped_column(BigInteger)  # of an original
    billed_from: Mapped[date | None]  # since when its partner pays so; None: nobody

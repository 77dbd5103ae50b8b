"""Points spent on catalogue items and at tills, and what was given back of them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Redemption(Base):
    """An item bought with points or prepaid, at the prices of that day.

    It is written when points leave for good or money was taken, and never changed:
    what is given back of it are rows of `RedemptionReturn`.
    """

    __tablename__ = "redemption"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND points >= 0", name="buys_something"),
        Index("redemption_effective_on_idx", "effective_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    redemption_ref: Mapped[str] = mapped_column(primary_key=True)
    item_code: Mapped[str]
    quantity: Mapped[int] = mapped_column(BigInteger)
    channel: Mapped[str]
    occurred_at: Mapped[datetime]
    points: Mapped[int] = mapped_column(BigInteger)
    settlement_fen: Mapped[int] = mapped_column(BigInteger)  # owed for all of it
    partner: Mapped[str | None]  # None: our own product
    cost_treatment: Mapped[str]
    entry_id: Mapped[UUID | None]  # None: it cost no points
    effective_on: Mapped[date]


class RedemptionReturn(Base):
    """A part of a redemption that was given back, and is owed no longer."""

    __tablename__ = "redemption_return"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "redemption_ref"],
            ["redemption.member_id", "redemption.redemption_ref"],
        ),
        CheckConstraint(
            "quantity > 0 AND points >= 0 AND settlement_fen >= 0",
            name="gives_something_back",
        ),
        Index(None, "effective_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    redemption_ref: Mapped[str] = mapped_column(primary_key=True)
    return_ref: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(BigInteger)
    points: Mapped[int] = mapped_column(BigInteger)
    settlement_fen: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[UUID | None]  # None: it had cost no points
    effective_on: Mapped[date]
    occurred_at: Mapped[datetime]


class MerchantRedemption(Base):
    """Points spent at a partner's till: held first, then captured or let go."""

    __tablename__ = "merchant_redemption"
    __table_args__ = (
        CheckConstraint(
            "state IN ('authorized', 'captured', 'cancelled', 'expired')",
            name="state_known",
        ),
        CheckConstraint("points BETWEEN 1 AND asked", name="holds_something"),
        CheckConstraint("refunded BETWEEN 0 AND points", name="never_gives_more"),
        CheckConstraint(
            "(captured_by IS NOT NULL) >= (state = 'captured')", name="captures_points"
        ),
        Index(
            "merchant_redemption_waiting_idx",
            "expires_at",
            postgresql_where=text("state = 'authorized'"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    partner: Mapped[str] = mapped_column(primary_key=True)
    partner_ref: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[int] = mapped_column(BigInteger)  # points
    points: Mapped[int] = mapped_column(BigInteger)  # held, as many as there were
    self_paid_fen: Mapped[int] = mapped_column(BigInteger)
    terms_version: Mapped[int]
    state: Mapped[str]
    authorized_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state_at: Mapped[datetime]
    held_by: Mapped[UUID]
    captured_by: Mapped[UUID | None]  # None: not captured
    refunded: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    returns: Mapped[int] = mapped_column(server_default=text("0"))

"""Tables of blocks, of what partners may owe, and of how accruals are billed."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

USES = ("out", "in", "earn", "give")  # exchanges one way or the other, accruals, bills


class PointBlock(Base):
    """Units paid for in advance: ours by a partner, or a partner's by us.

    They serve exchanges one way, what members earn at a partner, or a coalition's
    points that bills give. Blocks are drawn oldest start first, and never below
    nothing.
    """

    __tablename__ = "point_block"
    __table_args__ = (
        CheckConstraint(
            "direction IN ('out', 'in', 'earn', 'give')", name="direction_known"
        ),
        CheckConstraint(
            "units_bought > 0 AND units_reserved >= 0 AND units_left >= units_reserved"
            " AND units_left <= units_bought AND reorder_units >= 0 AND price_fen >= 0",
            name="never_overdrawn",
        ),
        CheckConstraint("ends_on >= starts_on", name="begins_before_it_ends"),
        Index(None, "partner", "direction", "starts_on"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    block_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    direction: Mapped[str]
    units_bought: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]  # None: until it is used up
    reorder_units: Mapped[int] = mapped_column(BigInteger)  # alert when less is free
    units_left: Mapped[int] = mapped_column(BigInteger)  # not drawn yet
    units_reserved: Mapped[int] = mapped_column(BigInteger)  # of these
    bought_at: Mapped[datetime]


class BlockMove(Base):
    """Units of a block reserved, let go again, drawn, or put back."""

    __tablename__ = "block_move"
    __table_args__ = (
        CheckConstraint(
            "what IN ('reserve', 'release', 'draw', 'return')", name="what_known"
        ),
        CheckConstraint("units > 0", name="moves_something"),
    )

    # Whose reference it is comes first: an exchange's, or an accrual's entry.
    reference: Mapped[str] = mapped_column(primary_key=True)
    block_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("point_block.block_id"), primary_key=True
    )
    what: Mapped[str] = mapped_column(primary_key=True)
    units: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class PartnerCredit(Base):
    """How much a partner may owe us before it has paid."""

    __tablename__ = "partner_credit"
    __table_args__ = (
        CheckConstraint("limit_fen >= 0 AND alert_fen >= 0", name="limits_something"),
    )

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    limit_fen: Mapped[int | None] = mapped_column(BigInteger)  # None: no limit
    alert_fen: Mapped[int | None] = mapped_column(
        BigInteger
    )  # None: at 80 % of a limit
    settled_through: Mapped[date | None]  # None: nothing was settled yet
    changed_at: Mapped[datetime]


class AccrualBilling(Base):
    """How a partner pays for what members earn there, from a day on.

    The latest first day that is not after an activity's own holds for it. Where there
    is none, nobody pays and nothing is limited.
    """

    __tablename__ = "accrual_billing"
    __table_args__ = (
        CheckConstraint(
            "billing IN ('prepaid', 'postpaid', 'none')", name="billing_known"
        ),
        CheckConstraint(
            "(billing = 'postpaid') = (thousand_fen IS NOT NULL)", name="has_a_price"
        ),
        CheckConstraint(
            "thousand_fen >= 0 AND billing_pct BETWEEN 0 AND 100", name="makes_sense"
        ),
    )

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    billing: Mapped[str]
    # None: paid for by the block, or not at all.
    thousand_fen: Mapped[int | None] = mapped_column(BigInteger)
    billing_pct: Mapped[int]
    approved_at: Mapped[datetime]


class AccrualOwed(Base):
    """Points that a partner owes for on a day: a sum, so that a limit is soon asked."""

    __tablename__ = "accrual_owed"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner", "valid_from"],
            ["accrual_billing.partner", "accrual_billing.valid_from"],
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    partner: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    owed_on: Mapped[date] = mapped_column(primary_key=True)
    units: Mapped[int] = mapped_column(BigInteger)  # below zero: taken back since


class CoalitionTerms(Base):
    """On which terms bills give points of a coalition, from a day on.

    The points stay the coalition's. The latest first day that is not after a bill's own
    holds for it; what the coalition pays for its points goes by the day on which they
    are spent. Prices are fen for a thousand points.
    """

    __tablename__ = "coalition_terms"
    __table_args__ = (
        CheckConstraint("billing IN ('prepaid', 'postpaid')", name="billing_known"),
        CheckConstraint(
            "points_num > 0 AND points_den > 0 AND price_thousand_fen >= 0"
            " AND worth_thousand_fen >= 0 AND honors_thousand_fen >= 0",
            name="makes_sense",
        ),
    )

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    # Whose bills give its points in place of our own; none: it gives no more.
    brands: Mapped[list[str]] = mapped_column(ARRAY(Text))
    points_num: Mapped[int]  # per yuan
    points_den: Mapped[int]
    price_thousand_fen: Mapped[int]  # that we owe the coalition
    worth_thousand_fen: Mapped[int]  # that they sell for: SSP
    honors_thousand_fen: Mapped[int]  # that it pays for what is spent with us
    billing: Mapped[str]
    approved_at: Mapped[datetime]

"""Tables of points that were bought, and of what was taken back of them."""

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


class PointPurchase(Base):
    """Points that a member buys, or has bought, for cash."""

    __tablename__ = "point_purchase"
    __table_args__ = (
        CheckConstraint("points > 0 AND price_fen > 0", name="is_of_something"),
        CheckConstraint(
            "state IN ('awaiting_payment', 'bought', 'lapsed')", name="state_known"
        ),
        CheckConstraint(
            "(state = 'bought') = (entry_id IS NOT NULL)"
            " AND (state = 'bought') = (effective_on IS NOT NULL)"
            " AND (state = 'bought') = (earned_in IS NOT NULL)"
            " AND (state = 'bought') = (expires_on IS NOT NULL)",
            name="bought_whole",
        ),
        Index(None, "effective_on"),
        Index(
            "point_purchase_waiting",
            "placed_at",
            postgresql_where=text("state = 'awaiting_payment'"),
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    purchase_ref: Mapped[str] = mapped_column(primary_key=True)
    terms_version: Mapped[int]
    unit: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    payment_ref: Mapped[str]
    state: Mapped[str]  # lapsed: never paid, or given back before they were points
    placed_at: Mapped[datetime]
    state_at: Mapped[datetime]
    entry_id: Mapped[UUID | None]  # None: there are no points yet; so below
    effective_on: Mapped[date | None]
    earned_in: Mapped[date | None]  # first day of the month, as on the lot
    expires_on: Mapped[date | None]


class PointPurchaseReturn(Base):
    """Unspent points of a purchase taken back, and what is refunded for them."""

    __tablename__ = "point_purchase_return"
    __table_args__ = (
        CheckConstraint("points > 0 AND fen >= 0", name="is_of_something"),
        ForeignKeyConstraint(
            ["member_id", "purchase_ref"],
            ["point_purchase.member_id", "point_purchase.purchase_ref"],
            name="point_purchase_return_member_id_purchase_ref_fkey",
        ),
        Index(None, "effective_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    purchase_ref: Mapped[str] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    fen: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[UUID]
    refund_ref: Mapped[str | None]  # None: nothing is refunded
    reason: Mapped[str]  # changed_mind, has_left
    effective_on: Mapped[date]
    occurred_at: Mapped[datetime]
    actor: Mapped[str]

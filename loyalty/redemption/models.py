"""Points spent on catalogue items."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Redemption(Base):
    """An item bought with points, at the prices of that day."""

    __tablename__ = "redemption"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND points > 0", name="buys_something"),
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
    entry_id: Mapped[UUID]
    effective_on: Mapped[date]
    canceled_on: Mapped[date | None]  # None: it stands

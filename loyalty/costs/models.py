"""The table of what clubs cost."""

from datetime import date

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class ClubCost(Base):
    """Money that a service or an activity of a club costs (domain.md A17).

    It belongs to the club cost line inside the cost of retention, and never to the
    accrued cost of points. What is undone is a row of its own, below zero.
    """

    __tablename__ = "club_cost"
    __table_args__ = (Index("club_cost_effective_on_idx", "effective_on"),)

    cost_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    club: Mapped[str | None]  # None: of no club
    venue: Mapped[str | None]  # None: at no venue
    member_id: Mapped[int | None] = mapped_column(BigInteger)  # None: for nobody alone
    incurred_on: Mapped[date]
    effective_on: Mapped[date]  # the accounting day: of a late one, the first open one
    fen: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)

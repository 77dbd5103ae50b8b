"""The catalogue: three families of items, each with its price and its cost."""

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class CatalogueItem(Base):
    """Something points can buy.

    How its cost is booked stands here and not in code (domain.md A11, A17).
    """

    __tablename__ = "catalogue_item"
    __table_args__ = (
        CheckConstraint(
            "family IN ('TELECOM', 'NON_TELECOM', 'ALLIANCE')", name="has_a_family"
        ),
        CheckConstraint(
            "cost_treatment IN ('NO_REVENUE_EFFECT', 'POINTS_ACCRUAL', 'CLUB_COST')",
            name="has_a_cost_treatment",
        ),
        CheckConstraint("points > 0", name="costs_something"),
        CheckConstraint("settlement_fen >= 0 AND market_fen >= 0", name="has_prices"),
        CheckConstraint(
            "settlement_fen = 0 OR partner IS NOT NULL", name="is_settled_with_someone"
        ),
    )

    item_code: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    family: Mapped[str]
    kind: Mapped[str]
    points: Mapped[int]  # universal points, for one
    market_fen: Mapped[int]
    settlement_fen: Mapped[int]  # what one redemption owes the partner
    partner: Mapped[str | None]  # None: our own product
    cost_treatment: Mapped[str]
    account: Mapped[str]  # of the ledger's chart: where the points go
    # None: every channel may sell it.
    channels: Mapped[list[str] | None] = mapped_column(ARRAY(Text))

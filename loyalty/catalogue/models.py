"""The catalogue: items with their prices, their stock, and changes that wait."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class CatalogueItem(Base):
    """Something points can buy, from its first draft to its withdrawal.

    How its cost is booked stands here and not in code (domain.md A11, A17). A draft
    may leave open what a published item must say; nothing else may.
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
            "settlement_fen = 0 OR partner IS NOT NULL OR state = 'draft'",
            name="is_settled_with_someone",
        ),
        CheckConstraint(
            "state IN ('draft', 'approved', 'published', 'withdrawn')",
            name="state_known",
        ),
        CheckConstraint(
            "state = 'draft' OR (family IS NOT NULL AND kind IS NOT NULL"
            " AND cost_treatment IS NOT NULL AND account IS NOT NULL)",
            name="is_whole_once_approved",
        ),
        CheckConstraint(
            "state = 'draft' OR ("
            "(cost_treatment = 'NO_REVENUE_EFFECT') = (family = 'TELECOM')"
            " AND (cost_treatment = 'CLUB_COST') = (kind IN ('SERVICE', 'ACTIVITY')))",
            name="cost_treatment_follows_kind",
        ),
        CheckConstraint(
            "fulfilment IN ('VOUCHER', 'TOP_UP', 'DELIVERY', 'INSURANCE', 'BOOKING',"
            " 'CLUB')",
            name="fulfilment_known",
        ),
        CheckConstraint(
            "code_source IN ('GENERATED', 'POOL')", name="code_source_known"
        ),
        CheckConstraint(
            "(mix_points IS NULL) = (mix_cash_fen IS NULL)"
            " AND mix_points > 0 AND mix_points < points AND mix_cash_fen > 0",
            name="mix_is_whole",
        ),
        CheckConstraint("cash_fen > 0", name="cash_is_positive"),
        CheckConstraint(
            "(limit_count IS NULL) = (limit_days IS NULL)"
            " AND limit_count > 0 AND limit_days > 0",
            name="limit_is_whole",
        ),
        CheckConstraint(
            "state = 'draft' OR family <> 'TELECOM' OR fulfilment <> 'DELIVERY'"
            " OR kind = 'TERMINAL'",
            name="telecom_needs_no_delivery",
        ),
        CheckConstraint(
            "state = 'draft' OR fulfilment <> 'INSURANCE' OR (settlement_fen <= 10000"
            " AND term_months <= 12 AND cover_class IN ('ACCIDENT', 'HEALTH'))",
            name="insurance_is_small",
        ),
        CheckConstraint(
            "state = 'draft' OR fulfilment <> 'CLUB' OR kind = 'SERVICE'",
            name="club_place_is_a_service",
        ),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
        CheckConstraint(
            "valid_days > 0 AND free_look_days >= 0 AND min_spend_fen >= 0"
            " AND term_months > 0",
            name="counts_make_sense",
        ),
    )

    item_code: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="published")
    owner: Mapped[str] = mapped_column(server_default="operator")  # answers for it
    title_zh: Mapped[str]
    title_en: Mapped[str]
    description_zh: Mapped[str] = mapped_column(server_default="")
    description_en: Mapped[str] = mapped_column(server_default="")
    script_zh: Mapped[str] = mapped_column(server_default="")  # said at the counter
    script_en: Mapped[str] = mapped_column(server_default="")
    emblem: Mapped[str] = mapped_column(server_default="gift")
    family: Mapped[str | None]  # None: a draft has not decided
    kind: Mapped[str | None]  # None: as above
    cost_treatment: Mapped[str | None]  # None: as above
    account: Mapped[str | None]  # of the ledger's chart: where the points go
    fulfilment: Mapped[str] = mapped_column(server_default="VOUCHER")
    code_source: Mapped[str] = mapped_column(server_default="GENERATED")
    valid_days: Mapped[int] = mapped_column(server_default=text("365"))  # of a voucher
    points: Mapped[int]  # universal points, for one
    cash_fen: Mapped[int | None]  # None: not for cash alone
    mix_points: Mapped[int | None]  # None: not for points with cash
    mix_cash_fen: Mapped[int | None]  # None: as above
    market_fen: Mapped[int]
    settlement_fen: Mapped[int]  # what one redemption owes the partner
    partner: Mapped[str | None]  # None: our own product
    # None: every channel, brand, tier or member of a club may have it.
    channels: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    brands: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    tiers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    clubs: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    segment: Mapped[str | None]  # None: a draft has not decided whom it is for
    entry_rule_zh: Mapped[str | None]  # None: a draft has not decided who may enter
    entry_rule_en: Mapped[str | None]  # None: as above
    min_spend_fen: Mapped[int | None]  # None: a draft has not decided; 0: nothing
    valid_from: Mapped[date | None]  # None: since ever
    valid_until: Mapped[date | None]  # None: a draft has not decided
    stock_is_limited: Mapped[bool] = mapped_column(server_default=false())
    limit_count: Mapped[int | None]  # None: as many as a member likes
    limit_days: Mapped[int | None]  # None: as above
    free_look_days: Mapped[int] = mapped_column(server_default=text("0"))
    term_months: Mapped[int | None]  # None: no insurance
    cover_class: Mapped[str | None]  # None: no insurance
    priority: Mapped[int] = mapped_column(server_default=text("0"))  # higher first
    changed_at: Mapped[datetime | None]  # None: as it was loaded


class ItemTierPrice(Base):
    """What an item costs a tier instead of its list price."""

    __tablename__ = "item_tier_price"
    __table_args__ = (CheckConstraint("points >= 0", name="never_negative"),)

    item_code: Mapped[str] = mapped_column(
        ForeignKey("catalogue_item.item_code"), primary_key=True
    )
    tier: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int]  # 0: free


class ItemStock(Base):
    """How many are left of an item that can run out."""

    __tablename__ = "item_stock"
    __table_args__ = (
        CheckConstraint("units_left >= 0", name="never_oversold"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    item_code: Mapped[str] = mapped_column(
        ForeignKey("catalogue_item.item_code"), primary_key=True
    )
    units_left: Mapped[int]


class CatalogueChange(Base):
    """An approved change that waits for its day, or was applied."""

    __tablename__ = "catalogue_change"
    __table_args__ = (
        Index(
            "catalogue_change_effective_on_idx",
            "effective_on",
            postgresql_where=text("applied_at IS NULL AND dropped_at IS NULL"),
        ),
        # One at a time, so that what was checked together takes effect together.
        Index(
            "catalogue_change_one_waiting_idx",
            "item_code",
            unique=True,
            postgresql_where=text("applied_at IS NULL AND dropped_at IS NULL"),
        ),
    )

    approval_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    item_code: Mapped[str] = mapped_column(ForeignKey("catalogue_item.item_code"))
    effective_on: Mapped[date]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)  # empty: to be published
    applied_at: Mapped[datetime | None]  # None: waits
    dropped_at: Mapped[datetime | None]  # None: not overtaken by a withdrawal

"""The programme's terms: versioned rows, never changed once they were used."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class ProgrammeTerms(Base):
    """One version of what holds for the programme as a whole."""

    __tablename__ = "programme_terms"
    __table_args__ = (
        CheckConstraint(
            "expiry_months > 0 AND cancel_unpaid_after_days > 0"
            " AND carrying_fen_num > 0 AND carrying_fen_den > 0",
            name="makes_sense",
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    expiry_months: Mapped[int]  # after the earning month, to the end of that month
    cancel_unpaid_after_days: Mapped[int]  # after the due day; canceled the day after
    carrying_fen_num: Mapped[int]  # what a point is carried at, in fen
    carrying_fen_den: Mapped[int]
    loaded_at: Mapped[datetime]


class BillTerms(Base):
    """What a bill of one brand earns: points per yuan."""

    __tablename__ = "bill_terms"
    __table_args__ = (
        CheckConstraint("points_num >= 0 AND points_den > 0", name="is_a_ratio"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    brand: Mapped[str] = mapped_column(primary_key=True)
    points_num: Mapped[int]
    points_den: Mapped[int]


class ActivityTerms(Base):
    """What an activity at a partner earns: points per full step of money."""

    __tablename__ = "activity_terms"
    __table_args__ = (CheckConstraint("points > 0 AND per_fen > 0", name="is_a_rate"),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    partner_kind: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(primary_key=True)  # '*': every one of a kind
    activity: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    points: Mapped[int]
    per_fen: Mapped[int]


class ExcludedCategory(Base):
    """Merchant categories whose card lines earn nothing, ends included."""

    __tablename__ = "excluded_category"
    __table_args__ = (CheckConstraint("first <= last", name="is_a_range"),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    partner: Mapped[str] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[str]


class TillTerms(Base):
    """What points are worth at tills of a partner, and what is owed for them."""

    __tablename__ = "till_terms"
    __table_args__ = (
        CheckConstraint(
            "pays_num > 0 AND pays_den > 0 AND settles_num >= 0 AND settles_den > 0"
            " AND hold_minutes > 0",
            name="makes_sense",
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    partner_kind: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(primary_key=True)  # '*': every one of a kind
    pays_num: Mapped[int]  # fen per point
    pays_den: Mapped[int]
    settles_num: Mapped[int]
    settles_den: Mapped[int]
    hold_minutes: Mapped[int]


class EstimateTerms(Base):
    """What is expected of points of which nothing better is known, from a month on."""

    __tablename__ = "estimate_terms"
    __table_args__ = (
        CheckConstraint(
            "redeemed_num >= 0 AND redeemed_den >= redeemed_num AND redeemed_den > 0"
            " AND value_num > 0 AND value_den > 0",
            name="makes_sense",
        ),
        CheckConstraint("extract(day FROM valid_from) = 1", name="is_of_a_month"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]  # the first day of a month
    redeemed_num: Mapped[int]  # of all points issued, those that will be redeemed
    redeemed_den: Mapped[int]
    value_num: Mapped[int]  # of a point that is redeemed, in fen
    value_den: Mapped[int]
    approval_id: Mapped[int | None] = mapped_column(
        BigInteger
    )  # None: the terms that the programme ships with
    loaded_at: Mapped[datetime]


class TierPolicy(Base):
    """One version of how tiers are reached, kept and lost."""

    __tablename__ = "tier_policy"
    __table_args__ = (
        CheckConstraint(
            "measure IN ('bill_spend', 'points_earned', 'partner_points')",
            name="measure_known",
        ),
        CheckConstraint(
            "period IN ('calendar', 'anniversary', 'rolling')", name="period_known"
        ),
        CheckConstraint(
            "months > 0 AND grace_days >= 0 AND late_days >= 0 AND notice_days >= 0",
            name="makes_sense",
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    measure: Mapped[str]  # what is counted
    period: Mapped[str]  # over which months
    months: Mapped[int]
    grace_days: Mapped[int]  # after a period, in which a tier can still be saved
    soft_landing: Mapped[bool]  # a review takes one rung at most
    never_downgrade: Mapped[bool]
    late_days: Mapped[int]  # for which a closed period takes in what was posted late
    notice_days: Mapped[int]  # before the end: a member is told what is missing
    approval_id: Mapped[int | None] = mapped_column(
        BigInteger
    )  # None: the terms that the programme ships with
    loaded_at: Mapped[datetime]


class TierTerms(Base):
    """A rung of the ladder: what earns it (domain.md Q20, ASSUMED)."""

    __tablename__ = "tier_terms"
    __table_args__ = (
        UniqueConstraint("version", "rank"),
        CheckConstraint("rank > 0 AND needed > 0", name="makes_sense"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tier: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]  # higher is better
    needed: Mapped[int] = mapped_column(BigInteger)  # of what the policy measures


CHURN_REASONS = ("ported_out", "voluntary", "arrears", "lost", "fraud")
BENEFITS = (
    "exchanges",
    "orders",
    "vouchers",
    "bookings",
    "clubs",
    "tier",
    "points.pending",
    "points.operator",
    "points.universal",
    "points.purchased",
    "links",
    "card",
)


class ChurnTerms(Base):
    """One version of what leaving the network means, from a day on."""

    __tablename__ = "churn_terms"
    __table_args__ = (
        CheckConstraint("bank_answers_within_days > 0", name="makes_sense"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_on: Mapped[date]  # for who leaves on that day or later
    bank_answers_within_days: Mapped[int]  # working days (domain.md Q17)
    loaded_at: Mapped[datetime]
    approval_id: Mapped[int | None] = mapped_column(BigInteger)  # None: came with us


class ChurnPolicy(Base):
    """What holds for who leaves for one reason.

    There is none for `internal` and `deceased`: neither ever voids anything (B16).
    """

    __tablename__ = "churn_policy"
    __table_args__ = (
        CheckConstraint(
            f"reason IN ({', '.join(map(repr, CHURN_REASONS))})", name="reason_known"
        ),
        CheckConstraint("scope IN ('identity', 'line')", name="scope_known"),
        CheckConstraint(
            "notice_days >= 0 AND grace_days >= 0 AND reinstate_within_days >= 0",
            name="makes_sense",
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    notice_days: Mapped[int]  # between being told and losing anything
    grace_days: Mapped[int]  # between leaving and losing anything
    may_redeem: Mapped[bool]  # within these days
    reinstate_within_days: Mapped[int]  # of leaving, inclusive


class ChurnBenefit(Base):
    """A benefit that leaving for one reason ends; what has no row survives."""

    __tablename__ = "churn_benefit"
    __table_args__ = (
        CheckConstraint(
            f"benefit IN ({', '.join(map(repr, BENEFITS))})", name="benefit_known"
        ),
        UniqueConstraint("version", "reason", "nth"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(primary_key=True)
    benefit: Mapped[str] = mapped_column(primary_key=True)
    nth: Mapped[int]  # in which order they end
    comes_back: Mapped[bool]  # with a return in time


class ChurnFreeze(Base):
    """A state of a line that closes the member's spending gate while it lasts."""

    __tablename__ = "churn_freeze"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str] = mapped_column(primary_key=True)  # suspended, pre_cancelled
    reason: Mapped[str] = mapped_column(primary_key=True)  # '': whatever the reason


class CommunityTerms(Base):
    """A community that clubs belong to (domain.md A41)."""

    __tablename__ = "community_terms"
    __table_args__ = (UniqueConstraint("version", "rank"),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    community: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]  # in which order they are shown
    title_zh: Mapped[str]
    title_en: Mapped[str]


class ClubTerms(Base):
    """A club: how one joins, for how long, and what becomes of what was paid."""

    __tablename__ = "club_terms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version", "community"],
            ["community_terms.version", "community_terms.community"],
        ),
        UniqueConstraint("version", "item_code"),
        CheckConstraint(
            "ways <@ ARRAY['tier', 'invitation', 'fee', 'points']"
            " AND cardinality(ways) > 0",
            name="ways_known",
        ),
        CheckConstraint(
            "('tier' = ANY (ways)) = (tiers IS NOT NULL)", name="tier_says_which"
        ),
        CheckConstraint(
            "(ways && ARRAY['fee', 'points']) = (item_code IS NOT NULL)",
            name="sale_says_what",
        ),
        CheckConstraint(
            "term_months > 0 AND renew_days >= 0 AND refund_days >= 0",
            name="makes_sense",
        ),
        CheckConstraint(
            "refund IN ('unused_months', 'full_within', 'none')", name="refund_known"
        ),
        CheckConstraint("on_churn IN ('end', 'keep')", name="on_churn_known"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    club: Mapped[str] = mapped_column(primary_key=True)
    community: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    description_zh: Mapped[str]
    description_en: Mapped[str]
    emblem: Mapped[str]
    ways: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tiers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # None: by none
    item_code: Mapped[str | None]  # of the catalogue; None: it is not sold
    term_months: Mapped[int]
    renew_days: Mapped[int]  # before the last day, from when on one may renew
    refund: Mapped[str]  # of what was paid, to who leaves the club by wish
    refund_days: Mapped[int]  # of `full_within`
    # end: with the unused months of what was paid given back; keep: to its last day
    on_churn: Mapped[str]


class EntitlementTerms(Base):
    """Something that members of a club may have, so often in a term."""

    __tablename__ = "entitlement_terms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version", "club"], ["club_terms.version", "club_terms.club"]
        ),
        UniqueConstraint("version", "club", "rank"),
        CheckConstraint("per_term > 0 AND cost_fen >= 0", name="makes_sense"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    club: Mapped[str] = mapped_column(primary_key=True)
    entitlement: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    per_term: Mapped[int | None]  # None: as often as one likes
    cost_fen: Mapped[int]  # of one use, to the club cost line (domain.md A17)


class MoneyAccount(Base):
    """An account of the money books (domain.md 2.4, book M)."""

    __tablename__ = "money_account"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('asset', 'liability', 'equity', 'revenue', 'expense')",
            name="kind_known",
        ),
    )

    account: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]


class ChartMapping(Base):
    """What the tenant's general ledger calls an account of ours."""

    __tablename__ = "chart_mapping"

    account: Mapped[str] = mapped_column(primary_key=True)
    view: Mapped[str] = mapped_column(primary_key=True)
    gl_account: Mapped[str]
    cost_center: Mapped[str | None]  # None: it has none
    approval_id: Mapped[int]
    mapped_at: Mapped[datetime]


class PostingRules(Base):
    """One version of how events become money, from a month on."""

    __tablename__ = "posting_rules"
    __table_args__ = (
        CheckConstraint("statutory IN ('C', 'D')", name="statutory_known"),
        CheckConstraint("extract(day FROM valid_from) = 1", name="begins_with_a_month"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    statutory: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    approval_id: Mapped[int | None]  # None: came with the starting terms
    loaded_at: Mapped[datetime]


class PurchaseTerms(Base):
    """One version of how points are bought, from a day on."""

    __tablename__ = "purchase_terms"
    __table_args__ = (
        CheckConstraint(
            "step_points > 0 AND step_fen > 0 AND steps_min > 0"
            " AND day_fen_max >= steps_min * step_fen AND year_fen_max >= day_fen_max"
            " AND member_days >= 0 AND expiry_months > 0 AND return_days >= 0",
            name="makes_sense",
        ),
        CheckConstraint("on_leaving IN ('refund', 'keep')", name="on_leaving_known"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    is_offered: Mapped[bool]  # False: nobody can buy; what was bought stays
    unit: Mapped[str]
    step_points: Mapped[int]  # so many points
    step_fen: Mapped[int]  # cost so much
    steps_min: Mapped[int]  # of one purchase
    day_fen_max: Mapped[int]  # of one identity (domain.md 4.4); so below
    year_fen_max: Mapped[int]
    member_days: Mapped[int]  # for which one must have taken part
    expiry_months: Mapped[int]  # after the month, to the end of that month
    return_days: Mapped[int]  # in which unspent ones are taken back for money
    # What becomes of unspent ones when their owner has left and they are not void.
    on_leaving: Mapped[str]
    loaded_at: Mapped[datetime]


class ProviderFee(Base):
    """What the provider takes of a payment, as agreed, from a day on."""

    __tablename__ = "provider_fee"
    __table_args__ = (
        CheckConstraint(
            "fee_num >= 0 AND fee_den > 0 AND fixed_fen >= 0", name="makes_sense"
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    fee_num: Mapped[int]  # of the amount, rounded half up
    fee_den: Mapped[int]
    fixed_fen: Mapped[int]  # of each payment


class RetentionTerms(Base):
    """One version of what keeping a member may cost, from a month on (B21, B22)."""

    __tablename__ = "retention_terms"
    __table_args__ = (
        CheckConstraint(
            "bill_months > 0 AND group_members > 1 AND mid_num >= 0 AND mid_den > 0"
            " AND high_den > 0 AND high_num * mid_den >= mid_num * high_den",
            name="makes_sense",
        ),
        CheckConstraint("extract(day FROM valid_from) = 1", name="begins_with_a_month"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    bill_months: Mapped[int]  # whose bills say what a member brings
    group_members: Mapped[int]  # from so many on
    # High is above, and middle from, so many times what a user of the network brings.
    high_num: Mapped[int] = mapped_column(BigInteger)
    high_den: Mapped[int] = mapped_column(BigInteger)
    mid_num: Mapped[int] = mapped_column(BigInteger)
    mid_den: Mapped[int] = mapped_column(BigInteger)
    loaded_at: Mapped[datetime]


class RetentionCap(Base):
    """Which part of what members of a segment bring a month may be spent on them."""

    __tablename__ = "retention_cap"
    __table_args__ = (
        ForeignKeyConstraint(["version"], ["retention_terms.version"]),
        CheckConstraint(
            "segment IN ('HIGH', 'MID', 'LOW', 'GROUP')", name="segment_known"
        ),
        CheckConstraint("share_num >= 0 AND share_den > 0", name="makes_sense"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]
    share_num: Mapped[int]
    share_den: Mapped[int]

"""Where members stand: decisions that are kept, and tiers that somebody gave.

The view `tier_period` says who held which tier from when to when: a decision holds
until a later one begins, and a grant lies above it. How tiers are earned is terms
(`loyalty.rules`).
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class TierGrant(Base):
    """A tier that somebody gave a member, until a day."""

    __tablename__ = "tier_grant"
    __table_args__ = (
        CheckConstraint("until >= granted_on", name="ends_after_it_begins"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    tier: Mapped[str] = mapped_column(primary_key=True)
    granted_on: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]  # the last day
    reason: Mapped[str]
    actor: Mapped[str]
    approval_id: Mapped[int | None] = mapped_column(BigInteger)  # None: by a feed


class TierReview(Base):
    """One review of all members, and how many decisions it made of each kind."""

    __tablename__ = "tier_review"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    reviewed_on: Mapped[date]
    version: Mapped[int]  # of the policy
    ran_at: Mapped[datetime]
    begun: Mapped[int]
    raised: Mapped[int]
    renewed: Mapped[int]
    lowered: Mapped[int]
    restored: Mapped[int]
    left_to_people: Mapped[int]


class TierDecision(Base):
    """That a member stands somewhere from a day on, and what led to it.

    It holds from its first day until a later decision begins, whatever was said
    before about those days; nothing is ever changed.
    """

    __tablename__ = "tier_decision"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('begun', 'raised', 'renewed', 'lowered', 'restored', 'ended',"
            " 'reinstated')",
            name="kind_known",
        ),
        CheckConstraint("(tier IS NULL) = (until IS NULL)", name="holds_to_a_day"),
        CheckConstraint(
            "(figure IS NULL) = (counted_from IS NULL)"
            " AND (figure IS NULL) = (counted_to IS NULL)",
            name="counts_whole",
        ),
        Index("tier_decision_kind_starts_on_idx", "kind", "starts_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    decision_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    was: Mapped[str | None]  # the tier before; None: none
    tier: Mapped[str | None]  # None: none
    starts_on: Mapped[date]
    until: Mapped[date | None]  # the day of the period's end; None: no tier
    version: Mapped[int | None]  # of the policy; None: no policy was asked
    figure: Mapped[int | None] = mapped_column(BigInteger)  # None: nothing was counted
    counted_from: Mapped[date | None]
    counted_to: Mapped[date | None]
    grant_tier: Mapped[str | None]  # a tier given by hand that lay above; None: none
    grant_until: Mapped[date | None]
    restores: Mapped[int | None] = mapped_column(BigInteger)  # None: restores nothing
    actor: Mapped[str]
    reason: Mapped[str | None]  # None: the figures say it
    decided_at: Mapped[datetime]


class TierAppeal(Base):
    """Something about a tier that a person looks at, and what came of it.

    A member asked for it, or refuses to be decided about by a machine that would
    take a tier away.
    """

    __tablename__ = "tier_appeal"
    __table_args__ = (
        CheckConstraint("origin IN ('member', 'refusal')", name="origin_known"),
        CheckConstraint(
            "outcome IN ('stands', 'kept', 'lowered')", name="outcome_known"
        ),
        CheckConstraint(
            "(answered_at IS NULL) = (outcome IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="answered_whole",
        ),
        Index(
            "tier_appeal_one_open",
            "member_id",
            "origin",
            unique=True,
            postgresql_where=text("answered_at IS NULL"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    asked_at: Mapped[datetime] = mapped_column(primary_key=True)
    origin: Mapped[str]
    tier: Mapped[str | None]  # which the rules leave; None: none, or not asked
    words: Mapped[str | None]  # of the member; None: said nothing
    answered_at: Mapped[datetime | None]  # None: open
    outcome: Mapped[str | None]
    answered_by: Mapped[str | None]
    note: Mapped[str | None]


class TierNotice(Base):
    """That a member was told about a tier: once, whatever came of the message."""

    __tablename__ = "tier_notice"
    __table_args__ = (
        CheckConstraint("about IN ('change', 'will_lose')", name="about_known"),
        ForeignKeyConstraint(
            ["member_id", "decision_id"],
            ["tier_decision.member_id", "tier_decision.decision_id"],
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    decision_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    about: Mapped[str] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]  # before it was sent
    outcome: Mapped[str | None]  # None: not known, and not sent again

"""Tables of what is changed by hand, and of what lets it be."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class AdjustmentReason(Base):
    """A reason for which points may be changed, and what that means in the books."""

    __tablename__ = "adjustment_reason"
    __table_args__ = (
        CheckConstraint("direction IN ('up', 'down')", name="direction_known"),
        CheckConstraint(
            "account IN ('issued', 'issued.partner', 'adjusted', 'forfeited.fraud')",
            name="account_known",
        ),
        CheckConstraint(
            "money IN ('goodwill', 'fraud', 'partner', 'correction', 'forfeit')",
            name="money_known",
        ),
        CheckConstraint(
            "(money <> 'goodwill' OR account = 'issued')"
            " AND (money <> 'fraud' OR account = 'issued')"
            " AND (money = 'partner') = (account = 'issued.partner')"
            " AND (money = 'forfeit') = (account = 'forfeited.fraud')"
            " AND (money IN ('correction', 'forfeit') OR direction = 'up')"
            " AND (money <> 'forfeit' OR direction = 'down')"
            " AND (NOT may_owe OR direction = 'down')"
            " AND (NOT in_bulk OR money = 'goodwill')",
            name="fits_together",
        ),
    )

    reason: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]
    direction: Mapped[str]
    account: Mapped[str]  # the far side of the entry
    money: Mapped[str]  # how it is treated in money
    cost_class: Mapped[str]  # of the lot that it opens
    may_owe: Mapped[bool]  # what is not there any more is owed
    in_bulk: Mapped[bool]  # for files of many members
    title_zh: Mapped[str]
    title_en: Mapped[str]
    member_zh: Mapped[str]  # what the member reads
    member_en: Mapped[str]


class AdjustmentLimits(Base):
    """One version of how much may be changed by hand."""

    __tablename__ = "adjustment_limits"
    __table_args__ = (
        CheckConstraint(
            "agent_points_per_day > 0 AND member_points_per_day > 0"
            " AND third_above > 0 AND budget_points_per_month > 0",
            name="makes_sense",
        ),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_on: Mapped[date]
    agent_points_per_day: Mapped[int] = mapped_column(BigInteger)
    member_points_per_day: Mapped[int] = mapped_column(BigInteger)
    third_above: Mapped[int] = mapped_column(BigInteger)  # takes finance as a third
    budget_points_per_month: Mapped[int] = mapped_column(BigInteger)  # of goodwill
    loaded_at: Mapped[datetime]
    approval_id: Mapped[int | None] = mapped_column(BigInteger)  # None: from the start


class Adjustment(Base):
    """What somebody asks to be changed in a member's book; never changed itself."""

    __tablename__ = "adjustment"
    __table_args__ = (
        UniqueConstraint(
            "member_id",
            "adjustment_ref",
            "reason",
            "points",
            "asked_by",
            name="adjustment_as_asked",
        ),
        CheckConstraint("points <> 0", name="moves_points"),
        Index("adjustment_asked_by_asked_on_idx", "asked_by", "asked_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    adjustment_ref: Mapped[str] = mapped_column(primary_key=True, index=True)
    reason: Mapped[str] = mapped_column(ForeignKey("adjustment_reason.reason"))
    unit: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)  # below zero: taken
    partner: Mapped[str | None] = mapped_column(
        ForeignKey("partner.partner")
    )  # None: the operator's points
    words: Mapped[str]
    reverses: Mapped[str | None]  # None: undoes nothing
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("grant_file.file_id"), type_=BigInteger
    )  # None: asked for alone
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    asked_at: Mapped[datetime]
    asked_on: Mapped[date]
    content: Mapped[UUID]  # the same request again has the same
    approval_id: Mapped[int] = mapped_column(
        ForeignKey("approval.approval_id"), type_=BigInteger, index=True
    )


class AdjustmentEvidence(Base):
    """What was shown for a request: sealed, with its hash for all to compare."""

    __tablename__ = "adjustment_evidence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "adjustment_ref"],
            ["adjustment.member_id", "adjustment.adjustment_ref"],
            name="adjustment_evidence_member_id_adjustment_ref_fkey",
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    adjustment_ref: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size: Mapped[int]  # in bytes
    media_type: Mapped[str]
    name: Mapped[str | None]  # None: the member was erased, and it with them
    sealed: Mapped[bytes | None]


class AdjustmentPosting(Base):
    """What was changed, who wanted it and who agreed: a line of the register (R11).

    The database holds it to two people, above the limit to three, and to nobody who
    is that member.
    """

    __tablename__ = "adjustment_posting"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "adjustment_ref", "reason", "points", "asked_by"],
            [
                "adjustment.member_id",
                "adjustment.adjustment_ref",
                "adjustment.reason",
                "adjustment.points",
                "adjustment.asked_by",
            ],
            name="adjustment_posting_as_asked",
        ),
        ForeignKeyConstraint(
            ["member_id", "reverses"],
            ["adjustment_posting.member_id", "adjustment_posting.adjustment_ref"],
            name="adjustment_posting_undoes",
        ),
        UniqueConstraint(
            "member_id", "reverses", name="adjustment_posting_undone_once"
        ),
        CheckConstraint("asked_by <> approved_by", name="two_people"),
        CheckConstraint(
            "released_by NOT IN (asked_by, approved_by)"
            " AND (released_by IS NOT NULL OR abs(points) <= third_above)",
            name="three_people",
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    adjustment_ref: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    entry_id: Mapped[UUID]
    unit: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)
    account: Mapped[str]
    money: Mapped[str]
    cost_class: Mapped[str]
    partner: Mapped[str | None]  # None: nobody but the operator
    value_fen: Mapped[int] = mapped_column(BigInteger)  # at the carrying rate
    reverses: Mapped[str | None]
    effective_on: Mapped[date] = mapped_column(index=True)
    posted_on: Mapped[date] = mapped_column(index=True)
    posted_at: Mapped[datetime]
    third_above: Mapped[int] = mapped_column(BigInteger)  # as the limit was
    asked_by: Mapped[int]
    approved_by: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    released_by: Mapped[int | None] = mapped_column(
        ForeignKey("staff.staff_id")
    )  # None: took no third


class GrantFile(Base):
    """A file of points for many members, as marketing brought it."""

    __tablename__ = "grant_file"

    file_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    sha256: Mapped[str]
    records: Mapped[int]
    total: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(ForeignKey("adjustment_reason.reason"))
    words: Mapped[str]
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    asked_at: Mapped[datetime]


class GrantLine(Base):
    """A line of such a file, as it stood there."""

    __tablename__ = "grant_line"

    file_id: Mapped[int] = mapped_column(
        ForeignKey("grant_file.file_id"), type_=BigInteger, primary_key=True
    )
    line_no: Mapped[int] = mapped_column(primary_key=True)
    grant_ref: Mapped[str]
    member_ref: Mapped[str]
    points: Mapped[int | None] = mapped_column(BigInteger)  # None: no number


class GrantAnswer(Base):
    """What became of a line once the file was approved."""

    __tablename__ = "grant_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["file_id", "line_no"],
            ["grant_line.file_id", "grant_line.line_no"],
            name="grant_answer_file_id_line_no_fkey",
        ),
        CheckConstraint(
            "code IS NOT NULL OR member_id IS NOT NULL", name="granted_or_why_not"
        ),
    )

    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    code: Mapped[str | None]  # None: granted

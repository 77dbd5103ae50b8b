"""Tables of comparisons, and of the differences they found."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.breaks.rules import DIFFERENCES, SUBJECTS
from loyalty.database import Base


def _one_of(column: str, codes: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(code) for code in codes)})"


class Comparison(Base):
    """What a partner says of a month or a day, beside what we say: a fact."""

    __tablename__ = "comparison"
    __table_args__ = (
        CheckConstraint(_one_of("subject", SUBJECTS), name="subject_known"),
        Index(None, "partner", "subject", "about_on"),
    )

    comparison_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str]
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    about_on: Mapped[date]  # the day, or the first one of the month
    ours: Mapped[dict[str, Any]] = mapped_column(JSONB)
    theirs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    differences: Mapped[int]
    actor: Mapped[str]
    compared_at: Mapped[datetime]


class StatementBreak(Base):
    """A difference between a partner's figures and ours, until gone or settled."""

    __tablename__ = "statement_break"
    __table_args__ = (
        CheckConstraint(_one_of("subject", SUBJECTS), name="subject_known"),
        CheckConstraint(_one_of("code", DIFFERENCES), name="code_known"),
        Index(
            "statement_break_open_key",
            "subject",
            "partner",
            "about_on",
            "reference",
            "code",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        CheckConstraint("resolved_by <> approved_by", name="four_eyes"),
        CheckConstraint(
            "(resolution IS NULL) = (resolved_by IS NULL)"
            " AND (resolution IS NULL) = (approved_by IS NULL)"
            " AND (resolution IS NULL OR closed_at IS NOT NULL)",
            name="resolved_whole",
        ),
        Index(None, "line_id"),
    )

    break_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str]
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    about_on: Mapped[date]
    reference: Mapped[str]  # the policy and what happened to it, or a kind of total
    code: Mapped[str]
    ours_count: Mapped[int | None] = mapped_column(BigInteger)  # None: not counted
    theirs_count: Mapped[int | None] = mapped_column(BigInteger)
    ours_units: Mapped[int | None] = mapped_column(BigInteger)  # None: none at all
    theirs_units: Mapped[int | None] = mapped_column(BigInteger)
    ours_fen: Mapped[int | None] = mapped_column(BigInteger)
    theirs_fen: Mapped[int | None] = mapped_column(BigInteger)
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # when it was last found
    closed_at: Mapped[datetime | None]  # None: it is still there
    # Of a match line by line; None: it is about sums.
    kind: Mapped[str | None]
    line_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("partner_line.line_id")
    )
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    event_ref: Mapped[str | None]  # None: we have nothing; so with theirs
    ours_on: Mapped[date | None]
    theirs_on: Mapped[date | None]
    owner: Mapped[int | None] = mapped_column(ForeignKey("staff.staff_id"))
    asked_at: Mapped[datetime | None]  # None: the partner was not asked
    resolution: Mapped[str | None]  # None: open, or gone by itself
    note: Mapped[str | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.staff_id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.staff_id"))

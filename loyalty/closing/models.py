"""Tables of the month-end: ticks, closes, sign-offs and months opened again."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class StepTick(Base):
    """Somebody has looked at a step of a month, and at which evidence; a fact.

    The newest of a step counts, and only while the evidence is still that one.
    """

    __tablename__ = "step_tick"
    __table_args__ = (
        CheckConstraint("extract(day FROM period) = 1", name="is_of_a_month"),
        Index(None, "period", "step"),
    )

    tick_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    period: Mapped[date]
    step: Mapped[str]
    withdraws: Mapped[bool] = mapped_column(server_default=false())
    evidence_hash: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str | None]  # None: there was nothing to explain
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    ticked_at: Mapped[datetime]


class MonthClose(Base):
    """A month was closed: what the checklist said, and what the figures were."""

    __tablename__ = "month_close"
    __table_args__ = (
        CheckConstraint("extract(day FROM period) = 1", name="is_of_a_month"),
        CheckConstraint("nth >= 1", name="counts_from_one"),
    )

    period: Mapped[date] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checklist: Mapped[dict[str, Any]] = mapped_column(JSONB)  # step → evidence
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    figures_hash: Mapped[str]
    code_version: Mapped[str]
    actor: Mapped[str]
    closed_at: Mapped[datetime]


class MonthReopening(Base):
    """A closed month was opened again, as two people wanted."""

    __tablename__ = "month_reopening"
    __table_args__ = (
        ForeignKeyConstraint(
            ["period", "nth"], ["month_close.period", "month_close.nth"]
        ),
        UniqueConstraint("approval_id"),
    )

    period: Mapped[date] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str]
    approval_id: Mapped[int] = mapped_column(ForeignKey("approval.approval_id"))
    reopened_at: Mapped[datetime]


class MonthSignOff(Base):
    """One person prepared a close and another reviewed it."""

    __tablename__ = "month_sign_off"
    __table_args__ = (
        ForeignKeyConstraint(
            ["period", "nth"], ["month_close.period", "month_close.nth"]
        ),
        CheckConstraint("preparer <> reviewer", name="four_eyes"),
        UniqueConstraint("approval_id"),
    )

    period: Mapped[date] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    preparer: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    reviewer: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    checklist_hash: Mapped[str]
    approval_id: Mapped[int] = mapped_column(ForeignKey("approval.approval_id"))
    signed_at: Mapped[datetime]

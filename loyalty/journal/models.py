"""Tables of the kept journal: runs, their entries, and where cohorts stood."""

from datetime import date, datetime
from fractions import Fraction

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Exact(TypeDecorator[Fraction]):
    """A fraction, kept exactly as `n/d`."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: Fraction | None, dialect: Dialect
    ) -> str | None:
        """Write it down."""
        del dialect
        return None if value is None else str(value)

    def process_result_value(
        self, value: str | None, dialect: Dialect
    ) -> Fraction | None:
        """Read it back."""
        del dialect
        return None if value is None else Fraction(value)


class JournalRun(Base):
    """The money journal of a month as it was kept when the month was closed.

    A month that is opened again and closed anew has another one.
    """

    __tablename__ = "journal_run"
    __table_args__ = (
        UniqueConstraint("period", "nth", name="journal_run_period_nth_key"),
        CheckConstraint("extract(day FROM period) = 1", name="is_of_a_month"),
        CheckConstraint(
            "(superseded_at IS NULL) = (superseded_by IS NULL)",
            name="superseded_by_somebody",
        ),
        Index(
            "journal_run_in_force",
            "period",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    period: Mapped[date]
    nth: Mapped[int]
    rules_version: Mapped[int]
    estimates_version: Mapped[int]
    source_hash: Mapped[str]  # SHA-256 of the facts, the rules and the estimates
    kept_at: Mapped[datetime]
    kept_by: Mapped[str]
    superseded_at: Mapped[datetime | None]  # None: in force
    superseded_by: Mapped[str | None]  # None: as above


class MoneyEntry(Base):
    """One posting of a kept journal: what an account is debited or credited."""

    __tablename__ = "money_entry"
    __table_args__ = (
        CheckConstraint(
            "debit_fen >= 0 AND credit_fen >= 0"
            " AND (debit_fen = 0) <> (credit_fen = 0)",
            name="has_one_side",
        ),
        CheckConstraint("view IN ('C', 'D')", name="view_known"),
    )

    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("journal_run.run_id"), primary_key=True
    )
    view: Mapped[str] = mapped_column(primary_key=True)
    journal_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str]
    dated_on: Mapped[date]
    account: Mapped[str]
    debit_fen: Mapped[int] = mapped_column(BigInteger)
    credit_fen: Mapped[int] = mapped_column(BigInteger)
    measure: Mapped[str]
    partner: Mapped[str | None]  # None, as below: the event is of none, or of several
    family: Mapped[str | None]
    item: Mapped[str | None]
    unit: Mapped[str | None]
    earned_in: Mapped[date | None]
    funding: Mapped[str | None]
    points: Mapped[int] = mapped_column(BigInteger)
    event_count: Mapped[int] = mapped_column(BigInteger)


class RunMapping(Base):
    """What the tenant's general ledger called an account when a run was kept."""

    __tablename__ = "run_mapping"

    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("journal_run.run_id"), primary_key=True
    )
    view: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    gl_account: Mapped[str]
    cost_center: Mapped[str | None]  # None: it has none


class CohortClose(Base):
    """Where a cohort stood when its month was kept, and what the month did to it."""

    __tablename__ = "cohort_close"
    __table_args__ = (ForeignKeyConstraint(["run_id"], ["journal_run.run_id"]),)

    run_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    unit: Mapped[str] = mapped_column(primary_key=True)
    earned_in: Mapped[date] = mapped_column(primary_key=True)
    funding: Mapped[str] = mapped_column(primary_key=True)
    # Sums of all its life: points, and exact fen.
    issued: Mapped[int] = mapped_column(BigInteger)
    redeemed: Mapped[int] = mapped_column(BigInteger)
    expired: Mapped[int] = mapped_column(BigInteger)
    voided: Mapped[int] = mapped_column(BigInteger)
    allocated: Mapped[Fraction] = mapped_column(Exact)
    expected: Mapped[Fraction] = mapped_column(Exact)
    released: Mapped[Fraction] = mapped_column(Exact)
    # What rounding left for the next posting.
    carried_allocated: Mapped[Fraction] = mapped_column(Exact)
    carried_released: Mapped[Fraction] = mapped_column(Exact)
    carried_cost: Mapped[Fraction] = mapped_column(Exact)
    rate: Mapped[Fraction] = mapped_column(Exact)  # fen per point redeemed in the month
    # Posted in the month, in fen: the columns of R1.
    allocated_fen: Mapped[int] = mapped_column(BigInteger)
    released_fen: Mapped[int] = mapped_column(BigInteger)
    true_up_fen: Mapped[int] = mapped_column(BigInteger)
    breakage_fen: Mapped[int] = mapped_column(BigInteger)
    liability_fen: Mapped[int] = mapped_column(BigInteger)  # at its end, as posted

"""What two people agreed on: estimates of cohorts. The terms are in `loyalty.rules`."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class CohortEstimate(Base):
    """How many points of a cohort will ever be redeemed, E_total, from a month on.

    The newest that was approved holds; nothing is ever changed.
    """

    __tablename__ = "cohort_estimate"
    __table_args__ = (
        CheckConstraint("expected >= 0 AND suggested >= 0", name="is_of_points"),
        CheckConstraint("maker <> checker", name="four_eyes"),
        CheckConstraint("memo <> ''", name="says_why"),
        CheckConstraint(
            "basis IN ('suggestion', 'judgement', 'correction')", name="basis_known"
        ),
        CheckConstraint(
            "extract(day FROM earned_in) = 1 AND extract(day FROM effective_in) = 1"
            " AND effective_in >= earned_in",
            name="is_of_months",
        ),
        Index("cohort_estimate_effective_in_idx", "effective_in"),
    )

    estimate_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit: Mapped[str]
    earned_in: Mapped[date]  # the first day of the month, as all months here
    funding: Mapped[str]
    effective_in: Mapped[date]
    expected: Mapped[int] = mapped_column(BigInteger)  # points
    suggested: Mapped[int | None] = mapped_column(
        BigInteger
    )  # by the past, when it was asked for; None: it was silent
    basis: Mapped[str]
    memo: Mapped[str]
    maker: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    checker: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    approval_id: Mapped[int] = mapped_column(ForeignKey("approval.approval_id"))
    approved_at: Mapped[datetime]

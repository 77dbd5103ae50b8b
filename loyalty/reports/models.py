"""What reports need and no book holds: figures of a year that somebody brings."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class YearlyFigure(Base):
    """A figure of a year, with where it comes from; the newest one holds."""

    __tablename__ = "yearly_figure"
    __table_args__ = (
        CheckConstraint(
            "name IN ('satisfaction_members', 'satisfaction_cdma', 'satisfaction_gsm',"
            " 'acquisition_cost', 'churn_target')",
            name="name_known",
        ),
        CheckConstraint(
            "hundredths >= 0 AND (name = 'acquisition_cost' OR hundredths <= 10000)",
            name="makes_sense",
        ),
        CheckConstraint("year BETWEEN 1990 AND 2199", name="is_of_a_year"),
        CheckConstraint("source <> ''", name="comes_from_somewhere"),
        Index("yearly_figure_year_name_idx", "year", "name"),
    )

    figure_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    year: Mapped[int]
    name: Mapped[str]
    hundredths: Mapped[int] = mapped_column(
        BigInteger
    )  # of a point of 100, of a percent, or of a yuan
    source: Mapped[str]  # a survey, a budget: where to look it up
    recorded_by: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    recorded_at: Mapped[datetime]

"""Which jobs ran, and what came of it."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class JobRun(Base):
    """One run of a job for a business date."""

    __tablename__ = "job_run"
    __table_args__ = (Index("job_run_job_business_date_idx", "job", "business_date"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job: Mapped[str]
    business_date: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # None: under way, or killed
    outcome: Mapped[str | None]  # None: as above

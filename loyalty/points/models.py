"""What the programme remembers beside the books."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Departure(Base):
    """A member's leaving of the network, and the entry that voided the points."""

    __tablename__ = "departure"

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    event_ref: Mapped[str] = mapped_column(primary_key=True)
    left_on: Mapped[date]
    reason: Mapped[str]
    entry_id: Mapped[UUID | None]  # None: there was nothing to void
    booked_at: Mapped[datetime]  # what was earned in the book before that is void
    reinstated_on: Mapped[date | None]  # None: what was voided stays void
    reinstated_by: Mapped[UUID | None]

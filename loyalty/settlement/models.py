"""The table of disputes."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.breaks.rules import BREAKS
from loyalty.database import Base
from loyalty.settlement.rules import STATES


class Dispute(Base):
    """What a partner says is wrong with a month."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint(
            f"state IN ({', '.join(repr(state) for state in STATES)})",
            name="state_known",
        ),
        CheckConstraint(
            f"break_code IN ({', '.join(repr(code) for code in BREAKS)})",
            name="break_known",
        ),
        CheckConstraint(
            "(state = 'open') = (answer IS NULL)"
            " AND (answer IS NULL) = (answered_at IS NULL)"
            " AND (answer IS NULL) = (answered_by IS NULL)",
            name="answered_whole",
        ),
        Index(None, "partner", "period"),
        Index(None, "state", "raised_at"),
    )

    dispute_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    period: Mapped[date]
    partner_ref: Mapped[str | None]  # None: it is about no one line
    break_code: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    raised_at: Mapped[datetime]
    raised_by: Mapped[str]
    answer: Mapped[str | None]  # None: open; so below
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]

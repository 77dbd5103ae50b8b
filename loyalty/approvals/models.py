"""The table of what waits for a second person."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Approval(Base):
    """A change that somebody asks for, and how somebody else decided.

    The database lets nobody decide what they asked for, decides nothing twice and
    approves nothing after 72 hours; what was asked cannot be changed.
    """

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("maker <> checker", name="four_eyes"),
        CheckConstraint(
            "state IN ('open', 'approved', 'rejected', 'withdrawn', 'expired')",
            name="state_known",
        ),
        CheckConstraint(
            "(state IN ('approved', 'rejected')) = (checker IS NOT NULL)"
            " AND (state = 'open') = (decided_at IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "expires_at > requested_at"
            " AND expires_at <= requested_at + interval '72 hours'",
            name="expires_in_72_hours",
        ),
        CheckConstraint(
            "state <> 'approved' OR decided_at <= expires_at", name="decided_in_time"
        ),
        Index(
            "approval_one_open_per_subject",
            "action",
            "subject",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
    )

    approval_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    action: Mapped[str]
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # None: is new
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str]
    maker: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="open")
    checker: Mapped[int | None] = mapped_column(ForeignKey("staff.staff_id"))
    decided_at: Mapped[datetime | None]  # None: open
    note: Mapped[str | None]  # None: nothing to add

"""Tiers given to members by a decision; those earned by spending are computed."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class TierGrant(Base):
    """A tier that somebody gave a member, until a day."""

    __tablename__ = "tier_grant"
    __table_args__ = (
        CheckConstraint("until >= granted_on", name="ends_after_it_begins"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    tier: Mapped[str] = mapped_column(primary_key=True)
    granted_on: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]  # the last day
    reason: Mapped[str]
    actor: Mapped[str]
    approval_id: Mapped[int | None] = mapped_column(BigInteger)  # None: by a feed

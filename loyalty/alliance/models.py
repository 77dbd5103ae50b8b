"""Tables of the partners, and of members' accounts with them."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

# Whose points we give on bills, and who pays for those that are spent with us.
COALITION = "coalition"
KINDS = ("bank", "airline", "insurer", "merchant", "venue", "telecom", COALITION)
# Who takes cards for us; no file brings them, and no member earns there.
PROVIDER = "provider"


class Partner(Base):
    """An organisation in the alliance."""

    __tablename__ = "partner"
    __table_args__ = (
        CheckConstraint(
            f"kind IN ({', '.join(repr(kind) for kind in (*KINDS, PROVIDER))})",
            name="kind_known",
        ),
    )

    partner: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    feed_file: Mapped[int | None]  # None: not booked from a file
    line_no: Mapped[int | None]


class Link(Base):
    """A member's account at a partner."""

    __tablename__ = "link"

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.member_id"), primary_key=True
    )
    partner: Mapped[str] = mapped_column(primary_key=True)
    account_ref: Mapped[str] = mapped_column(primary_key=True)
    linked_on: Mapped[date]

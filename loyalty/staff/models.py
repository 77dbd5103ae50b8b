"""The table of staff."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base
from loyalty.staff.rules import CHANNELS, ROLES


def _codes(codes: tuple[str, ...]) -> str:
    return ", ".join(repr(code) for code in codes)


class Staff(Base):
    """Somebody who works in the console or at a counter."""

    __tablename__ = "staff"
    __table_args__ = (
        UniqueConstraint("login"),
        CheckConstraint(
            f"roles <@ ARRAY[{_codes(tuple(ROLES))}] AND cardinality(roles) > 0",
            name="roles_known",
        ),
        CheckConstraint(f"channel IN ({_codes(CHANNELS)})", name="channel_known"),
    )

    staff_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    login: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    channel: Mapped[str] = mapped_column(server_default="hall")
    hall: Mapped[str | None]  # None: works for no hall in particular
    # Who this is as a member, whose points others look after; None: is none.
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    password_hash: Mapped[str]
    password_is_temporary: Mapped[bool] = mapped_column(server_default=false())
    totp_secret: Mapped[bytes | None]  # None: signs in with a passkey only
    totp_last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]  # None: works here

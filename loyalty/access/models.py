"""Tables of sign-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

PURPOSES = ("sign_in", "confirm", "assist", "contact", "recover", "passkey", "staff")


class WebSession(Base):
    """Somebody signed in; the browser has the token, we have its hash."""

    __tablename__ = "web_session"
    __table_args__ = (
        CheckConstraint("owner IN ('member', 'staff')", name="owner_known"),
        Index(None, "owner", "owner_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    owner: Mapped[str]
    owner_id: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    fresh_at: Mapped[datetime]  # when the person last proved to be that person
    ended_at: Mapped[datetime | None]  # None: goes on
    method: Mapped[str]


class OneTimeCode(Base):
    """A code that was sent, or a challenge to a passkey, and what became of it."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        CheckConstraint("attempts_left >= 0", name="attempts_run_out"),
        CheckConstraint(
            f"purpose IN ({', '.join(repr(purpose) for purpose in PURPOSES)})",
            name="purpose_known",
        ),
        CheckConstraint("way IN ('code', 'passkey')", name="way_known"),
        Index(None, "member_id", "created_at"),
        Index(None, "purpose", "bound", "created_at"),
    )

    code_id: Mapped[UUID] = mapped_column(primary_key=True)
    # None: nobody has this number, which only the database knows.
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    purpose: Mapped[str]
    way: Mapped[str]
    bound: Mapped[str]  # what is confirmed, and nothing else, in canonical words
    code_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts_left: Mapped[int]
    verified_at: Mapped[datetime | None]  # None: not yet
    used_at: Mapped[datetime | None]  # None: not yet


class AttemptFailed(Base):
    """A sign-in that failed, under a hash of who or where it came from."""

    __tablename__ = "attempt_failed"
    __table_args__ = (Index(None, "key", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[bytes]
    at: Mapped[datetime]


class Passkey(Base):
    """A key pair of which the person has the private half."""

    __tablename__ = "passkey"
    __table_args__ = (
        CheckConstraint("owner IN ('member', 'staff')", name="owner_known"),
        Index(None, "owner", "owner_id"),
    )

    credential_id: Mapped[bytes] = mapped_column(primary_key=True)
    owner: Mapped[str]
    owner_id: Mapped[int] = mapped_column(BigInteger)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str]
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # None: never


class MemberAccess(Base):
    """How a member signs in, and what keeps the points from going."""

    __tablename__ = "member_access"

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    password_hash: Mapped[str | None]  # None: signs in without one
    spend_locked_at: Mapped[datetime | None]  # None: not locked by the member
    cool_down_until: Mapped[datetime | None]  # None: nothing has changed lately
    last_sign_in_at: Mapped[datetime | None]  # None: never
    language: Mapped[str | None]  # None: as the browser reads

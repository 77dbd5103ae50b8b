"""Tables of calls that were answered, of how many there were, and of what was heard."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class ApiCall(Base):
    """The answer to a call, so that the same call has it again.

    It is written in the transaction of what the call does: an answer that stands
    here was true, and what was refused leaves its key free.
    """

    __tablename__ = "api_call"
    __table_args__ = (Index(None, "called_at"),)

    client_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]  # hash of method, address and body
    called_at: Mapped[datetime]
    status: Mapped[int | None]  # None: is being answered
    body: Mapped[bytes | None]  # sealed, for some answers show a secret; None: as above
    location: Mapped[str | None]  # None: nothing was made that has an address


class ApiRate(Base):
    """How often a client has called since the minute began; lost in a crash."""

    __tablename__ = "api_rate"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    client_id: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime]
    calls: Mapped[int]


class HeardNonce(Base):
    """What a partner has told us, so that nobody plays it to us again.

    Kept a little longer than its signature is good; lost in a crash.
    """

    __tablename__ = "heard_nonce"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    partner: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    heard_at: Mapped[datetime]

"""Tables of the files that were loaded, and of the lines that were not."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    Sequence,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class FeedFile(Base):
    """A file that was accepted whole; a refused one leaves no row."""

    __tablename__ = "feed_file"
    __table_args__ = (
        Unique("feed", "sender", "sequence"),
        CheckConstraint("sequence >= 1", name="sequence_from_one"),
        CheckConstraint("state IN ('booking', 'completed')", name="state_known"),
        CheckConstraint(
            "(state = 'completed') = (completed_at IS NOT NULL)",
            name="completed_has_its_time",
        ),
        CheckConstraint(
            "state = 'booking'"
            " OR coalesce(booked + already_booked + rejected = records, false)",
            name="every_line_answered",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    feed: Mapped[str]
    sender: Mapped[str]
    sequence: Mapped[int]
    sha256: Mapped[str]
    records: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(server_default="booking")
    booked: Mapped[int | None] = mapped_column(BigInteger)  # None: still booking
    already_booked: Mapped[int | None] = mapped_column(BigInteger)
    rejected: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()")
    )
    completed_at: Mapped[datetime | None]  # None: still booking


class FeedReject(Base):
    """A line of an accepted file that was not booked, and why."""

    __tablename__ = "feed_reject"

    feed_file: Mapped[int] = mapped_column(ForeignKey("feed_file.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]
    line: Mapped[str]  # as it stood in the file


# Numbers of batches lie below zero, where no file has its own: a claim names either.
BATCH_NUMBERS = Sequence("partner_batch_id_seq", start=-1, increment=-1, maxvalue=-1)


class PartnerBatch(Base):
    """Lines that a partner's machine brought, one or many, in one call."""

    __tablename__ = "partner_batch"
    __table_args__ = (CheckConstraint("batch_id < 0", name="is_no_file"),)

    batch_id: Mapped[int] = mapped_column(
        Integer,
        BATCH_NUMBERS,
        primary_key=True,
        server_default=BATCH_NUMBERS.next_value(),
    )
    client_id: Mapped[str]
    partner: Mapped[str]
    batch_ref: Mapped[str | None]  # None: a single line
    lines: Mapped[int]
    called_at: Mapped[datetime]


class PartnerCursor(Base):
    """How far a bank's posted lines were read."""

    __tablename__ = "partner_cursor"

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    cursor: Mapped[str | None]  # None: it has posted nothing so far
    read_at: Mapped[datetime]


class BillingCursor(Base):
    """How far the operator's billing was read."""

    __tablename__ = "billing_cursor"

    source: Mapped[str] = mapped_column(primary_key=True)  # as its settings name it
    cursor: Mapped[str | None]  # None: it has written nothing so far
    read_at: Mapped[datetime]


class CardLineReject(Base):
    """A line of a bank or of billing that was not booked, and why."""

    __tablename__ = "card_line_reject"

    batch_id: Mapped[int] = mapped_column(
        ForeignKey("partner_batch.batch_id"), primary_key=True
    )
    nth: Mapped[int] = mapped_column(primary_key=True)
    partner_ref: Mapped[str | None]  # None: it was unreadable as well
    reason: Mapped[str]

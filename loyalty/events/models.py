"""Tables of events, of who is told, and of every attempt to tell."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Event(Base):
    """Something a partner may want to know, written with the fact itself."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_unpublished_idx", "number", postgresql_where="NOT published"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    partner: Mapped[str]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published: Mapped[bool] = mapped_column(server_default=text("false"))


class WebhookEndpoint(Base):
    """An address of a partner at which events are told, one after the other."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint(
            "next_sequence BETWEEN 1 AND last_sequence + 1", name="is_somewhere"
        ),
        CheckConstraint(
            "(old_secret IS NULL) = (old_secret_until IS NULL)", name="rotates_whole"
        ),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="fails_since"),
        Index(None, "partner"),
    )

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    url: Mapped[str]
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[bytes]  # sealed
    old_secret: Mapped[bytes | None]  # None: it was not replaced lately
    old_secret_until: Mapped[datetime | None]  # None: as above
    created_at: Mapped[datetime]
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    next_sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))  # in a row
    failing_since: Mapped[datetime | None]  # None: the last attempt succeeded
    retry_at: Mapped[datetime | None]  # None: at once
    disabled_at: Mapped[datetime | None]  # None: is told
    removed_at: Mapped[datetime | None]  # None: is kept


class WebhookDelivery(Base):
    """An event as one endpoint is told it; the numbers have no gaps."""

    __tablename__ = "webhook_delivery"

    endpoint_id: Mapped[str] = mapped_column(
        ForeignKey("webhook_endpoint.endpoint_id"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(BigInteger, ForeignKey("event.number"))
    delivered_at: Mapped[datetime | None]  # None: not yet


class WebhookAttempt(Base):
    """One attempt to tell an event."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["endpoint_id", "sequence"],
            ["webhook_delivery.endpoint_id", "webhook_delivery.sequence"],
        ),
        Index(None, "endpoint_id", "sequence"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    endpoint_id: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    attempted_at: Mapped[datetime]
    status: Mapped[int | None]  # None: there was no answer
    fault: Mapped[str | None]  # None: there was an answer

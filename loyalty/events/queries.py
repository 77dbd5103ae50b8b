"""Read who is told what, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.events.models import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """An event as an endpoint is told it."""

    sequence: int
    id: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]
    delivered_at: datetime | None  # None: not yet
    attempts: int
    last_status: int | None  # None: there was no answer, or no attempt
    last_fault: str | None  # None: there was an answer, or no attempt


_DELIVERIES = text(
    """
    SELECT d.sequence, 'evt_' || replace(CAST(e.event_id AS text), '-', ''), e.type,
           e.occurred_at, e.data, d.delivered_at,
           (SELECT count(*) FROM webhook_attempt a
             WHERE a.endpoint_id = d.endpoint_id AND a.sequence = d.sequence),
           last.status, last.fault
      FROM webhook_delivery d JOIN event e USING (number)
      LEFT JOIN LATERAL (
          SELECT a.status, a.fault FROM webhook_attempt a
           WHERE a.endpoint_id = d.endpoint_id AND a.sequence = d.sequence
           ORDER BY a.id DESC LIMIT 1) last ON true
     WHERE d.endpoint_id = :endpoint AND d.sequence > :after
     ORDER BY d.sequence LIMIT :limit
    """
)


def endpoints(session: Session, *, partner: str) -> Sequence[WebhookEndpoint]:
    """Return a partner's endpoints, the oldest first."""
    return session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.partner == partner, WebhookEndpoint.removed_at.is_(None))
        .order_by(WebhookEndpoint.created_at, WebhookEndpoint.endpoint_id)
    ).all()


def stopped(session: Session) -> Sequence[WebhookEndpoint]:
    """Return endpoints that are told nothing because they did not answer for days."""
    return session.scalars(
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.disabled_at.is_not(None),
            WebhookEndpoint.removed_at.is_(None),
        )
        .order_by(WebhookEndpoint.disabled_at)
    ).all()


def deliveries(
    session: Session, *, endpoint_id: str, after_sequence: int, limit: int
) -> list[DeliveryView]:
    """Return what an endpoint was told or will be, after a number."""
    facts = {"endpoint": endpoint_id, "after": after_sequence, "limit": limit}
    return [DeliveryView(*row) for row in session.execute(_DELIVERIES, facts)]

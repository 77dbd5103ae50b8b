"""Write down what happened, number it for whoever is told, and keep the addresses."""

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.events.errors import (
    SequenceOutOfRange,
    TooManyEndpoints,
    UnknownEndpoint,
)
from loyalty.events.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from loyalty.events.rules import (
    ENDPOINTS_MAX,
    GIVE_UP_AFTER,
    OLD_SECRET_FOR,
    back_off,
    is_gone,
    is_taken,
)
from loyalty.keyring import Keyring
from partners.webhooks import Sent

_PURPOSE: Final = "webhook.secret"
_SECRET_BYTES: Final = 24
_PUBLISHED_AT_ONCE: Final = 10_000
# Who numbers events is alone: the number is arbitrary.
_NUMBERING = text("SELECT pg_advisory_xact_lock(1163284302)")

_PUBLISH = text(
    """
    WITH next AS (
        SELECT number, partner, type FROM event WHERE NOT published
         ORDER BY number LIMIT :limit
    ), told AS (
        INSERT INTO webhook_delivery (endpoint_id, sequence, number)
        SELECT e.endpoint_id, e.last_sequence + row_number() OVER (
                   PARTITION BY e.endpoint_id ORDER BY n.number), n.number
          FROM next n JOIN webhook_endpoint e
            ON e.partner = n.partner AND n.type = ANY (e.types)
           AND e.removed_at IS NULL
        RETURNING endpoint_id, sequence
    ), moved AS (
        UPDATE webhook_endpoint e SET last_sequence = t.last
          FROM (SELECT endpoint_id, max(sequence) AS last FROM told GROUP BY 1) t
         WHERE e.endpoint_id = t.endpoint_id
    )
    UPDATE event SET published = true FROM next WHERE event.number = next.number
    RETURNING event.number
    """
)


def recording(events: str) -> str:
    """Return the SQL that records the events a query yields, if anybody is told.

    The query gives `partner`, `type`, `occurred_at` and `data`, in order of `nth`.
    """
    return f"""
    INSERT INTO event (partner, type, occurred_at, data)
    SELECT q.partner, q.type, q.occurred_at, q.data FROM ({events}) q
     WHERE EXISTS (SELECT FROM webhook_endpoint e
                    WHERE e.partner = q.partner AND e.removed_at IS NULL
                      AND q.type = ANY (e.types))
     ORDER BY q.nth
    """


_RECORD = text(
    recording(
        "SELECT CAST(:partner AS text) AS partner, CAST(:type AS text) AS type,"
        " CAST(:at AS timestamptz) AS occurred_at, CAST(:data AS jsonb) AS data,"
        " 1 AS nth"
    )
)


def record(
    session: Session,
    *,
    partner: str,
    type_: str,
    data: Mapping[str, Any],
    at: datetime,
) -> None:
    """Record an event for a partner, in the transaction of the fact."""
    facts = {"partner": partner, "type": type_, "at": at, "data": _json(data)}
    session.execute(_RECORD, facts)


def publish(session: Session) -> int:
    """Give events numbers for every endpoint that is told; return how many events.

    Numbers follow each other without gaps: they are given out here, by one at a time,
    and not where things happen.
    """
    session.execute(_NUMBERING)
    session.execute(
        text("SELECT FROM webhook_endpoint ORDER BY endpoint_id FOR NO KEY UPDATE")
    )
    return len(session.execute(_PUBLISH, {"limit": _PUBLISHED_AT_ONCE}).all())


def add_endpoint(
    session: Session,
    *,
    partner: str,
    url: str,
    types: Collection[str],
    keyring: Keyring,
    at: datetime,
) -> tuple[WebhookEndpoint, str]:
    """Let a partner be told at an address; return the secret, which is shown once.

    Raises `TooManyEndpoints`.
    """
    session.execute(
        text("SELECT FROM partner WHERE partner = :partner FOR NO KEY UPDATE"),
        {"partner": partner},
    )
    kept = session.scalar(
        select(func.count())
        .select_from(WebhookEndpoint)
        .where(WebhookEndpoint.partner == partner, WebhookEndpoint.removed_at.is_(None))
    )
    if (kept or 0) >= ENDPOINTS_MAX:
        raise TooManyEndpoints(endpoints_max=ENDPOINTS_MAX)
    secret = _new_secret()
    endpoint = WebhookEndpoint(
        endpoint_id=f"whk_{secrets.token_hex(12)}",
        partner=partner,
        url=url,
        types=sorted(set(types)),
        secret=keyring.seal(_PURPOSE, secret),
        created_at=at,
    )
    session.add(endpoint)
    session.flush()
    session.refresh(endpoint)
    return endpoint, secret


def endpoint_of(session: Session, *, partner: str, endpoint_id: str) -> WebhookEndpoint:
    """Return an endpoint of a partner, locked.

    Raises `UnknownEndpoint`.
    """
    found = session.scalar(
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.endpoint_id == endpoint_id,
            WebhookEndpoint.partner == partner,
            WebhookEndpoint.removed_at.is_(None),
        )
        .with_for_update(key_share=True)
    )
    if found is None:
        raise UnknownEndpoint
    return found


def rotate_secret(
    session: Session, endpoint: WebhookEndpoint, *, keyring: Keyring, at: datetime
) -> str:
    """Give an endpoint a new secret; for a day both sign."""
    secret = _new_secret()
    endpoint.old_secret = endpoint.secret
    endpoint.old_secret_until = at + OLD_SECRET_FOR
    endpoint.secret = keyring.seal(_PURPOSE, secret)
    session.flush()
    return secret


def replay(session: Session, endpoint: WebhookEndpoint, *, from_sequence: int) -> None:
    """Tell an endpoint again all that has happened since a number, and let it hear.

    Raises `SequenceOutOfRange`.
    """
    if not 1 <= from_sequence <= endpoint.last_sequence + 1:
        raise SequenceOutOfRange(last_sequence=endpoint.last_sequence)
    endpoint.next_sequence = from_sequence
    endpoint.failures, endpoint.failing_since = 0, None
    endpoint.retry_at = endpoint.disabled_at = None
    session.flush()


def remove(session: Session, endpoint: WebhookEndpoint, *, at: datetime) -> None:
    """Tell an endpoint nothing any more."""
    endpoint.removed_at = at
    session.flush()


def secrets_of(
    endpoint: WebhookEndpoint, *, keyring: Keyring, at: datetime
) -> tuple[str, ...]:
    """Return the secrets that sign for an endpoint now, the newest first."""
    sealed = [endpoint.secret]
    until = endpoint.old_secret_until
    if endpoint.old_secret is not None and until is not None and at < until:
        sealed.append(endpoint.old_secret)
    return tuple(keyring.unseal(_PURPOSE, one) for one in sealed)


def note(
    session: Session,
    *,
    endpoint_id: str,
    sequence: int,
    sent: Sent,
    chance: float,
    at: datetime,
) -> bool:
    """Write an attempt down, and what follows from it; tell if the event was taken.

    After three days of failures, and where nobody is there any more, the endpoint is
    told nothing until somebody asks for it again.
    """
    session.add(
        WebhookAttempt(
            endpoint_id=endpoint_id,
            sequence=sequence,
            attempted_at=at,
            status=sent.status,
            fault=sent.fault,
        )
    )
    endpoint = session.get_one(
        WebhookEndpoint, endpoint_id, with_for_update={"key_share": True}
    )
    taken = is_taken(sent.status)
    if taken:
        endpoint.failures, endpoint.failing_since = 0, None
        endpoint.retry_at = None
        delivery = session.get_one(WebhookDelivery, (endpoint_id, sequence))
        delivery.delivered_at = delivery.delivered_at or at
        # A replay that was asked for meanwhile begins where it was told to.
        if endpoint.next_sequence == sequence:
            endpoint.next_sequence = sequence + 1
    else:
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or at
        endpoint.retry_at = at + back_off(endpoint.failures, chance)
        if is_gone(sent.status) or at - endpoint.failing_since >= GIVE_UP_AFTER:
            endpoint.disabled_at = at
    session.flush()
    return taken


def _new_secret() -> str:
    word = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return f"whsec_{word}"


def _json(data: Mapping[str, Any]) -> str:

    return json.dumps(data, ensure_ascii=False, default=str)

"""Tell partners what happened, one event after the other, until they have taken it."""

import base64
import hmac
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import text

from loyalty.database import Database, retrying
from loyalty.events.models import WebhookEndpoint
from loyalty.events.operations import note, publish, secrets_of
from loyalty.keyring import Keyring
from partners.webhooks import Sent, send

Send = Callable[[str, bytes, dict[str, str]], Sent]

_AT_ONCE: Final = 8  # endpoints told at the same time: a slow one delays nobody else
_EVENTS_MAX: Final = 500  # told to one endpoint in a run; the next run goes on

_DUE = text(
    """
    SELECT endpoint_id FROM webhook_endpoint
     WHERE removed_at IS NULL AND disabled_at IS NULL
       AND next_sequence <= last_sequence
       AND (retry_at IS NULL OR retry_at <= :at)
     ORDER BY retry_at NULLS FIRST, endpoint_id
    """
)
_NEXT = text(
    """
    SELECT d.sequence, e.event_id, e.type, e.occurred_at, e.data
      FROM webhook_delivery d JOIN event e USING (number)
     WHERE d.endpoint_id = :endpoint AND d.sequence = :sequence
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a run."""

    published: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class _Message:
    """An event, ready to be sent."""

    sequence: int
    url: str
    body: bytes
    headers: dict[str, str]


def tell(
    database: Database,
    keyring: Keyring,
    *,
    clock: Callable[[], datetime],
    send_: Send | None = None,
    loopback: bool = False,
) -> Told:
    """Publish what is new, and tell every endpoint that waits for nothing.

    Order is kept: what an endpoint did not take holds back what comes after it.
    """
    post = send_ or partial(send, loopback=loopback)
    published = 0
    while done := retrying(database, publish):
        published += done
    with database.unit_of_work() as session:
        due = session.scalars(_DUE, {"at": clock()}).all()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhooks") as pool:
        work = partial(_tell_one, database, keyring, clock, post)
        counts = list(pool.map(work, due))
    return Told(
        published,
        delivered=sum(delivered for delivered, _ in counts),
        failed=sum(failed for _, failed in counts),
    )


def _tell_one(
    database: Database,
    keyring: Keyring,
    clock: Callable[[], datetime],
    post: Send,
    endpoint_id: str,
) -> tuple[int, int]:
    """Tell one endpoint; return how many events it took, and if one failed."""
    for delivered in range(_EVENTS_MAX):
        message = _next(database, keyring, endpoint_id, at=clock())
        if message is None:
            return delivered, 0
        sent = post(message.url, message.body, message.headers)
        with database.unit_of_work() as session:
            taken = note(
                session,
                endpoint_id=endpoint_id,
                sequence=message.sequence,
                sent=sent,
                chance=random.random(),  # noqa: S311 - spreads retries, no secret
                at=clock(),
            )
        if not taken:
            return delivered, 1
    return _EVENTS_MAX, 0


def _next(
    database: Database, keyring: Keyring, endpoint_id: str, *, at: datetime
) -> _Message | None:
    with database.unit_of_work() as session:
        endpoint = session.get_one(WebhookEndpoint, endpoint_id)
        if endpoint.disabled_at is not None or endpoint.removed_at is not None:
            return None
        place = {"endpoint": endpoint_id, "sequence": endpoint.next_sequence}
        row = session.execute(_NEXT, place).first()
        if row is None:
            return None
        told = {
            "id": f"evt_{row.event_id.hex}",
            "type": row.type,
            "sequence": row.sequence,
            "occurred_at": row.occurred_at.isoformat(),
            "data": row.data,
        }
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        keys = secrets_of(endpoint, keyring=keyring, at=at)
        return _Message(
            row.sequence, endpoint.url, body, _headers(told["id"], body, keys, at=at)
        )


def _headers(
    event_id: str, body: bytes, keys: tuple[str, ...], *, at: datetime
) -> dict[str, str]:
    """Sign as Standard Webhooks has it, with every secret that is good now."""
    stamp = str(int(at.timestamp()))
    signed = f"{event_id}.{stamp}.".encode() + body
    signatures = [
        base64.b64encode(
            hmac.digest(base64.b64decode(key.removeprefix("whsec_")), signed, "sha256")
        ).decode()
        for key in keys
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Jifen-Webhooks/1",
        "Connection": "close",
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }

"""Answer a call once, hear a notice once, and count the calls of a client."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from loyalty.calls.errors import CallUnderWay, KeyReused
from loyalty.calls.models import ApiCall, HeardNonce
from loyalty.keyring import Keyring

KEPT_FOR: Final = timedelta(hours=48)
HEARD_FOR: Final = timedelta(hours=1)  # a signature is good for half a minute
_PURPOSE = "api.answer"

# Whoever asks the same meanwhile waits here for who came first, but not for ever.
_PATIENCE = text("SET LOCAL lock_timeout = '10s'")
_PATIENT = text("SET LOCAL lock_timeout = 0")
_TAKE = text(
    """
    INSERT INTO api_call (client_id, key, content, called_at)
    VALUES (:client_id, :key, :content, :at) ON CONFLICT DO NOTHING
    RETURNING key
    """
)
_COUNT = text(
    """
    INSERT INTO api_rate AS r (client_id, minute, calls) VALUES (:client, :minute, 1)
    ON CONFLICT (client_id) DO UPDATE
       SET calls = CASE WHEN r.minute = excluded.minute THEN r.calls + 1 ELSE 1 END,
           minute = excluded.minute
    RETURNING calls
    """
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came."""

    client_id: str
    key: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered."""

    status: int
    body: str
    location: str | None


def first_answer(
    session: Session, call: Call, *, keyring: Keyring, at: datetime
) -> Answer | None:
    """Return what the same call was answered before; None: it is the first.

    Then its key is taken until the transaction ends, in which `keep` is called.
    Raises `KeyReused`, and `CallUnderWay` if the first one takes too long.
    """
    session.execute(_PATIENCE)
    facts = {
        "client_id": call.client_id,
        "key": call.key,
        "content": call.content,
        "at": at,
    }
    try:
        taken = session.scalar(_TAKE, facts)
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise CallUnderWay from error
        raise
    session.execute(_PATIENT)
    if taken is not None:
        return None
    known = session.scalars(
        select(ApiCall).where(
            ApiCall.client_id == call.client_id, ApiCall.key == call.key
        )
    ).one()
    if known.content != call.content:
        raise KeyReused
    if known.status is None or known.body is None:
        raise CallUnderWay
    return Answer(known.status, keyring.unseal(_PURPOSE, known.body), known.location)


def keep(session: Session, call: Call, answer: Answer, *, keyring: Keyring) -> None:
    """Keep the answer to a call whose key was taken."""
    session.execute(
        update(ApiCall)
        .where(ApiCall.client_id == call.client_id, ApiCall.key == call.key)
        .values(
            status=answer.status,
            body=keyring.seal(_PURPOSE, answer.body),
            location=answer.location,
        )
    )


def count(session: Session, *, client_id: str, at: datetime) -> int:
    """Count a call, and return how many there were since the minute began."""
    minute = at.replace(second=0, microsecond=0)
    calls: int = session.execute(
        _COUNT, {"client": client_id, "minute": minute}
    ).scalar_one()
    return calls


def is_news(session: Session, *, partner: str, nonce: str, at: datetime) -> bool:
    """Whether a partner tells this for the first time; a second time it is a replay."""
    taken = session.scalar(
        insert(HeardNonce)
        .values(partner=partner, nonce=nonce, heard_at=at)
        .on_conflict_do_nothing()
        .returning(HeardNonce.nonce)
    )
    return taken is not None


def forget(session: Session, *, at: datetime) -> int:
    """Forget answers that nobody may ask for any more; return how many.

    What was heard so long ago is no longer genuine by its own time.
    """
    session.execute(delete(HeardNonce).where(HeardNonce.heard_at < at - HEARD_FOR))
    done = session.scalars(
        delete(ApiCall)
        .where(ApiCall.called_at < at - KEPT_FOR)
        .returning(ApiCall.client_id)
    ).all()
    return len(done)

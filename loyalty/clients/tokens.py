"""What a member's yes gives a client: a code, and tokens that follow each other.

All of it belongs to one grant, and falls with it. A code or a refresh token that
comes a second time was seen by somebody else: the whole family ends.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from loyalty.clients.models import (
    AuthorizationCode,
    Grant,
    PushedRequest,
    RefreshToken,
)
from loyalty.clients.rules import CODE_SECONDS, PUSHED_SECONDS
from loyalty.keyring import Keyring

_BYTES = 32
_PUSHED, _CODE, _REFRESH = "oauth.pushed", "oauth.code", "oauth.refresh"

Kept = TypeVar("Kept", PushedRequest, AuthorizationCode, RefreshToken)


@dataclass(frozen=True, slots=True)
class Presented:
    """A code or a refresh token that was brought, and the grant it belongs to."""

    key: bytes
    grant: Grant
    redirect_uri: str = ""
    code_challenge: str = ""
    dpop_jkt: str | None = None  # None: bound to no key


def push(
    session: Session,
    *,
    client_id: str,
    asked: Mapping[str, str],
    consent_ref: str,
    keyring: Keyring,
    at: datetime,
) -> str:
    """Keep what a client asks; return the name under which a browser brings it."""
    name = secrets.token_urlsafe(_BYTES)
    session.add(
        PushedRequest(
            request_hash=keyring.digest(_PUSHED, name),
            client_id=client_id,
            asked=dict(asked),
            consent_ref=consent_ref,
            expires_at=at + timedelta(seconds=PUSHED_SECONDS),
        )
    )
    session.flush()
    return name


def pushed(
    session: Session, *, name: str, client_id: str, keyring: Keyring, at: datetime
) -> PushedRequest | None:
    """Return what a client asks under a name; None: it is over, or never was."""
    found = session.get(PushedRequest, keyring.digest(_PUSHED, name))
    if found is None or found.client_id != client_id:
        return None
    return found if found.used_at is None and found.expires_at > at else None


def answer_pushed(session: Session, *, found: PushedRequest, at: datetime) -> bool:
    """Tell whether a request is answered for the first time, and remember it."""
    done = session.execute(
        update(PushedRequest)
        .where(
            PushedRequest.request_hash == found.request_hash,
            PushedRequest.used_at.is_(None),
        )
        .values(used_at=at)
        .returning(PushedRequest.request_hash)
    )
    return done.first() is not None


def grant(
    session: Session,
    *,
    client_id: str,
    consent_ref: str,
    scopes: Sequence[str],
    expires_at: datetime,
    at: datetime,
) -> Grant:
    """Write down what a member's yes gives a client."""
    made = Grant(
        grant_id=uuid4(),
        client_id=client_id,
        consent_ref=consent_ref,
        scopes=list(scopes),
        granted_at=at,
        expires_at=expires_at,
    )
    session.add(made)
    session.flush()
    return made


def issue_code(
    session: Session,
    *,
    code: str,
    grant_id: UUID,
    redirect_uri: str,
    code_challenge: str,
    dpop_jkt: str | None,
    keyring: Keyring,
    at: datetime,
) -> None:
    """Keep a code that a browser carries to the client, for a minute."""
    session.add(
        AuthorizationCode(
            code_hash=keyring.digest(_CODE, code),
            grant_id=grant_id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            dpop_jkt=dpop_jkt,
            expires_at=at + timedelta(seconds=CODE_SECONDS),
        )
    )
    session.flush()


def present_code(
    session: Session, *, code: str, client_id: str, keyring: Keyring, at: datetime
) -> Presented | None:
    """Return a code that was brought, which nobody else can spend meanwhile.

    None: it is not good. If it was spent before, its whole family ends; the caller
    commits that, whatever it answers.
    """
    found = _locked(session, AuthorizationCode, keyring.digest(_CODE, code))
    if found is None:
        return None
    known = _live_grant(session, found, client_id=client_id, at=at)
    if known is None:
        return None
    return Presented(
        key=found.code_hash,
        grant=known,
        redirect_uri=found.redirect_uri,
        code_challenge=found.code_challenge,
        dpop_jkt=found.dpop_jkt,
    )


def spend_code(session: Session, *, key: bytes, at: datetime) -> None:
    """Use up a code that was presented."""
    session.get_one(AuthorizationCode, key).used_at = at
    session.flush()


def issue_refresh(
    session: Session, *, found: Grant, keyring: Keyring, at: datetime
) -> str:
    """Return a new refresh token of a grant, good as long as that."""
    token = secrets.token_urlsafe(_BYTES)
    session.add(
        RefreshToken(
            token_hash=keyring.digest(_REFRESH, token),
            grant_id=found.grant_id,
            issued_at=at,
            expires_at=found.expires_at,
        )
    )
    session.flush()
    return token


def present_refresh(
    session: Session, *, token: str, client_id: str, keyring: Keyring, at: datetime
) -> Presented | None:
    """Return a refresh token that was brought; as `present_code` does."""
    found = _locked(session, RefreshToken, keyring.digest(_REFRESH, token))
    if found is None:
        return None
    known = _live_grant(session, found, client_id=client_id, at=at)
    if known is None:
        return None
    return Presented(key=found.token_hash, grant=known)


def spend_refresh(session: Session, *, key: bytes, at: datetime) -> None:
    """Use up a refresh token that was presented."""
    session.get_one(RefreshToken, key).used_at = at
    session.flush()


def refresh_grant(session: Session, *, token: str, keyring: Keyring) -> Grant | None:
    """Return the grant of a refresh token, spent or not; None: there is none."""
    found = session.get(RefreshToken, keyring.digest(_REFRESH, token))
    return None if found is None else session.get_one(Grant, found.grant_id)


def is_unspent(session: Session, *, token: str, keyring: Keyring, at: datetime) -> bool:
    """Whether a refresh token can still be used."""
    found = session.get(RefreshToken, keyring.digest(_REFRESH, token))
    return found is not None and found.used_at is None and found.expires_at > at


def end_grant(session: Session, *, grant_id: UUID, reason: str, at: datetime) -> None:
    """End a grant; every token of it is worth nothing from now on."""
    session.execute(
        update(Grant)
        .where(Grant.grant_id == grant_id, Grant.revoked_at.is_(None))
        .values(revoked_at=at, revoke_reason=reason)
    )


def end_grants(
    session: Session, *, consent_ref: str, reason: str, at: datetime
) -> None:
    """End all that stands on a member's consent."""
    session.execute(
        update(Grant)
        .where(Grant.consent_ref == consent_ref, Grant.revoked_at.is_(None))
        .values(revoked_at=at, revoke_reason=reason)
    )


def _live_grant(
    session: Session,
    brought: AuthorizationCode | RefreshToken,
    *,
    client_id: str,
    at: datetime,
) -> Grant | None:
    """Return the grant of what was brought, if good; end it, if that was spent."""
    found = session.get_one(Grant, brought.grant_id, populate_existing=True)
    if found.client_id != client_id:
        return None
    if brought.used_at is not None:
        end_grant(session, grant_id=found.grant_id, reason="reused", at=at)
        return None
    is_live = found.revoked_at is None and found.expires_at > at
    return found if is_live and brought.expires_at > at else None


def _locked(session: Session, table: type[Kept], key: bytes) -> Kept | None:
    return session.scalar(
        select(table)
        .where(table.__mapper__.primary_key[0] == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )

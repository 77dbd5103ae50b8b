"""Bring partners' machines in, give them new secrets or keys, and shut them out."""

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.alliance.queries import partner as known_partner
from loyalty.clients import signing
from loyalty.clients.errors import (
    BadRedirect,
    ClientDisabled,
    ContactMissing,
    NameMissing,
    NoKeysHere,
    NoSecretHere,
    ScopesMissing,
    UnknownScope,
)
from loyalty.clients.models import (
    AuthorizationCode,
    Grant,
    PartnerClient,
    PushedRequest,
    RefreshToken,
    RevokedToken,
    UsedOnce,
)
from loyalty.clients.queries import client as known_client
from loyalty.clients.rules import KINDS, unknown_scopes
from loyalty.keyring import Keyring

_ID_BYTES, _SECRET_BYTES = 15, 32
_PURPOSE = "oauth.secret"
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client is and may do, as it is registered."""

    partner: str
    name: str
    auth_method: str
    scopes: Sequence[str]
    contact: str = ""
    redirect_uris: Sequence[str] = ()
    require_dpop: bool = False
    require_par: bool = True


def add(session: Session, *, profile: Profile, at: datetime) -> PartnerClient:
    """Register a client of a partner; it gets in once it has a secret or keys.

    Raises `UnknownPartner`, `NameMissing`, `UnknownScope`, `ScopesMissing`,
    `ContactMissing`, `BadRedirect`.
    """
    accept(session, profile=profile)
    made = PartnerClient(
        client_id=f"cli_{secrets.token_hex(_ID_BYTES)}",
        partner=profile.partner,
        name=profile.name,
        contact=profile.contact,
        auth_method=profile.auth_method,
        redirect_uris=list(profile.redirect_uris),
        scopes=sorted(set(profile.scopes)),
        require_dpop=profile.require_dpop,
        require_par=profile.require_par,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def accept(session: Session, *, profile: Profile) -> None:
    """Accept a profile that a client could have.

    Raises `UnknownPartner`, `NameMissing`, `UnknownScope`, `ScopesMissing`,
    `ContactMissing`, `BadRedirect`.
    """
    known_partner(session, code=profile.partner)
    if not profile.name:
        raise NameMissing
    if not profile.scopes:
        raise ScopesMissing
    for scope in unknown_scopes(profile.scopes):
        raise UnknownScope(scope=scope)
    if set(profile.scopes) & set(KINDS):
        if not profile.contact:
            raise ContactMissing
        if not profile.redirect_uris:
            raise BadRedirect(redirect_uri="")
    for redirect_uri in profile.redirect_uris:
        if not leads_back(redirect_uri):
            raise BadRedirect(redirect_uri=redirect_uri)


def change(session: Session, *, client_id: str, profile: Profile) -> PartnerClient:
    """Give a client another profile; whose it is and how it proves itself stays.

    Scopes that are taken away open nothing from now on, whatever a token carries.

    Raises `UnknownClient`, `ClientDisabled`, and as `accept` does.
    """
    found = _let_in(session, client_id)
    assert (profile.partner, profile.auth_method) == (found.partner, found.auth_method)
    accept(session, profile=profile)
    found.name, found.contact = profile.name, profile.contact
    found.scopes = sorted(set(profile.scopes))
    found.redirect_uris = list(profile.redirect_uris)
    found.require_dpop, found.require_par = profile.require_dpop, profile.require_par
    session.flush()
    return found


def new_secret(session: Session, *, client_id: str, keyring: Keyring) -> str:
    """Return a new secret of a client, to be told once; the old one is worth nothing.

    Raises `UnknownClient`, `ClientDisabled`, `NoSecretHere`.
    """
    found = _let_in(session, client_id)
    if found.auth_method != "client_secret_basic":
        raise NoSecretHere(client_id=client_id)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    found.secret_hash = keyring.digest(_PURPOSE, secret)
    session.flush()
    return secret


def set_keys(
    session: Session, *, client_id: str, jwks: Mapping[str, Any]
) -> PartnerClient:
    """Give a client other public keys; those that are not named are worth nothing.

    Raises `UnknownClient`, `ClientDisabled`, `NoKeysHere`, `BadClientKey`.
    """
    found = _let_in(session, client_id)
    if found.auth_method != "private_key_jwt":
        raise NoKeysHere(client_id=client_id)
    signing.client_keys(jwks)
    found.jwks = {"keys": list(jwks["keys"])}
    session.flush()
    return found


def disable(session: Session, *, client_id: str, at: datetime) -> PartnerClient:
    """Let a client in no more; its tokens are refused from now on.

    Raises `UnknownClient`.
    """
    found = known_client(session, client_id=client_id)
    if found.disabled_at is None:
        found.disabled_at = at
        session.flush()
    session.execute(
        update(Grant)
        .where(Grant.client_id == client_id, Grant.revoked_at.is_(None))
        .values(revoked_at=at, revoke_reason="client_disabled")
    )
    return found


def is_secret(found: PartnerClient, secret: str, *, keyring: Keyring) -> bool:
    """Whether this is the secret of a client."""
    expected = found.secret_hash or b""
    return compare_digest(expected, keyring.digest(_PURPOSE, secret))


def use_once(
    session: Session, *, space: str, owner: str, jti: str, expires_at: datetime
) -> bool:
    """Tell whether something signed is used for the first time, and remember it.

    Of two that come at once the second waits for the first, and is told no.
    """
    name = f"{space}\x00{owner}\x00{jti}"
    done = session.execute(
        insert(UsedOnce)
        .values(key=hashlib.sha256(name.encode()).digest(), expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(UsedOnce.key)
    )
    return done.first() is not None


def revoke_token(session: Session, *, jti: str, expires_at: datetime) -> None:
    """Take an access token back before it expires."""
    session.execute(
        insert(RevokedToken)
        .values(jti=jti, expires_at=expires_at)
        .on_conflict_do_nothing()
    )


def forget_expired(session: Session, *, at: datetime) -> int:
    """Forget what nobody can use any more; return how many rows went."""
    gone = 0
    for table in (UsedOnce, RevokedToken, PushedRequest, AuthorizationCode):
        gone += _deleted(session, table, at)
    gone += _deleted(session, RefreshToken, at)
    signing.forget_retired(session, at=at)
    return gone


def _deleted(session: Session, table: Any, at: datetime) -> int:
    done = session.execute(delete(table).where(table.expires_at < at))
    assert isinstance(done, CursorResult)
    return done.rowcount


def _let_in(session: Session, client_id: str) -> PartnerClient:
    found = known_client(session, client_id=client_id)
    if found.disabled_at is not None:
        raise ClientDisabled(client_id=client_id)
    return found


def leads_back(address: str) -> bool:
    """Whether a browser may be sent to an address with a code for a client."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or "#" in address or parts.username is not None:
        return False
    if any(letter.isspace() or letter == "\\" for letter in address):
        return False
    if not _HOST.fullmatch(parts.netloc):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def missing_scopes(found: PartnerClient, asked: Collection[str]) -> list[str]:
    """Return what of the scopes asked for a client may not have."""
    return sorted(set(asked) - set(found.scopes))

"""What is signed: by our own keys, which follow each other, and by strangers' keys."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from loyalty.clients.errors import BadClientKey, SignatureRefused
from loyalty.clients.models import SigningKey
from loyalty.clients.rules import (
    CLIENT_KEYS_MAX,
    RETIRED_FOR,
    SIGNING_KEY_DAYS,
    SKEW_SECONDS,
    too_short_rsa,
    unsound_curve,
)
from loyalty.keyring import Keyring

OURS = "ES256"
# FAPI 2.0, with the new name of EdDSA on this curve (RFC 9864). No symmetric one:
# whoever signs with a public key as if it were a secret is refused by the list.
ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
_KEY_TYPES = {"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP", "Ed25519": "OKP"}
_PURPOSE = "oauth.key"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('oauth_key'))")


class _Registry(JWSRegistry):
    """Takes our algorithms, and headers that carry an RSA key, as proofs do."""

    max_header_length = 4096

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return an algorithm of the list; EdDSA without a warning of its new name."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"Algorithm {name} is not allowed")
        return self.algorithms[name]


_REGISTRY = _Registry(algorithms=ALGORITHMS)


def sign(
    session: Session,
    claims: Mapping[str, Any],
    *,
    typ: str,
    keyring: Keyring,
    at: datetime,
) -> str:
    """Return claims signed with our current key, which is made on first use."""
    found = _current(session, keyring=keyring, at=at)
    key = ECKey.import_key(json.loads(keyring.unseal(_PURPOSE, found.sealed)))
    header = {"alg": OURS, "typ": typ, "kid": found.kid}
    return jwt.encode(header, dict(claims), key, registry=_REGISTRY)


def rotate(session: Session, *, keyring: Keyring, at: datetime) -> SigningKey:
    """Let the next key sign from now on, and publish one to come after it.

    What the old one signed is good until it expires. Who reads our keys has known
    the new one since the rotation before.
    """
    session.execute(_LOCK)
    for key in _live(session):
        if key.state == "current":
            key.state, key.retired_at = "retired", at
    session.flush()
    return _advance(session, keyring=keyring, at=at)


def rotate_if_old(session: Session, *, keyring: Keyring, at: datetime) -> bool:
    """Rotate a key that has signed for long enough; tell whether it was done."""
    session.execute(_LOCK)
    current = next((key for key in _live(session) if key.state == "current"), None)
    if current is None or current.current_at is None:
        return False
    if at - current.current_at < timedelta(days=SIGNING_KEY_DAYS):
        return False
    rotate(session, keyring=keyring, at=at)
    return True


def forget_retired(session: Session, *, at: datetime) -> None:
    """Forget keys of which nothing that they signed can still be good."""
    session.execute(delete(SigningKey).where(SigningKey.retired_at < at - RETIRED_FOR))


def published(session: Session, *, keyring: Keyring, at: datetime) -> dict[str, Any]:
    """Return our public keys: the next one, the current one, and those just retired."""
    _current(session, keyring=keyring, at=at)
    keys = session.scalars(
        select(SigningKey)
        .where(
            SigningKey.retired_at.is_(None) | (SigningKey.retired_at > at - RETIRED_FOR)
        )
        .order_by(SigningKey.made_at, SigningKey.kid)
    )
    return {"keys": [key.public for key in keys]}


def header_of(signed: str) -> dict[str, Any]:
    """Return the header of something signed, which nobody has verified yet.

    Raises `SignatureRefused`.
    """
    try:
        found = jws.extract_compact(signed.encode(), registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise SignatureRefused(fault="it is not a signed token") from error
    return dict(found.headers())


def unverified(signed: str) -> dict[str, Any]:
    """Return the claims of something signed, of which nothing may be believed yet.

    Raises `SignatureRefused`.
    """
    try:
        found = jws.extract_compact(signed.encode(), registry=_REGISTRY)
        claims = json.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise SignatureRefused(fault="it is not a signed token") from error
    if not isinstance(claims, dict):
        raise SignatureRefused(fault="it is not a signed token")
    return claims


def verified(
    signed: str, keys: Iterable[Key], *, typ: Collection[str]
) -> dict[str, Any]:
    """Return the claims that one of the keys has signed, under one of the types.

    Raises `SignatureRefused`.
    """
    header = header_of(signed)
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _KEY_TYPES:
        raise SignatureRefused(fault="the algorithm is not allowed")
    if str(header.get("typ", "JWT")).removeprefix("application/") not in typ:
        raise SignatureRefused(fault="the type is not the expected one")
    for key in keys:
        if key.key_type != _KEY_TYPES[algorithm]:
            continue
        if kid is not None and key.kid is not None and key.kid != kid:
            continue
        try:
            return jwt.decode(signed, key, registry=_REGISTRY).claims
        except (JoseError, ValueError):
            continue
    raise SignatureRefused(fault="the signature does not verify")


def check_times(claims: Mapping[str, Any], *, at: datetime, seconds_max: int) -> int:
    """Return when claims expire, if they are good now and not for too long.

    Raises `SignatureRefused`.
    """
    present = int(at.timestamp())
    expires = numeric(claims, "exp")
    if expires + SKEW_SECONDS < present:
        raise SignatureRefused(fault="it has expired")
    if expires > present + seconds_max + SKEW_SECONDS:
        raise SignatureRefused(fault="it expires too late")
    for name in ("iat", "nbf"):
        if name in claims and numeric(claims, name) > present + SKEW_SECONDS:
            raise SignatureRefused(fault=f"its {name} lies in the future")
    return expires


def numeric(claims: Mapping[str, Any], name: str) -> int:
    """Return a claim that must be a time.

    Raises `SignatureRefused`.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SignatureRefused(fault=f"it has no {name}")
    try:
        return int(value)
    except (OverflowError, ValueError) as error:
        raise SignatureRefused(fault=f"it has no {name}") from error


@lru_cache(maxsize=64)
def _public_key(as_json: str) -> Key:
    return jwk.import_key(json.loads(as_json))


def public_key(data: Mapping[str, Any]) -> Key:
    """Return a key of ours to verify with."""
    return _public_key(json.dumps(data, sort_keys=True))


def client_keys(jwks: object) -> tuple[Key, ...]:
    """Return the keys of a client, if they can be relied on.

    Raises `BadClientKey`.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= CLIENT_KEYS_MAX:
        raise BadClientKey(fault=f"1 to {CLIENT_KEYS_MAX} keys are needed")
    return tuple(sound_key(one) for one in listed)


def sound_key(data: object) -> Key:
    """Return a stranger's public key, if it is one that can be relied on.

    Raises `BadClientKey`.
    """
    if not isinstance(data, dict):
        raise BadClientKey(fault="a key is an object")
    if data.get("kty") not in _KEY_TYPES.values():
        raise BadClientKey(fault="only EC, RSA and OKP keys are taken")
    if {"d", "p", "q", "k"} & data.keys():
        raise BadClientKey(fault="the private half must stay with its owner")
    try:
        key = jwk.import_key(data)
        raw = key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadClientKey(fault="the key cannot be read") from error
    if key.key_type == "RSA":
        if too_short_rsa(getattr(raw, "key_size", 0)):
            raise BadClientKey(fault="an RSA key needs 2048 bits or more")
    elif unsound_curve(str(data.get("crv"))):
        raise BadClientKey(fault="only P-256 and Ed25519 are taken")
    return key


def _current(session: Session, *, keyring: Keyring, at: datetime) -> SigningKey:
    """Return the key that signs; the first two are made on first use."""
    wanted = select(SigningKey).where(SigningKey.state == "current")
    found = session.scalar(wanted)
    if found is not None:
        return found
    session.execute(_LOCK)
    return session.scalar(wanted) or _advance(session, keyring=keyring, at=at)


def _advance(session: Session, *, keyring: Keyring, at: datetime) -> SigningKey:
    """Make the next key the current one, and a new one the next."""
    coming = session.scalar(select(SigningKey).where(SigningKey.state == "next"))
    current = coming or _made(keyring, at)
    current.state, current.current_at = "current", at
    session.add(current)
    session.flush()
    session.add(_made(keyring, at))
    session.flush()
    return current


def _made(keyring: Keyring, at: datetime) -> SigningKey:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": OURS}, auto_kid=True)
    assert key.kid is not None
    return SigningKey(
        kid=key.kid,
        state="next",
        sealed=keyring.seal(_PURPOSE, json.dumps(key.as_dict(private=True))),
        public=key.as_dict(private=False),
        made_at=at,
    )


def _live(session: Session) -> list[SigningKey]:
    return list(
        session.scalars(
            select(SigningKey)
            .where(SigningKey.state != "retired")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )

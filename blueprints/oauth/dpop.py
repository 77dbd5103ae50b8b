"""Proof that whoever brings a token has the key it was given to (RFC 9449)."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import request
from sqlalchemy.orm import Session

from blueprints.oauth.issuer import is_same_address
from loyalty.clients.errors import BadClientKey, SignatureRefused
from loyalty.clients.operations import use_once
from loyalty.clients.rules import PROOF_SECONDS, SKEW_SECONDS, is_name
from loyalty.clients.signing import header_of, numeric, sound_key, verified

HEADER = "DPoP"
TYPE = "dpop+jwt"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds, but for having been used before."""

    jkt: str  # the thumbprint of its key (RFC 7638)
    jti: str
    made_at: int

    def use(self, session: Session, *, at: datetime) -> bool:
        """Tell whether it is used for the first time, and remember it."""
        expires_at = at + timedelta(seconds=PROOF_SECONDS + 2 * SKEW_SECONDS)
        return use_once(
            session, space="proof", owner=self.jkt, jti=self.jti, expires_at=expires_at
        )


def brought() -> str | None:
    """Return the proof of this request; None: there is none.

    Raises `SignatureRefused` if there are several.
    """
    found = request.headers.getlist(HEADER)
    if len(found) > 1 or (found and "," in found[0]):
        raise SignatureRefused(fault="there is more than one proof")
    return found[0] if found else None


def read(
    proof: str, *, method: str, address: str, at: datetime, token: str | None = None
) -> Proof:
    """Return a proof made for this method, this address, now, and this token if any.

    Raises `SignatureRefused`.
    """
    try:
        key = sound_key(header_of(proof).get("jwk"))
    except BadClientKey as error:
        raise SignatureRefused(fault="its key cannot be relied on") from error
    claims = verified(proof, (key,), typ=(TYPE,))
    jti, made_at = claims.get("jti"), numeric(claims, "iat")
    if not isinstance(jti, str) or not is_name(jti):
        raise SignatureRefused(fault="it has no jti")
    if claims.get("htm") != method:
        raise SignatureRefused(fault="its htm is not the method")
    if not isinstance(claims.get("htu"), str) or not is_same_address(
        claims["htu"], address
    ):
        raise SignatureRefused(fault="its htu is not the address")
    present = int(at.timestamp())
    if not present - PROOF_SECONDS <= made_at <= present + SKEW_SECONDS:
        raise SignatureRefused(fault="its iat is not now")
    if token is not None and claims.get("ath") != hash_of(token):
        raise SignatureRefused(fault="its ath is not of this token")
    return Proof(jkt=key.thumbprint(), jti=jti, made_at=made_at)


def hash_of(token: str) -> str:
    """Return what a proof says of the token it is brought with."""
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

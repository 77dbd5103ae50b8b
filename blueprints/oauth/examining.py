"""What an access token is worth, whoever brings it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from blueprints.oauth.issuer import issuer
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.queries import Standing, standing
from loyalty.clients.rules import ACCESS_TOKEN_SECONDS, opened_by
from loyalty.clients.signing import (
    check_times,
    header_of,
    public_key,
    unverified,
    verified,
)
from loyalty.clients.values import Caller
from loyalty.linking.queries import authorized_member

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type of a token, not one (RFC 9068)
BEARER, DPOP = "Bearer", "DPoP"


@dataclass(frozen=True, slots=True)
class Examined:
    """A token that is good, but for the key that it may be bound to."""

    claims: Mapping[str, Any]
    caller: Caller
    require_dpop: bool  # whether the client's profile asks for a bound token today


def examine(
    session: Session, token: str, *, at: datetime, present: datetime
) -> Examined:
    """Return a token that is ours, and good now in every respect.

    `at` is the real time, by which tokens go; `present` the programme's.

    Raises `SignatureRefused`.
    """
    told = unverified(token)
    stands_on = standing(
        session,
        kid=header_of(token).get("kid"),
        client_id=told.get("client_id"),
        jti=told.get("jti"),
        grant_id=_uuid(told.get("grant_id")),
        at=at,
    )
    if stands_on.public is None:
        raise SignatureRefused(fault="it was not signed with a key of ours")
    claims = verified(token, (public_key(stands_on.public),), typ=(TOKEN_TYPE,))
    if claims.get("iss") != issuer() or claims.get("aud") != issuer():
        raise SignatureRefused(fault="it was issued by or for another server")
    check_times(claims, at=at, seconds_max=ACCESS_TOKEN_SECONDS)
    if not stands_on.is_let_in or stands_on.partner is None:
        raise SignatureRefused(fault="its client is let in no more")
    if stands_on.is_revoked:
        raise SignatureRefused(fault="it was revoked")
    carried = frozenset(str(claims["scope"]).split()) & stands_on.scopes
    caller = Caller(
        client_id=claims["client_id"],
        partner=stands_on.partner,
        # A member's yes opens no more than the client may do for others.
        scopes=carried | (opened_by(carried) & stands_on.scopes),
        member_id=_member(session, claims, stands_on, present),
    )
    return Examined(claims, caller, stands_on.require_dpop)


def _member(
    session: Session, claims: Mapping[str, Any], stands_on: Standing, present: datetime
) -> int | None:
    """Return whose yes stands behind a token; None: it needs none."""
    if "grant_id" not in claims:
        return None
    member_id = None
    if stands_on.is_granted and stands_on.consent_ref is not None:
        member_id = authorized_member(
            session, consent_ref=stands_on.consent_ref, at=present
        )
    if member_id is None:
        raise SignatureRefused(fault="the consent behind it has ended")
    return member_id


def _uuid(told: object) -> str | None:
    try:
        return str(UUID(str(told)))
    except ValueError:
        return None

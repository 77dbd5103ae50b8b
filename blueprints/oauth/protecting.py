"""What a call to the API must bring, and who is calling.

A view says `requires_scope("accruals:write")` and asks `caller()`; who the partner
is comes from the token, never from the body.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import g, request
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.oauth import dpop
from blueprints.oauth.errors import (
    NotLetIn,
    ProofRefused,
    ScopeMissing,
    TokenMisplaced,
    TokenMissing,
    TokenRefused,
)
from blueprints.oauth.issuer import issuer, this_address
from blueprints.oauth.server import BEARER, DPOP, TOKEN_TYPE
from blueprints.sessions import declared
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.queries import Standing, standing
from loyalty.clients.rules import ACCESS_TOKEN_SECONDS, SCOPES, opened_by
from loyalty.clients.signing import (
    check_times,
    header_of,
    public_key,
    unverified,
    verified,
)
from loyalty.clients.values import Caller
from loyalty.clock import wall

F = TypeVar("F", bound=Callable[..., Any])


def requires_scope(*scopes: str) -> Callable[[F], F]:
    """Let machines in whose token carries all of these scopes.

    Raises `NotLetIn`, which is answered 401 or 403 with a challenge.
    """
    assert scopes, "a view needs some scope"
    assert set(scopes) <= set(SCOPES), "a view asks for a scope that there is"

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*arguments: Any, **options: Any) -> Any:
            g.caller, scheme = _identified()
            missing = [scope for scope in scopes if scope not in caller().scopes]
            if missing:
                raise ScopeMissing(scheme=scheme, scope=" ".join(scopes))
            return view(*arguments, **options)

        guarded.required_scopes = scopes  # type: ignore[attr-defined]
        return declared(cast("F", guarded), "token")

    return decorate


def caller() -> Caller:
    """Return the machine that calls, where one must have proved itself."""
    found = g.get("caller")
    assert isinstance(found, Caller), "the view does not say requires_scope"
    return found


def _identified() -> tuple[Caller, str]:
    """Return who calls, and the scheme in which its token was brought."""
    scheme, token = _brought()
    at = wall()
    try:
        with services().database.unit_of_work() as session:
            return _known(session, token, scheme=scheme, at=at), scheme
    except SignatureRefused as error:
        raise TokenRefused(scheme=scheme, fault=error.fault) from error


def _brought() -> tuple[str, str]:
    if "access_token" in request.args or "access_token" in request.form:
        raise TokenMisplaced(scheme=BEARER, fault="it was found in a parameter")
    found = request.headers.getlist("Authorization")
    if len(found) > 1:
        raise TokenMisplaced(scheme=BEARER, fault="there is more than one")
    scheme, _, token = (found[0] if found else "").partition(" ")
    named = {BEARER.lower(): BEARER, DPOP.lower(): DPOP}.get(scheme.lower())
    if named is None or not token.strip():
        raise TokenMissing(scheme=BEARER)
    return named, token.strip()


def _known(session: Session, token: str, *, scheme: str, at: datetime) -> Caller:
    """Return whom a token was given to, if it is good in every respect."""
    claims = unverified(token)
    stands_on = standing(
        session,
        kid=header_of(token).get("kid"),
        client_id=claims.get("client_id"),
        jti=claims.get("jti"),
        grant_id=_uuid(claims.get("grant_id")),
        at=at,
    )
    if stands_on.public is None:
        raise SignatureRefused(fault="it was not signed with a key of ours")
    claims = verified(token, (public_key(stands_on.public),), typ=(TOKEN_TYPE,))
    if claims.get("iss") != issuer() or claims.get("aud") != issuer():
        raise SignatureRefused(fault="it was issued by or for another server")
    check_times(claims, at=at, seconds_max=ACCESS_TOKEN_SECONDS)
    _check_standing(stands_on, claims)
    _check_key(session, token, claims, stands_on, scheme=scheme, at=at)
    carried = frozenset(str(claims["scope"]).split()) & stands_on.scopes
    assert stands_on.partner is not None
    return Caller(
        client_id=claims["client_id"],
        partner=stands_on.partner,
        # A member's yes opens no more than the client may do for others.
        scopes=carried | (opened_by(carried) & stands_on.scopes),
        member_id=None,
    )


def _check_standing(stands_on: Standing, claims: Mapping[str, Any]) -> None:
    if not stands_on.is_let_in:
        raise SignatureRefused(fault="its client is let in no more")
    if stands_on.is_revoked:
        raise SignatureRefused(fault="it was revoked")
    if "grant_id" in claims and not stands_on.is_granted:
        raise SignatureRefused(fault="the consent behind it has ended")


def _check_key(
    session: Session,
    token: str,
    claims: Mapping[str, Any],
    stands_on: Standing,
    *,
    scheme: str,
    at: datetime,
) -> None:
    """Check that a token that belongs to a key comes from who has it."""
    bound = claims.get("cnf", {}).get("jkt")
    if bound is None:
        if scheme == DPOP or stands_on.require_dpop:
            raise TokenRefused(scheme=DPOP, fault="it is bound to no key")
        return
    if scheme != DPOP:
        raise TokenRefused(scheme=DPOP, fault="it is bound to a key: use DPoP")
    try:
        brought = dpop.brought()
        if brought is None:
            raise ProofRefused(scheme=DPOP, fault="there is no proof")
        proof = dpop.read(
            brought, method=request.method, address=this_address(), at=at, token=token
        )
    except SignatureRefused as error:
        raise ProofRefused(scheme=DPOP, fault=error.fault) from error
    if proof.jkt != bound:
        raise ProofRefused(scheme=DPOP, fault="it was made with another key")
    if not proof.use(session, at=at):
        raise ProofRefused(scheme=DPOP, fault="it was used before")


def _uuid(told: object) -> str | None:
    try:
        return str(UUID(str(told)))
    except ValueError:
        return None


__all__ = ["Caller", "NotLetIn", "caller", "requires_scope"]

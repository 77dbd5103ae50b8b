"""What a call to the API must bring, and who is calling.

A view says `requires_scope("accruals:write")` and asks `caller()`; who the partner
is comes from the token, never from the body.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

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
from blueprints.oauth.examining import BEARER, DPOP, Examined, examine
from blueprints.oauth.issuer import this_address
from blueprints.sessions import declared
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.rules import SCOPES
from loyalty.clients.values import Caller
from loyalty.clock import now, wall

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
    found = examine(session, token, at=at, present=now())
    _check_key(session, token, found, scheme=scheme, at=at)
    return found.caller


def _check_key(
    session: Session,
    token: str,
    found: Examined,
    *,
    scheme: str,
    at: datetime,
) -> None:
    """Check that a token that belongs to a key comes from who has it."""
    bound = found.claims.get("cnf", {}).get("jkt")
    if bound is None:
        if scheme == DPOP or found.require_dpop:
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


__all__ = ["Caller", "NotLetIn", "caller", "requires_scope"]

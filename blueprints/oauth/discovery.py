"""What a client needs to know of us: addresses, ways, and keys."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.oauth import bp
from blueprints.oauth.issuer import address_of, issuer
from blueprints.sessions import public
from loyalty.clients.rules import AUTH_METHODS, KINDS, SCOPES
from loyalty.clients.signing import ALGORITHMS, published
from loyalty.clock import wall

_KEYS_SECONDS = 300  # shorter than the life of a key that is published and not used


@bp.get("/.well-known/oauth-authorization-server")
@public
def metadata() -> ResponseReturnValue:
    """Describe the authorization server (RFC 8414)."""
    return jsonify(
        issuer=issuer(),
        token_endpoint=address_of("oauth.token"),
        jwks_uri=address_of("oauth.jwks"),
        scopes_supported=[*SCOPES, *KINDS],
        response_types_supported=["code"],
        grant_types_supported=["client_credentials"],
        token_endpoint_auth_methods_supported=list(AUTH_METHODS),
        token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
        dpop_signing_alg_values_supported=list(ALGORITHMS),
    )


@bp.get("/oauth/jwks")
@public
def jwks() -> ResponseReturnValue:
    """Publish the keys that verify our tokens (RFC 7517)."""
    with services().database.unit_of_work() as session:
        keys = published(session, keyring=services().keyring, at=wall())
    answer = jsonify(keys)
    answer.cache_control.public = True
    answer.cache_control.max_age = _KEYS_SECONDS
    return answer

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
    proving = {
        f"{endpoint}_{name}": value
        for endpoint in (
            "token_endpoint",
            "revocation_endpoint",
            "introspection_endpoint",
        )
        for name, value in (
            ("auth_methods_supported", list(AUTH_METHODS)),
            ("auth_signing_alg_values_supported", list(ALGORITHMS)),
        )
    }
    return jsonify(
        issuer=issuer(),
        authorization_endpoint=address_of("oauth.authorize"),
        token_endpoint=address_of("oauth.token"),
        pushed_authorization_request_endpoint=address_of("oauth.par"),
        revocation_endpoint=address_of("oauth.revoke"),
        introspection_endpoint=address_of("oauth.introspect"),
        jwks_uri=address_of("oauth.jwks"),
        scopes_supported=[*SCOPES, *KINDS],
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=[
            "authorization_code",
            "client_credentials",
            "refresh_token",
        ],
        code_challenge_methods_supported=["S256"],
        authorization_response_iss_parameter_supported=True,
        dpop_signing_alg_values_supported=list(ALGORITHMS),
        **proving,
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

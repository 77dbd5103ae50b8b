"""What a client wants to ask a member, pushed before the browser comes (RFC 9126).

What is asked is checked here, where the client can be told; the browser only carries
the name under which it is kept.
"""

from collections.abc import Mapping
from typing import Any, Final

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.endpoint import Endpoint
from authlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from blueprints.oauth.authenticating import Client
from blueprints.oauth.issuer import address_of
from loyalty.clients.rules import AUTH_METHODS, PUSHED_SECONDS, is_name
from loyalty.clients.tokens import push
from loyalty.errors import LoyaltyError
from loyalty.linking.models import LinkConsent
from loyalty.linking.operations import ask
from loyalty.linking.queries import consent, state_of

URN: Final = "urn:ietf:params:oauth:request_uri:"
_KEPT: Final = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
)
_CHARS_MAX: Final = 2_000


def pushed_request(asked: Mapping[str, str]) -> OAuth2Request:
    """Return what was asked as the request of an authorization."""
    request = OAuth2Request("GET", address_of("oauth.authorize"))
    request.payload = BasicOAuth2Payload(dict(asked))
    return request


def keep(server: Any, client: Client, told: Mapping[str, str]) -> str:
    """Check what a client asks, and keep it; return the name for the browser.

    Raises errors of the protocol.
    """
    if "request_uri" in told or "request" in told:
        raise InvalidRequestError("A request is pushed in parameters, once.")
    asked = {name: told[name] for name in _KEPT if told.get(name)}
    asked["client_id"] = client.client_id
    if not all(_is_plain(value) for value in asked.values()):
        raise InvalidRequestError("A parameter is too long, or not plain ASCII.")
    if "dpop_jkt" in asked and server.jkt not in (None, asked["dpop_jkt"]):
        raise InvalidRequestError("The dpop_jkt is not the key that was proved.")
    if server.jkt is not None:
        asked["dpop_jkt"] = server.jkt
    # Authlib would repeat what it was told, which may not be repeatable.
    if not client.check_redirect_uri(asked.get("redirect_uri", "")):
        raise InvalidRequestError("The redirect_uri was not registered.")
    if asked.get("response_type") != "code":
        raise UnsupportedResponseTypeError(asked.get("response_type"))
    grant = server.get_authorization_grant(pushed_request(asked))
    grant.validate_authorization_request()
    name = push(
        server.session,
        client_id=client.client_id,
        asked=asked,
        consent_ref=_consent(server, client, told).consent_ref,
        keyring=server.keyring,
        at=server.at,
    )
    return f"{URN}{name}"


def _consent(server: Any, client: Client, told: Mapping[str, str]) -> LinkConsent:
    """Return what the member is to decide: asked for before, or now."""
    kinds = told["scope"].split()
    named = told.get("link_consent")
    try:
        if named is None:
            return ask(
                server.session,
                client=client.row,
                account_ref=told.get("account_ref", ""),
                kinds=kinds,
                keyring=server.keyring,
                at=server.present,
            )
        if not is_name(named):
            raise InvalidRequestError("The link_consent is not known.")
        found = consent(server.session, consent_ref=named, partner=client.row.partner)
    except LoyaltyError as error:
        raise InvalidRequestError(error.title.replace('"', "'")) from error
    if state_of(found, at=server.present) != "awaiting_authorization":
        raise InvalidRequestError("The link_consent can be decided no more.")
    if set(found.kinds) != set(kinds):
        raise InvalidScopeError("The scope is not what the link_consent is about.")
    return found


def _is_plain(value: str) -> bool:
    return len(value) <= _CHARS_MAX and value.isascii() and value.isprintable()


class Pushing(Endpoint):  # type: ignore[misc]  # Authlib carries no types
    """Takes in what a client wants to ask."""

    ENDPOINT_NAME = "pushed_authorization_request"

    def create_endpoint_response(
        self, request: OAuth2Request
    ) -> tuple[int, dict[str, Any], Any]:
        """Check and keep what is asked; an error is told, and sends no browser."""
        client: Client = self.server.authenticate_client(
            request, AUTH_METHODS, self.ENDPOINT_NAME
        )
        if request.form.get("client_id", client.client_id) != client.client_id:
            raise InvalidRequestError("The client_id is not who calls.")
        self.server.bind(client, may_wait=True)
        try:
            name = keep(self.server, client, request.form)
        except OAuth2Error as error:
            error.redirect_uri = None
            raise
        answer = {"request_uri": name, "expires_in": PUSHED_SECONDS}
        return 201, answer, default_json_headers

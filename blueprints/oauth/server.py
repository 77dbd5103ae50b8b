"""Authlib's server over one unit of work: what fails is answered, and kept.

Authlib's own helpers commit by themselves and keep tokens in clear; neither is used.
What a refusal has to leave behind (an assertion that has served, a family of tokens
that was ended) is committed with the answer.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload
from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import ClientCredentialsGrant, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from flask import Response, request
from sqlalchemy.orm import Session

from blueprints.oauth import dpop
from blueprints.oauth.authenticating import Authenticating, Client
from blueprints.oauth.issuer import address_of, issuer, this_address
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.operations import missing_scopes
from loyalty.clients.queries import live_client
from loyalty.clients.rules import ACCESS_TOKEN_SECONDS, AUTH_METHODS, KINDS, SCOPES
from loyalty.clients.signing import sign
from loyalty.keyring import Keyring

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type of a token, not one (RFC 9068)
BEARER, DPOP = "Bearer", "DPoP"


class InvalidProof(OAuth2Error):  # type: ignore[misc]  # Authlib carries no types
    """The proof of a key is missing or not good (RFC 9449)."""

    error = "invalid_dpop_proof"


class _Asked(OAuth2Request):  # type: ignore[misc]  # Authlib carries no types
    """This request, at the address by which the outside world calls it.

    Authlib looks there whether the way is safe; behind a proxy only that one is.
    """

    def __init__(self) -> None:
        super().__init__(request.method, this_address(), headers=request.headers)
        self.payload = FlaskOAuth2Payload(request)

    @property
    def form(self) -> Mapping[str, str]:
        """What was sent in the body."""
        return request.form


class Server(AuthorizationServer):  # type: ignore[misc]  # Authlib carries no types
    """The authorization server for one request."""

    def __init__(self, session: Session, *, keyring: Keyring, at: datetime) -> None:
        super().__init__(scopes_supported=[*SCOPES, *KINDS])
        self.session, self.keyring, self.at = session, keyring, at
        self.jkt: str | None = None  # None: tokens are bound to no key
        proving = Authenticating(session, keyring=keyring, audiences=_audiences, at=at)
        self.register_client_auth_method("private_key_jwt", proving.by_key)
        self.register_client_auth_method("client_secret_basic", proving.by_secret)
        self.register_grant(ClientCredentials)

    def query_client(self, client_id: str) -> Client | None:
        """Return a client that is let in; None: there is none."""
        found = live_client(self.session, client_id=client_id)
        return None if found is None else Client(found)

    def create_oauth2_request(self, _request: object) -> OAuth2Request:
        """Return this request: its form alone, each field once."""
        if request.args:
            raise InvalidRequestError("Parameters belong in the body.")
        if any(len(values) > 1 for _, values in request.form.lists()):
            raise InvalidRequestError("A parameter was sent twice.")
        return _Asked()

    def bind(self, client: Client) -> None:
        """Bind what is given out now to the key that is proved, if one is.

        Raises `InvalidProof` if it is not good, or missing and asked of the client.
        """
        try:
            brought = dpop.brought()
            if brought is None:
                if client.row.require_dpop:
                    raise InvalidProof("This client must bring a DPoP proof.")
                return
            proof = dpop.read(
                brought, method=request.method, address=this_address(), at=self.at
            )
        except SignatureRefused as error:
            raise InvalidProof(f"The DPoP proof is refused: {error.fault}.") from error
        if not proof.use(self.session, at=self.at):
            raise InvalidProof("The DPoP proof was used before.")
        self.jkt = proof.jkt

    def generate_token(
        self,
        *,
        client: Client,
        scope: str,
        user: Any = None,
        **_ignored: object,
    ) -> dict[str, Any]:
        """Return an access token that says all that is needed to verify it."""
        present = int(self.at.timestamp())
        claims: dict[str, Any] = {
            "iss": issuer(),
            "aud": issuer(),
            "sub": client.client_id if user is None else user.consent_ref,
            "client_id": client.client_id,
            "scope": scope,
            "iat": present,
            "exp": present + ACCESS_TOKEN_SECONDS,
            "jti": uuid4().hex,
        }
        if user is not None:
            claims["grant_id"] = str(user.grant_id)
        if self.jkt is not None:
            claims["cnf"] = {"jkt": self.jkt}
        return {
            "access_token": sign(
                self.session, claims, typ=TOKEN_TYPE, keyring=self.keyring, at=self.at
            ),
            "token_type": BEARER if self.jkt is None else DPOP,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": scope,
        }

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Keep nothing: access tokens carry what is needed to verify them."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""

    def handle_response(
        self, status: int, body: object, headers: list[tuple[str, str]]
    ) -> Response:
        """Return an answer as Flask sends it."""
        said = json.dumps(body) if isinstance(body, dict) else body
        return Response(str(said), status=status, headers=headers)

    def refuse(self, error: OAuth2Error) -> Response:
        """Answer with an error of the protocol."""
        return self.handle_response(*error())


class ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]  # no types
    """A partner's system acts in its own name."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[tuple[str, ...]] = AUTH_METHODS

    def validate_requested_scope(self) -> None:
        """Let a client have what it asks for, or all it may have if it names nothing.

        Raises `InvalidScopeError` for what it may not have, and for what only a
        member can give.
        """
        client: Client = self.request.client
        asked = (self.request.payload.scope or "").split() or sorted(
            set(client.row.scopes) - set(KINDS)
        )
        if missing_scopes(client.row, asked) or set(asked) & set(KINDS):
            raise InvalidScopeError("The client may not have one of these scopes.")
        self.server.bind(client)
        self.granted = " ".join(dict.fromkeys(asked))

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Return the token."""
        token = self.server.generate_token(client=self.client, scope=self.granted)
        return 200, token, self.TOKEN_RESPONSE_HEADER


def _audiences() -> tuple[str, ...]:
    """Return what an assertion for us may be addressed to (FAPI 2.0, RFC 7523)."""
    return (issuer(), address_of("oauth.token"))

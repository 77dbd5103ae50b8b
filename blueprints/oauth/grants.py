"""The ways to come by a token (RFC 6749), as Authlib carries them out."""

import secrets
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    AuthorizationCodeMixin,
    ClientCredentialsGrant,
    OAuth2Request,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
)
from authlib.oauth2.rfc7636 import CodeChallenge

from blueprints.oauth.authenticating import Client
from loyalty.clients import tokens
from loyalty.clients.models import Grant
from loyalty.clients.operations import missing_scopes
from loyalty.clients.rules import AUTH_METHODS, KINDS
from loyalty.clients.tokens import Presented
from loyalty.clock import real
from loyalty.linking.models import LinkConsent
from loyalty.linking.queries import authorized_member

_CODE_BYTES = 32


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


class S256(CodeChallenge):  # type: ignore[misc]  # Authlib carries no types
    """Asks every client for a challenge, and for none but this kind (RFC 7636).

    Authlib by itself asks public clients only, and takes challenges in clear.
    """

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar[list[str]] = ["S256"]

    def validate_code_challenge(self, grant: "Code", redirect_uri: str) -> None:
        """Ask for the challenge when the member is asked."""
        told = grant.request.payload.data
        if not told.get("code_challenge") or not told.get("code_challenge_method"):
            raise InvalidRequestError("PKCE with S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(
        self, authorization_code: "_Code"
    ) -> str:
        """Return the one kind there is."""
        del authorization_code
        return "S256"


class _Code(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib carries no types
    """A code that was presented, as Authlib asks about it."""

    def __init__(self, presented: Presented) -> None:
        self.presented = presented
        self.code_challenge = presented.code_challenge

    def get_redirect_uri(self) -> str:
        """Return where the browser was sent with it."""
        return self.presented.redirect_uri

    def get_scope(self) -> str:
        """Return what the member gave."""
        return " ".join(self.presented.grant.scopes)


class Code(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib carries no types
    """A member lets a client act for them; the browser carries a code."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[tuple[str, ...]] = AUTH_METHODS

    def validate_requested_scope(self) -> None:
        """Let a client ask a member for kinds of consent alone.

        Raises `InvalidScopeError`.
        """
        asked = (self.request.payload.scope or "").split()
        if not asked or set(asked) - set(KINDS):
            raise InvalidScopeError("A member is asked for kinds of consent.")

    def generate_authorization_code(self) -> str:
        """Return a code made by chance."""
        return secrets.token_urlsafe(_CODE_BYTES)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Keep the code, with what the member's yes gives."""
        server, consent = self.server, request.user
        assert isinstance(consent, LinkConsent)
        granted = tokens.grant(
            server.session,
            client_id=request.client.client_id,
            consent_ref=consent.consent_ref,
            scopes=consent.kinds,
            expires_at=real(consent.expires_at),
            at=server.at,
        )
        told = request.payload.data
        tokens.issue_code(
            server.session,
            code=code,
            grant_id=granted.grant_id,
            redirect_uri=told["redirect_uri"],
            code_challenge=told["code_challenge"],
            dpop_jkt=told.get("dpop_jkt"),
            keyring=server.keyring,
            at=server.at,
        )

    def query_authorization_code(self, code: str, client: Client) -> _Code | None:
        """Return a code that is good; one that was spent ends its family."""
        server = self.server
        found = tokens.present_code(
            server.session,
            code=code,
            client_id=client.client_id,
            keyring=server.keyring,
            at=server.at,
        )
        return None if found is None else _Code(found)

    def validate_token_request(self) -> None:
        """Check the code, and the key it is bound to.

        Raises errors of the protocol.
        """
        super().validate_token_request()
        self.server.bind(self.request.client)
        bound = self.request.authorization_code.presented.dpop_jkt
        if bound is not None and bound != self.server.jkt:
            raise InvalidGrantError("The code is bound to another key.")

    def authenticate_user(self, authorization_code: _Code) -> Grant | None:
        """Return the grant of a code, while the member's consent holds."""
        return _while_it_holds(self.server, authorization_code.presented.grant)

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """Use the code up; it is kept, to be known when it comes again."""
        server = self.server
        tokens.spend_code(
            server.session, key=authorization_code.presented.key, at=server.at
        )


class _Refresh:
    """A refresh token that was presented, as Authlib asks about it."""

    def __init__(self, presented: Presented) -> None:
        self.presented = presented

    def check_client(self, client: Client) -> bool:
        """Whether it was given to this client."""
        return self.presented.grant.client_id == client.client_id

    def get_scope(self) -> str:
        """Return what the member gave."""
        return " ".join(self.presented.grant.scopes)


class Refresh(RefreshTokenGrant):  # type: ignore[misc]  # Authlib carries no types
    """The next token for the last; a token that comes twice ends the family."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[tuple[str, ...]] = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def validate_token_request(self) -> None:
        """Check the token, and the key of the new one.

        Raises errors of the protocol.
        """
        super().validate_token_request()
        self.server.bind(self.request.client)

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        """Return a token that is good; one that was spent ends its family."""
        server = self.server
        found = tokens.present_refresh(
            server.session,
            token=refresh_token,
            client_id=self.request.client.client_id,
            keyring=server.keyring,
            at=server.at,
        )
        return None if found is None else _Refresh(found)

    def authenticate_user(self, refresh_token: _Refresh) -> Grant | None:
        """Return the grant of a token, while the member's consent holds."""
        return _while_it_holds(self.server, refresh_token.presented.grant)

    def revoke_old_credential(self, refresh_token: _Refresh) -> None:
        """Use the token up; it is kept, to be known when it comes again."""
        server = self.server
        tokens.spend_refresh(
            server.session, key=refresh_token.presented.key, at=server.at
        )


def _while_it_holds(server: Any, granted: Grant) -> Grant | None:
    member_id = authorized_member(
        server.session, consent_ref=granted.consent_ref, at=server.present
    )
    return None if member_id is None else granted

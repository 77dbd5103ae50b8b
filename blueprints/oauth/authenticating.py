"""How a client proves who it is: with a secret, or with a key (RFC 7523)."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from sqlalchemy.orm import Session

from loyalty.clients.errors import SignatureRefused
from loyalty.clients.models import PartnerClient
from loyalty.clients.operations import is_secret, missing_scopes, use_once
from loyalty.clients.rules import (
    ASSERTION_SECONDS_MAX,
    KINDS,
    SKEW_SECONDS,
    is_name,
)
from loyalty.clients.signing import check_times, client_keys, unverified, verified
from loyalty.keyring import Keyring

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TYPES = ("JWT", "client-authentication+jwt")


class Client(ClientMixin):  # type: ignore[misc]  # Authlib carries no types
    """A client as Authlib asks about it."""

    def __init__(self, row: PartnerClient) -> None:
        self.row = row
        self.client_id = row.client_id

    def get_client_id(self) -> str:
        """Return its identifier."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Return none: a client names its way back each time."""
        return None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether a way back was registered, letter for letter."""
        return redirect_uri in self.row.redirect_uris

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return what was asked for; None: it may not have all of it."""
        asked = (scope or "").split()
        return None if missing_scopes(self.row, asked) else " ".join(asked)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether this is its way to prove itself, wherever it calls."""
        del endpoint
        return method == self.row.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may ask members: then it has a way back."""
        return response_type == "code" and self.may_ask_members

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may come by a token so."""
        if grant_type == "client_credentials":
            return bool(set(self.row.scopes) - set(KINDS))
        return self.may_ask_members

    @property
    def may_ask_members(self) -> bool:
        """Whether it may ask members for their consent."""
        return bool(self.row.redirect_uris) and bool(set(self.row.scopes) & set(KINDS))


class Authenticating:
    """Tells who calls, over one unit of work."""

    def __init__(
        self,
        session: Session,
        *,
        keyring: Keyring,
        audiences: Callable[[], tuple[str, ...]],
        at: datetime,
    ) -> None:
        self._session, self._keyring = session, keyring
        self._audiences, self._at = audiences, at

    def by_secret(
        self, query_client: Callable[[str], Client | None], request: OAuth2Request
    ) -> Client | None:
        """Return who brings its secret in the header (RFC 6749, 2.3.1)."""
        told = _basic(request.headers.get("Authorization", ""))
        if told is None:
            return None
        if request.form.get("client_assertion"):
            raise InvalidRequestError("A client proves itself one way at a time.")
        client_id, secret = told
        found = query_client(client_id)
        if found is None or not is_secret(found.row, secret, keyring=self._keyring):
            return None
        return found

    def by_key(
        self, query_client: Callable[[str], Client | None], request: OAuth2Request
    ) -> Client | None:
        """Return who has signed an assertion for us, which serves once."""
        assertion = request.form.get("client_assertion")
        if not assertion:
            return None
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidRequestError("The client_assertion_type is not known.")
        try:
            return self._signed(assertion, query_client, request)
        except SignatureRefused as error:
            fault = f"The client assertion is refused: {error.fault}."
            raise InvalidClientError(fault, status_code=401) from error

    def _signed(
        self,
        assertion: str,
        query_client: Callable[[str], Client | None],
        request: OAuth2Request,
    ) -> Client | None:
        client_id = unverified(assertion).get("sub")
        if not isinstance(client_id, str):
            raise SignatureRefused(fault="it has no sub")
        if request.form.get("client_id", client_id) != client_id:
            raise SignatureRefused(fault="its sub is not the client_id")
        found = query_client(client_id)
        if found is None or found.row.jwks is None:
            return None
        claims = verified(assertion, client_keys(found.row.jwks), typ=_TYPES)
        if claims.get("iss") != client_id or claims.get("sub") != client_id:
            raise SignatureRefused(fault="its iss is not the client")
        if not self._is_for_us(claims.get("aud")):
            raise SignatureRefused(fault="its aud is not this server")
        expires = check_times(claims, at=self._at, seconds_max=ASSERTION_SECONDS_MAX)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not is_name(jti):
            raise SignatureRefused(fault="it has no jti")
        until = datetime.fromtimestamp(expires, UTC) + timedelta(seconds=SKEW_SECONDS)
        if not use_once(
            self._session, space="assertion", owner=client_id, jti=jti, expires_at=until
        ):
            raise SignatureRefused(fault="it was used before")
        return found

    def _is_for_us(self, audience: Any) -> bool:
        """Whether an assertion is meant for us alone."""
        if isinstance(audience, list) and len(audience) == 1:
            (audience,) = audience
        return isinstance(audience, str) and audience in self._audiences()


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, told = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(told).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None

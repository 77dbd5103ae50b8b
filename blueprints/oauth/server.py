"""Authlib's server over one unit of work: what fails is answered, and kept.

Authlib's own helpers commit by themselves and keep tokens in clear; neither is used.
What a refusal has to leave behind (an assertion that has served, a family of tokens
that was ended) is committed with the answer.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload
from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Response, request
from sqlalchemy.orm import Session

from blueprints.oauth import dpop
from blueprints.oauth.authenticating import Authenticating, Client
from blueprints.oauth.ending import Introspecting, Revoking
from blueprints.oauth.examining import BEARER, DPOP, TOKEN_TYPE
from blueprints.oauth.grants import S256, ClientCredentials, Code, Refresh
from blueprints.oauth.issuer import address_of, issuer, this_address
from blueprints.oauth.pushing import Pushing, pushed_request
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.models import Grant
from loyalty.clients.queries import live_client
from loyalty.clients.rules import ACCESS_TOKEN_SECONDS, KINDS, SCOPES
from loyalty.clients.signing import sign
from loyalty.clients.tokens import issue_refresh
from loyalty.keyring import Keyring
from loyalty.linking.models import LinkConsent

log = logging.getLogger(__name__)


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
    """The authorization server for one request.

    Tokens go by the real time, for strangers' clocks are not ours to turn; consents
    go by the programme's.
    """

    def __init__(
        self, session: Session, *, keyring: Keyring, at: datetime, present: datetime
    ) -> None:
        super().__init__(scopes_supported=[*SCOPES, *KINDS])
        self.session, self.keyring = session, keyring
        self.at, self.present = at, present
        self.jkt: str | None = None  # None: tokens are bound to no key
        proving = Authenticating(session, keyring=keyring, audiences=_audiences, at=at)
        self.proofs = {
            "private_key_jwt": proving.by_key,
            "client_secret_basic": proving.by_secret,
        }
        self.register_grant(ClientCredentials)
        self.register_grant(Code, [S256()])
        self.register_grant(Refresh)
        self.register_endpoint(Pushing)
        self.register_endpoint(Revoking)
        self.register_endpoint(Introspecting)
        self.register_extension(_Issuer())

    def query_client(self, client_id: str) -> Client | None:
        """Return a client that is let in; None: there is none."""
        found = live_client(self.session, client_id=client_id)
        return None if found is None else Client(found)

    def authenticate_client(
        self, request: OAuth2Request, methods: Sequence[str], endpoint: str = "token"
    ) -> Client:
        """Return who calls.

        Raises `InvalidClientError`, which says of a secret only that it is wrong.
        """
        for method in methods:
            found = self.proofs[method](self.query_client, request)
            if found is not None and found.check_endpoint_auth_method(method, endpoint):
                request.auth_method = method
                return found
        log.info("a client could not prove who it is at %s", endpoint)
        raise InvalidClientError("The client could not prove itself.", status_code=401)

    def create_oauth2_request(self, _request: object) -> OAuth2Request:
        """Return this request: its form alone, each field once."""
        if request.args:
            raise InvalidRequestError("Parameters belong in the body.")
        if any(len(values) > 1 for _, values in request.form.lists()):
            raise InvalidRequestError("A parameter was sent twice.")
        return _Asked()

    def bind(self, client: Client, *, may_wait: bool = False) -> None:
        """Bind what is given out now to the key that is proved, if one is.

        While a member is still to be asked, the proof may wait for the token.

        Raises `InvalidProof` if it is not good, or missing and asked of the client.
        """
        try:
            brought = dpop.brought()
            if brought is None:
                if client.row.require_dpop and not may_wait:
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
        user: Grant | None = None,
        include_refresh_token: bool = False,
        **_ignored: object,
    ) -> dict[str, Any]:
        """Return an access token that says all that is needed to verify it.

        Where a member's yes stands behind it, its subject is the consent: the same
        member has another name at every partner.
        """
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
        token = {
            "access_token": sign(
                self.session, claims, typ=TOKEN_TYPE, keyring=self.keyring, at=self.at
            ),
            "token_type": BEARER if self.jkt is None else DPOP,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "scope": scope,
        }
        if user is not None and include_refresh_token:
            token["refresh_token"] = issue_refresh(
                self.session, found=user, keyring=self.keyring, at=self.at
            )
        return token

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

    def answer_member(
        self, asked: Mapping[str, str], consent: LinkConsent | None
    ) -> Response:
        """Send the browser back to who asked: with a code, or with a no (None).

        Our name goes with it, so that nobody else's answer is taken for ours.
        """
        said = pushed_request(asked)
        grant = self.get_authorization_grant(said)
        answer: Response = self.create_authorization_response(
            said, grant_user=consent, grant=grant
        )
        # What was posted here must not be posted there.
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer

    def name_us(self, answer: Response) -> None:
        """Put our name into an answer that a browser carries."""
        _Issuer().add_issuer_parameter(self, answer)

    def refuse(self, error: OAuth2Error) -> Response:
        """Answer with an error of the protocol."""
        return self.handle_response(*error())


class _Issuer(IssuerParameter):  # type: ignore[misc]  # Authlib carries no types
    """Names us in each answer that a browser carries (RFC 9207)."""

    def get_issuer(self) -> str:
        """Return our name."""
        return issuer()


def _audiences() -> tuple[str, ...]:
    """Return what an assertion for us may be addressed to (FAPI 2.0, RFC 7523)."""
    return (issuer(), address_of("oauth.token"), this_address())

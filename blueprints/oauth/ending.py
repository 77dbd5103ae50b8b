"""Taking tokens back (RFC 7009), and telling what they are worth (RFC 7662)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from blueprints.oauth.authenticating import Client
from blueprints.oauth.examining import BEARER, DPOP, Examined, examine
from blueprints.oauth.issuer import issuer
from loyalty.clients.errors import SignatureRefused
from loyalty.clients.models import Grant
from loyalty.clients.operations import revoke_token
from loyalty.clients.rules import AUTH_METHODS, SKEW_SECONDS
from loyalty.clients.tokens import end_grant, is_unspent, refresh_grant
from loyalty.linking.queries import authorized_member

# A token of another server, expired or changed is nobody's: there is nothing to end.


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token that is good, as Authlib asks about it."""

    examined: Examined

    def check_client(self, client: Client) -> bool:
        """Whether it was given to this client."""
        return bool(self.examined.caller.client_id == client.client_id)

    def is_expired(self) -> bool:
        """Whether its time is over: then it would not be good."""
        return False

    def is_revoked(self) -> bool:
        """Whether it was taken back: then it would not be good."""
        return False

    def revoke(self, server: Any) -> None:
        """Take it back, until it would have expired."""
        claims = self.examined.claims
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        revoke_token(
            server.session,
            jti=claims["jti"],
            expires_at=expires + timedelta(seconds=2 * SKEW_SECONDS),
        )

    def told(self) -> dict[str, Any]:
        """Return what may be told of it."""
        claims = self.examined.claims
        names = ("iss", "aud", "sub", "client_id", "iat", "exp", "jti", "cnf")
        said = {name: claims[name] for name in names if name in claims}
        return said | {
            "active": True,
            "scope": " ".join(sorted(self.examined.caller.scopes)),
            "token_type": DPOP if "cnf" in claims else BEARER,
        }


@dataclass(frozen=True, slots=True)
class LongToken:
    """A refresh token, as Authlib asks about it."""

    grant: Grant
    is_good: bool

    def check_client(self, client: Client) -> bool:
        """Whether it was given to this client."""
        return bool(self.grant.client_id == client.client_id)

    def is_expired(self) -> bool:
        """Whether it is good no more."""
        return not self.is_good

    def is_revoked(self) -> bool:
        """Whether it was taken back, with all its family."""
        return self.grant.revoked_at is not None

    def revoke(self, server: Any) -> None:
        """Take it back, with all its family."""
        end_grant(
            server.session,
            grant_id=self.grant.grant_id,
            reason="revoked_by_client",
            at=server.at,
        )

    def told(self) -> dict[str, Any]:
        """Return what may be told of it."""
        return {
            "active": True,
            "iss": issuer(),
            "sub": self.grant.consent_ref,
            "client_id": self.grant.client_id,
            "scope": " ".join(self.grant.scopes),
            "exp": int(self.grant.expires_at.timestamp()),
        }


class _Finding:
    """Finds a token whatever its kind: the hint only saves time (RFC 7009, 2.1)."""

    CLIENT_AUTH_METHODS: ClassVar[tuple[str, ...]] = AUTH_METHODS
    server: Any

    def query_token(
        self, token: str, hint: str | None
    ) -> "AccessToken | LongToken | None":
        """Return a token; None: it is not good, or was never ours."""
        del hint
        server = self.server
        found = refresh_grant(server.session, token=token, keyring=server.keyring)
        if found is not None:
            holds = authorized_member(
                server.session, consent_ref=found.consent_ref, at=server.present
            )
            unspent = is_unspent(
                server.session, token=token, keyring=server.keyring, at=server.at
            )
            return LongToken(found, is_good=unspent and holds is not None)
        try:
            return AccessToken(
                examine(server.session, token, at=server.at, present=server.present)
            )
        except SignatureRefused:
            return None


class Revoking(_Finding, RevocationEndpoint):  # type: ignore[misc]  # no types
    """Takes tokens back that a client needs no more, or has lost."""

    def revoke_token(
        self, token: AccessToken | LongToken, request: OAuth2Request
    ) -> None:
        """Take a token back."""
        del request
        token.revoke(self.server)


class Introspecting(_Finding, IntrospectionEndpoint):  # type: ignore[misc]  # no types
    """Tells a client about its own tokens; of others it learns nothing."""

    def check_permission(
        self, token: AccessToken | LongToken, client: Client, request: OAuth2Request
    ) -> bool:
        """Whether a client may learn of a token."""
        del request
        return token.check_client(client)

    def introspect_token(self, token: AccessToken | LongToken) -> dict[str, Any]:
        """Return what a token is worth."""
        return token.told()

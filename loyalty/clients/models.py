"""Tables of partners' machines, and of what they were given.

What opens a door is kept as a keyed hash only. Secrets, codes and tokens are made
here of 256 bits by chance: nobody guesses them, so that a slow hash would only slow
us down; a password is another matter.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.clients.rules import AUTH_METHODS
from loyalty.database import Base


class PartnerClient(Base):
    """A partner's machine, as the authorization server knows it."""

    __tablename__ = "partner_client"
    __table_args__ = (
        CheckConstraint(
            f"auth_method IN ({', '.join(repr(one) for one in AUTH_METHODS)})",
            name="auth_method_known",
        ),
        CheckConstraint(
            "CASE auth_method WHEN 'private_key_jwt' THEN secret_hash IS NULL"
            " ELSE jwks IS NULL END",
            name="proves_itself_one_way",
        ),
        CheckConstraint("cardinality(scopes) > 0", name="may_do_something"),
        Index(None, "partner"),
    )

    client_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    name: Mapped[str]
    contact: Mapped[str]  # told to members who are asked; empty: asks none
    auth_method: Mapped[str]
    secret_hash: Mapped[bytes | None]  # None: none was made yet, or it has keys
    jwks: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # None: none were given yet, or it has a secret
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    require_dpop: Mapped[bool]
    require_par: Mapped[bool]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]  # None: is let in


class SigningKey(Base):
    """A key of ours: published before it signs, and for a while after."""

    __tablename__ = "oauth_key"
    __table_args__ = (
        CheckConstraint("state IN ('next', 'current', 'retired')", name="state_known"),
        CheckConstraint(
            "(state = 'retired') = (retired_at IS NOT NULL)", name="retired_whole"
        ),
        Index(
            "oauth_key_one_of_a_kind",
            "state",
            unique=True,
            postgresql_where=text("state <> 'retired'"),
        ),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    sealed: Mapped[bytes]  # the private half
    public: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    current_at: Mapped[datetime | None]  # None: has not signed yet
    retired_at: Mapped[datetime | None]  # None: has not been replaced


class UsedOnce(Base):
    """The name of an assertion or a proof that has served, until it expires."""

    __tablename__ = "oauth_used_once"
    __table_args__ = (Index(None, "expires_at"),)

    key: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class RevokedToken(Base):
    """An access token that was taken back before it expired."""

    __tablename__ = "oauth_revoked_token"
    __table_args__ = (Index(None, "expires_at"),)

    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class PushedRequest(Base):
    """What a client wants to ask a member, pushed before the browser comes."""

    __tablename__ = "oauth_pushed_request"
    __table_args__ = (Index(None, "expires_at"),)

    request_hash: Mapped[bytes] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("partner_client.client_id"))
    asked: Mapped[dict[str, str]] = mapped_column(JSONB)
    consent_ref: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # None: can still be answered


class Grant(Base):
    """What one yes of a member gave a client; every token of it falls with it."""

    __tablename__ = "oauth_grant"
    __table_args__ = (Index(None, "consent_ref"),)

    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("partner_client.client_id"))
    consent_ref: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]  # None: holds
    revoke_reason: Mapped[str | None]  # None: holds


class AuthorizationCode(Base):
    """The code a browser carries back to the client, good once and for a minute."""

    __tablename__ = "oauth_code"
    __table_args__ = (Index(None, "expires_at"),)

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grant.grant_id"))
    redirect_uri: Mapped[str]
    code_challenge: Mapped[str]
    dpop_jkt: Mapped[str | None]  # None: bound to no key
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # None: not yet


class RefreshToken(Base):
    """A token for more access tokens; used once, for it is replaced by the next."""

    __tablename__ = "oauth_refresh_token"
    __table_args__ = (Index(None, "expires_at"),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("oauth_grant.grant_id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # None: not yet

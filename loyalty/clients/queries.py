"""Read which machines partners have, and what a token stands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.clients.errors import UnknownClient
from loyalty.clients.models import PartnerClient, SigningKey
from loyalty.clients.rules import RETIRED_FOR, is_name

# One question for everything, asked before the signature is verified: it changes
# nothing, and nothing of the token is believed until then.
_STANDING = text(
    """
    SELECT k.public, c.partner, c.scopes, c.require_dpop,
           c.disabled_at IS NULL AND c.client_id IS NOT NULL AS is_let_in,
           EXISTS (SELECT FROM oauth_revoked_token r WHERE r.jti = :jti) AS is_revoked,
           g.consent_ref,
           g.grant_id IS NOT NULL AND g.revoked_at IS NULL AND g.expires_at > :at
               AS is_granted
      FROM (SELECT) one
      LEFT JOIN oauth_key k ON k.kid = :kid
                           AND (k.retired_at IS NULL OR k.retired_at > :retired_since)
      LEFT JOIN partner_client c ON c.client_id = :client_id
      LEFT JOIN oauth_grant g ON g.grant_id = CAST(:grant_id AS uuid)
                             AND g.client_id = c.client_id
    """
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database knows about a token."""

    public: dict[str, Any] | None  # None: not signed with a key of ours
    partner: str | None  # None: no such client
    scopes: frozenset[str]  # what the client may have today
    require_dpop: bool
    is_let_in: bool
    is_revoked: bool
    consent_ref: str | None  # None: no member's yes stands behind it
    is_granted: bool


def client(session: Session, *, client_id: str) -> PartnerClient:
    """Return a client, also when it is disabled.

    Raises `UnknownClient`.
    """
    found = session.get(PartnerClient, client_id) if is_name(client_id) else None
    if found is None:
        raise UnknownClient(client_id=client_id)
    return found


def live_client(session: Session, *, client_id: str) -> PartnerClient | None:
    """Return a client that is let in; None: there is none."""
    found = session.get(PartnerClient, client_id) if is_name(client_id) else None
    return found if found is not None and found.disabled_at is None else None


def clients(session: Session, *, partner: str | None = None) -> Sequence[PartnerClient]:
    """Return all clients, also disabled ones, by partner and name."""
    wanted = select(PartnerClient).order_by(
        PartnerClient.partner, PartnerClient.name, PartnerClient.client_id
    )
    if partner is not None:
        wanted = wanted.where(PartnerClient.partner == partner)
    return session.scalars(wanted).all()


def signing_keys(session: Session) -> Sequence[SigningKey]:
    """Return our signing keys, the newest first."""
    return session.scalars(
        select(SigningKey).order_by(SigningKey.made_at.desc(), SigningKey.kid)
    ).all()


def standing(
    session: Session,
    *,
    kid: object,
    client_id: object,
    jti: object,
    grant_id: str | None,
    at: datetime,
) -> Standing:
    """Return what a token stands on: our key, its client, and a member's yes.

    What the token says is not verified yet, and may be anything.
    """
    named = {"kid": kid, "client_id": client_id, "jti": jti}
    found = session.execute(
        _STANDING,
        {name: told if is_name(told) else None for name, told in named.items()}
        | {
            "grant_id": grant_id,
            "at": at,
            "retired_since": at - RETIRED_FOR,
        },
    ).one()
    return Standing(
        public=found.public,
        partner=found.partner,
        scopes=frozenset(found.scopes or ()),
        require_dpop=bool(found.require_dpop),
        is_let_in=bool(found.is_let_in),
        is_revoked=found.is_revoked,
        consent_ref=found.consent_ref,
        is_granted=found.is_granted,
    )

"""Ask a member for a consent, take it, and end it."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from loyalty.access.operations import spend_code
from loyalty.alliance.operations import link_account
from loyalty.clients.models import PartnerClient
from loyalty.clients.tokens import end_grants
from loyalty.events.operations import record as tell
from loyalty.keyring import Keyring
from loyalty.linking.errors import (
    AccountTaken,
    BadAccount,
    ConsentDecided,
    UnknownConsent,
    UnknownKind,
)
from loyalty.linking.models import LinkConsent, PartnerBalance
from loyalty.linking.queries import consent as known_consent
from loyalty.linking.queries import state_of
from loyalty.linking.rules import (
    ASKED_FOR,
    GRANTED_FOR,
    PURPOSE_VERSION,
    binding,
    in_order,
    is_account,
    unknown_kinds,
)

_REF_BYTES = 15
# Two yeses for one account are taken one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_PURPOSE = "link.account"


@dataclass(frozen=True, slots=True)
class Answer:
    """Who decides about a consent, by which way, and from where."""

    consent_ref: str
    member_id: int
    channel: str
    source: str


def ask(
    session: Session,
    *,
    client: PartnerClient,
    account_ref: str,
    kinds: Collection[str],
    keyring: Keyring,
    at: datetime,
    within: timedelta = ASKED_FOR,
) -> LinkConsent:
    """Write down what a partner wants of whoever has an account there.

    Raises `BadAccount`, `UnknownKind`.
    """
    if not is_account(account_ref):
        raise BadAccount
    for kind in unknown_kinds(kinds) or ([""] if not kinds else []):
        raise UnknownKind(kind=kind)
    asked = LinkConsent(
        consent_ref=f"lnk_{secrets.token_hex(_REF_BYTES)}",
        partner=client.partner,
        client_id=client.client_id,
        account_hash=account_hash(keyring, client.partner, account_ref),
        account_sealed=keyring.seal(_PURPOSE, account_ref),
        kinds=in_order(kinds),
        purpose_version=PURPOSE_VERSION,
        state="awaiting_authorization",
        asked_at=at,
        expires_at=at + within,
    )
    session.add(asked)
    session.flush()
    return asked


def authorize(
    session: Session,
    *,
    answer: Answer,
    keyring: Keyring,
    at: datetime,
) -> LinkConsent:
    """Take a member's yes: the account becomes theirs, an earlier yes is replaced.

    The yes was confirmed for exactly this consent, and the confirmation is used up.

    Raises `ConfirmationMissing`, `UnknownConsent`, `ConsentDecided`, `AccountTaken`.
    """
    spend_code(
        session,
        member_id=answer.member_id,
        purpose="confirm",
        bound=binding(answer.consent_ref),
        at=at,
    )
    found = _waiting(session, answer.consent_ref, at)
    assert found.account_sealed is not None, "what waits has not been erased"
    account_ref = keyring.unseal(_PURPOSE, found.account_sealed)
    owner = link_account(
        session,
        member_id=answer.member_id,
        partner=found.partner,
        account_ref=account_ref,
        on=at.date(),
    )
    if owner != answer.member_id:
        raise AccountTaken(partner=found.partner)
    session.execute(_LOCK, {"key": f"{found.partner}/{account_ref}"})
    for earlier in _holding(session, found.partner, found.account_hash):
        _end(session, earlier, "revoked", reason="replaced", at=at)
    session.flush()
    found.state, found.member_id = "authorized", answer.member_id
    found.granted_at, found.expires_at = at, at + GRANTED_FOR
    found.channel, found.source = answer.channel, answer.source
    session.flush()
    _tell(session, found, "link.authorized", at)
    return found


def reject(session: Session, *, answer: Answer, at: datetime) -> LinkConsent:
    """Take a member's no.

    Raises `UnknownConsent`, `ConsentDecided`.
    """
    found = _waiting(session, answer.consent_ref, at)
    found.member_id = answer.member_id
    found.channel, found.source = answer.channel, answer.source
    _end(session, found, "rejected", reason="member", at=at)
    session.flush()
    return found


def revoke(
    session: Session,
    *,
    consent_ref: str,
    reason: str,
    at: datetime,
    member_id: int | None = None,
    partner: str | None = None,
) -> LinkConsent:
    """End a consent: new calls stop at once, and its tokens are worth nothing.

    What was posted before still settles, and the account stays the member's. With a
    member or a partner, only one of theirs is ended; a second time does nothing.

    Raises `UnknownConsent`.
    """
    found = _locked(session, consent_ref)
    if member_id not in (None, found.member_id) or partner not in (None, found.partner):
        raise UnknownConsent(consent=consent_ref)
    if found.state == "authorized":
        _end(session, found, "revoked", reason=reason, at=at)
    elif found.state == "awaiting_authorization":
        _end(session, found, "rejected", reason=reason, at=at)
    session.flush()
    return found


def expire(session: Session, *, at: datetime, limit: int = 1_000) -> int:
    """Note which consents have come to their end; return how many."""
    due = session.scalars(
        select(LinkConsent)
        .where(LinkConsent.ended_at.is_(None), LinkConsent.expires_at <= at)
        .order_by(LinkConsent.consent_ref)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for found in due:
        _end(session, found, "expired", reason="time", at=at)
    session.flush()
    return len(due)


def account_of(found: LinkConsent, *, keyring: Keyring) -> str | None:
    """Return the account a consent is about; None: it was erased."""
    if found.account_sealed is None:
        return None
    return keyring.unseal(_PURPOSE, found.account_sealed)


def account_hash(keyring: Keyring, partner: str, account_ref: str) -> bytes:
    """Return the keyed hash by which consents about one account are found."""
    return keyring.digest(_PURPOSE, f"{partner}/{account_ref}")


def _end(
    session: Session, found: LinkConsent, state: str, *, reason: str, at: datetime
) -> None:
    found.state, found.reason, found.ended_at = state, reason, at
    if found.granted_at is None:
        # Nobody agreed that we know of an account there.
        found.account_hash = found.account_sealed = None
    if found.member_id is not None:
        session.execute(
            delete(PartnerBalance).where(
                PartnerBalance.member_id == found.member_id,
                PartnerBalance.partner == found.partner,
            )
        )
    end_grants(session, consent_ref=found.consent_ref, reason=f"consent_{state}", at=at)
    if state == "revoked":
        _tell(session, found, "link.revoked", at)


def _tell(session: Session, found: LinkConsent, type_: str, at: datetime) -> None:
    tell(
        session,
        partner=found.partner,
        type_=type_,
        data={"id": found.consent_ref, "kinds": list(found.kinds)},
        at=at,
    )


def _waiting(session: Session, consent_ref: str, at: datetime) -> LinkConsent:
    """Return a consent that can still be decided, which nobody else can meanwhile."""
    found = _locked(session, consent_ref)
    state = state_of(found, at=at)
    if state != "awaiting_authorization":
        raise ConsentDecided(consent=consent_ref, state=state)
    return found


def _locked(session: Session, consent_ref: str) -> LinkConsent:
    found = known_consent(session, consent_ref=consent_ref)
    session.refresh(found, with_for_update=True)
    return found


def _holding(session: Session, partner: str, hashed: bytes | None) -> list[LinkConsent]:
    return list(
        session.scalars(
            select(LinkConsent)
            .where(
                LinkConsent.partner == partner,
                LinkConsent.account_hash == hashed,
                LinkConsent.state == "authorized",
            )
            .with_for_update()
        )
    )

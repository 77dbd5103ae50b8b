"""Read what members agreed to, and whom a partner may know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.alliance.errors import NotLinked
from loyalty.clients.rules import is_name
from loyalty.linking.errors import UnknownConsent
from loyalty.linking.models import LinkConsent
from loyalty.linking.rules import BY_MEMBER_REF, is_account

# The account is the member's at that partner; at shops the member's own number is.
_LINKED = text(
    """
    SELECT coalesce(
        (SELECT c.member_id FROM claim c
          WHERE c.space = 'account' AND c.key = :partner || '/' || :account_ref),
        (SELECT c.member_id FROM claim c JOIN partner p ON p.partner = :partner
          WHERE c.space = 'member' AND c.key = :account_ref
            AND p.kind = ANY(:by_member_ref)))
    """
)

_KNOWN = text(
    """
    SELECT c.member_id FROM claim c JOIN partner p ON p.partner = :partner
     WHERE c.space = 'member' AND c.key = :member_ref
       AND (p.kind = ANY(:by_member_ref)
            OR EXISTS (SELECT FROM link l WHERE l.member_id = c.member_id
                          AND l.partner = p.partner))
    """
)
_SEEN = text(
    """
    WITH seen AS (
        SELECT m.member_ref FROM member m
         WHERE (CAST(:only AS bigint) IS NULL OR m.member_id = :only)
           AND m.member_id IN (
               SELECT c.member_id FROM link_consent c
                WHERE c.partner = :partner AND c.state = 'authorized'
                  AND c.expires_at > :at AND c.kinds @> ARRAY[CAST(:kind AS text)])
           AND EXISTS (SELECT FROM link l WHERE l.member_id = m.member_id
                          AND l.partner = :partner))
    SELECT (SELECT count(*) FROM seen),
           ARRAY(SELECT member_ref FROM seen ORDER BY member_ref
                 OFFSET :offset LIMIT :limit)
    """
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A part of those whom a partner may see, and how many they are in all."""

    total: int
    member_refs: Sequence[str]


def consent(
    session: Session, *, consent_ref: str, partner: str | None = None
) -> LinkConsent:
    """Return a consent; with a partner, only one of theirs.

    Raises `UnknownConsent`.
    """
    found = session.get(LinkConsent, consent_ref) if is_name(consent_ref) else None
    if found is None or partner not in (None, found.partner):
        raise UnknownConsent(consent=consent_ref)
    return found


def state_of(found: LinkConsent, *, at: datetime) -> str:
    """Return where a consent stands; its time may be over before anybody noted it."""
    is_open = found.ended_at is None
    return "expired" if is_open and found.expires_at <= at else found.state


def consents_of(session: Session, *, member_id: int) -> Sequence[LinkConsent]:
    """Return all a member agreed to or refused, the newest first."""
    return session.scalars(
        select(LinkConsent)
        .where(LinkConsent.member_id == member_id)
        .order_by(LinkConsent.asked_at.desc(), LinkConsent.consent_ref)
    ).all()


def consents_at(
    session: Session, *, partner: str, after: str | None = None, limit: int = 50
) -> Sequence[LinkConsent]:
    """Return what a partner asked for, by name; `after`: from there on."""
    wanted = (
        select(LinkConsent)
        .where(LinkConsent.partner == partner)
        .order_by(LinkConsent.consent_ref)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(LinkConsent.consent_ref > after)
    return session.scalars(wanted).all()


def authorized_member(
    session: Session, *, consent_ref: str, at: datetime
) -> int | None:
    """Return whose consent it is, while it holds; None: it does not."""
    return session.scalar(
        select(LinkConsent.member_id).where(
            LinkConsent.consent_ref == consent_ref,
            LinkConsent.state == "authorized",
            LinkConsent.expires_at > at,
        )
    )


def may(
    session: Session, *, partner: str, member_id: int, kind: str, at: datetime
) -> bool:
    """Whether a member lets a partner have or do this, now."""
    return bool(
        session.scalar(
            select(func.count())
            .select_from(LinkConsent)
            .where(
                LinkConsent.partner == partner,
                LinkConsent.member_id == member_id,
                LinkConsent.state == "authorized",
                LinkConsent.expires_at > at,
                LinkConsent.kinds.contains([kind]),
            )
        )
    )


def linked_member(session: Session, *, partner: str, account_ref: str) -> int | None:
    """Return whose account at a partner it is; None: of nobody we could name to them.

    What the partner may know or do is another question: `may`.
    """
    if not is_account(account_ref):
        return None
    owner: int | None = session.scalar(
        _LINKED,
        {
            "partner": partner,
            "account_ref": account_ref,
            "by_member_ref": list(BY_MEMBER_REF),
        },
    )
    return owner


def known_member(session: Session, *, partner: str, member_ref: str) -> int:
    """Return whom a partner may name by their number: shops anybody, others who linked.

    Raises `NotLinked`, also for members there are not.
    """
    facts = {
        "partner": partner,
        "member_ref": member_ref,
        "by_member_ref": list(BY_MEMBER_REF),
    }
    found: int | None = session.scalar(_KNOWN, facts)
    if found is None:
        raise NotLinked
    return found


def seen_members(
    session: Session,
    *,
    partner: str,
    kind: str,
    at: datetime,
    only: int | None,
    offset: int,
    limit: int,
) -> Seen:
    """Return who is linked to a partner and lets it have this, by number.

    With `only`, nobody but that member.
    """
    facts = {"partner": partner, "kind": kind, "at": at, "only": only}
    row = session.execute(_SEEN, facts | {"offset": offset, "limit": limit}).one()
    return Seen(total=int(row[0]), member_refs=row[1])

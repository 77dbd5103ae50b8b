"""Whether whoever has an account at a partner bears a name, and who has asked that."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loyalty.clients.models import PartnerClient
from loyalty.keyring import Keyring
from loyalty.linking.errors import ValidationsLocked
from loyalty.linking.models import MemberValidation
from loyalty.linking.operations import account_hash
from loyalty.linking.queries import linked_member, may
from loyalty.members.models import Member, Person
from partners.matching import NameMatch, PersonName, match_full_name

HOLDS: Final = timedelta(hours=24)
# domain.md 4.3, ASSUMED: whoever tries names out is stopped, whoever mistypes is not.
FAILED_MAX: Final = 5
FAILED_WITHIN: Final = timedelta(minutes=10)
_ID_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose account a partner asks about, and who is said to have it."""

    client: PartnerClient
    account_ref: str
    name: PersonName
    only: int | None  # the member whose token asks; None: the partner's own


@dataclass(frozen=True, slots=True)
class Validated:
    """What a partner is told."""

    validation_id: str
    status: str  # valid, invalid or review
    member_ref: str | None  # None: it is not valid
    expires_at: datetime


_STATUS = {
    NameMatch.SAME: "valid",
    NameMatch.REVIEW: "review",
    NameMatch.DIFFERENT: "invalid",
}


def validate_member(
    session: Session, *, asked: Asked, keyring: Keyring, at: datetime
) -> Validated:
    """Compare a name with that of whoever has the account, and keep that it was asked.

    A stranger, and somebody who did not agree, are told alike; so is everybody but
    `only` one member, where one is told. Raises `ValidationsLocked` for an account of
    which too many names were tried, whether or not there is such an account.
    """
    partner = asked.client.partner
    hashed = account_hash(keyring, partner, asked.account_ref)
    if _failed(session, partner, hashed, at) >= FAILED_MAX:
        raise ValidationsLocked(minutes=int(FAILED_WITHIN.total_seconds()) // 60)
    owner = linked_member(session, partner=partner, account_ref=asked.account_ref)
    member_id = owner if asked.only in (None, owner) else None
    status = _status(session, partner, member_id, asked.name, at)
    kept = MemberValidation(
        validation_id=f"val_{secrets.token_hex(_ID_BYTES)}",
        partner=partner,
        client_id=asked.client.client_id,
        account_hash=hashed,
        member_id=member_id,
        status=status,
        asked_at=at,
        expires_at=at + HOLDS,
    )
    session.add(kept)
    session.flush()
    return Validated(
        validation_id=kept.validation_id,
        status=status,
        member_ref=session.get_one(Member, member_id).member_ref
        if status == "valid"
        else None,
        expires_at=kept.expires_at,
    )


def validations_of(
    session: Session, *, member_id: int, limit: int = 20
) -> Sequence[MemberValidation]:
    """Return who asked for a member's name, the newest first."""
    return session.scalars(
        select(MemberValidation)
        .where(MemberValidation.member_id == member_id)
        .order_by(
            MemberValidation.asked_at.desc(), MemberValidation.validation_id.desc()
        )
        .limit(limit)
    ).all()


def _status(
    session: Session,
    partner: str,
    member_id: int | None,
    name: PersonName,
    at: datetime,
) -> str:
    if member_id is None or not may(
        session, partner=partner, member_id=member_id, kind="validate", at=at
    ):
        return "invalid"
    person = session.get(Person, member_id)
    return "invalid" if person is None else _STATUS[match_full_name(person.name, name)]


def _failed(session: Session, partner: str, hashed: bytes, at: datetime) -> int:
    """Count names that were tried for an account lately, and were not its owner's."""
    found = session.scalar(
        select(func.count())
        .select_from(MemberValidation)
        .where(
            MemberValidation.partner == partner,
            MemberValidation.account_hash == hashed,
            MemberValidation.status != "valid",
            MemberValidation.asked_at > at - FAILED_WITHIN,
        )
    )
    return found or 0

"""Use what a membership brings: a code to show, one use for it, and its undoing.

A code is sealed in the table and found by its keyed hash, as those of vouchers are.
What a use costs the club goes to the club cost line, never to accrued points.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.clubs import queries
from loyalty.clubs.errors import (
    BenefitCodeExpired,
    BenefitCodeSpent,
    NotAClubMember,
    NothingLeft,
    ReasonMissing,
    UnknownBenefit,
    UnknownBenefitCode,
    UnknownMembership,
    UnknownUse,
    UseNameReused,
    UseNotReversible,
)
from loyalty.clubs.models import (
    BenefitCode,
    BenefitUse,
    ClubBenefit,
    ClubMembership,
)
from loyalty.clubs.rules import CODE_GOOD_FOR, OPEN_STATES
from loyalty.costs.operations import incur
from loyalty.keyring import Keyring
from loyalty.members.models import Claim
from loyalty.points.operations import first_open_day
from loyalty.settings import TIME_ZONE
from loyalty.vouchers.rules import TAIL, grouped, new_code, readings

_PURPOSE = "club.benefit"
_SPACE = "benefit_use"  # of claims: a partner's name for a use


@dataclass(frozen=True, slots=True)
class Shown:
    """A code for its owner's eyes, and how long it is good."""

    code: str  # in groups of four
    expires_at: datetime


def issue_code(
    session: Session,
    *,
    member_id: int,
    membership_ref: str,
    entitlement: str,
    keyring: Keyring,
    at: datetime,
) -> Shown:
    """Make a code for one use of a benefit; the one before it is good no more.

    Nothing is used up by it. Raises `UnknownMembership`, `NotAClubMember`,
    `UnknownBenefit`, `NothingLeft`.
    """
    Book(session).lock([member_id])
    benefit = _benefit(session, member_id, membership_ref, entitlement, at)
    if benefit.per_term is not None and benefit.used >= benefit.per_term:
        raise NothingLeft(per_term=benefit.per_term)
    session.execute(
        update(BenefitCode)
        .where(*_good_codes(member_id, membership_ref, entitlement))
        .values(state="void", state_at=at)
        .execution_options(synchronize_session=False)
    )
    code = new_code()
    expires_at = at + CODE_GOOD_FOR
    session.add(
        BenefitCode(
            code_hash=keyring.digest(_PURPOSE, code),
            code_sealed=keyring.seal(_PURPOSE, code),
            code_tail=code[-TAIL:],
            member_id=member_id,
            membership_ref=membership_ref,
            entitlement=entitlement,
            state="issued",
            issued_at=at,
            expires_at=expires_at,
            state_at=at,
        )
    )
    session.flush()
    return Shown(grouped(code), expires_at)


def good_code(
    session: Session,
    *,
    member_id: int,
    membership_ref: str,
    entitlement: str,
    keyring: Keyring,
    at: datetime,
) -> Shown | None:
    """Return the code of a benefit that can be shown; None: there is none."""
    found = session.scalar(
        select(BenefitCode).where(
            *_good_codes(member_id, membership_ref, entitlement),
            BenefitCode.expires_at > at,
        )
    )
    if found is None:
        return None
    code = keyring.unseal(_PURPOSE, found.code_sealed)
    return Shown(grouped(code), found.expires_at)


def find(session: Session, *, code: str, keyring: Keyring) -> BenefitCode:
    """Return what a code stands for, however it was typed.

    Raises `UnknownBenefitCode`; the face counts what is unknown, against guessing.
    """
    hashes = [keyring.digest(_PURPOSE, reading) for reading in readings(code)]
    found = session.scalar(
        select(BenefitCode)
        .where(BenefitCode.code_hash.in_(hashes))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownBenefitCode
    return found


def use_code(
    session: Session,
    *,
    code_hash: bytes,
    reference: str,
    actor: str,
    channel: str,
    at: datetime,
) -> BenefitUse:
    """Let a member have what a code stands for, once; again by `reference`, the same.

    Raises `UnknownBenefitCode`, `BenefitCodeSpent`, `BenefitCodeExpired`, and as
    `use` does.
    """
    code = session.get(BenefitCode, code_hash)
    if code is None:
        raise UnknownBenefitCode
    # The book first, as everybody does who has to do with a membership.
    Book(session).lock([code.member_id])
    session.refresh(code, with_for_update=True)
    known = _known(session, code.member_id, reference)
    if known is not None:
        return known
    if code.state != "issued":
        raise BenefitCodeSpent(state=code.state)
    if code.expires_at <= at:
        raise BenefitCodeExpired(expired_at=code.expires_at)
    done = use(
        session,
        member_id=code.member_id,
        membership_ref=code.membership_ref,
        entitlement=code.entitlement,
        reference=reference,
        actor=actor,
        channel=channel,
        at=at,
    )
    code.state, code.state_at = "used", at
    session.flush()
    return done


def use_at_partner(
    session: Session,
    *,
    partner: str,
    partner_ref: str,
    code: str,
    actor: str,
    keyring: Keyring,
    at: datetime,
) -> BenefitUse:
    """Let a member have what a code stands for at a partner, once per `partner_ref`.

    That name is the partner's for ever: with another code it names something else.
    Raises `UseNameReused`, and as `find` and `use_code` do.
    """
    found = find(session, code=code, keyring=keyring)
    content = UUID(bytes=found.code_hash[:16])
    claim = (_SPACE, f"{partner}/{partner_ref}")
    session.execute(
        insert(Claim)
        .values(
            space=claim[0], key=claim[1], member_id=found.member_id, content=content
        )
        .on_conflict_do_nothing()
    )
    known = session.get_one(Claim, claim, populate_existing=True)
    if known.content != content:
        raise UseNameReused
    return use_code(
        session,
        code_hash=found.code_hash,
        reference=f"partner:{partner}/{partner_ref}",
        actor=actor,
        channel="partner",
        at=at,
    )


def use(
    session: Session,
    *,
    member_id: int,
    membership_ref: str,
    entitlement: str,
    reference: str,
    actor: str,
    channel: str,
    at: datetime,
) -> BenefitUse:
    """Let a member have a benefit, once per `reference`, and note what it costs.

    Raises `UnknownMembership`, `NotAClubMember`, `UnknownBenefit`, `NothingLeft`.
    """
    Book(session).lock([member_id])
    known = _known(session, member_id, reference)
    if known is not None:
        return known
    benefit = _benefit(session, member_id, membership_ref, entitlement, at)
    counted = session.scalar(
        update(ClubBenefit)
        .where(
            ClubBenefit.member_id == member_id,
            ClubBenefit.membership_ref == membership_ref,
            ClubBenefit.entitlement == entitlement,
            (ClubBenefit.per_term.is_(None))
            | (ClubBenefit.used < ClubBenefit.per_term),
        )
        .values(used=ClubBenefit.used + 1)
        .returning(ClubBenefit.used)
        .execution_options(synchronize_session=False)
    )
    if counted is None:
        raise NothingLeft(per_term=benefit.per_term or 0)
    return _write(
        session,
        BenefitUse(
            member_id=member_id,
            use_ref=reference,
            membership_ref=membership_ref,
            entitlement=entitlement,
            club=benefit.club,
            reverses=None,
            used_at=at,
            actor=actor,
            channel=channel,
            cost_fen=benefit.cost_fen,
            reason=None,
        ),
    )


def reverse(
    session: Session,
    *,
    member_id: int,
    use_ref: str,
    actor: str,
    reason: str,
    at: datetime,
) -> BenefitUse:
    """Undo a use that did not happen: the member may have it again, at no cost.

    A second time changes nothing. Raises `ReasonMissing`, `UnknownUse`,
    `UseNotReversible`.
    """
    if not reason.strip():
        raise ReasonMissing
    Book(session).lock([member_id])
    undone = _known(session, member_id, use_ref)
    if undone is None:
        raise UnknownUse
    if undone.reverses is not None:
        raise UseNotReversible
    reference = f"{use_ref}:reversal"
    known = _known(session, member_id, reference)
    if known is not None:
        return known
    session.execute(
        update(ClubBenefit)
        .where(
            ClubBenefit.member_id == member_id,
            ClubBenefit.membership_ref == undone.membership_ref,
            ClubBenefit.entitlement == undone.entitlement,
        )
        .values(used=ClubBenefit.used - 1)
        .execution_options(synchronize_session=False)
    )
    return _write(
        session,
        BenefitUse(
            member_id=member_id,
            use_ref=reference,
            membership_ref=undone.membership_ref,
            entitlement=undone.entitlement,
            club=undone.club,
            reverses=use_ref,
            used_at=at,
            actor=actor,
            channel=undone.channel,
            cost_fen=-undone.cost_fen,
            reason=reason.strip(),
        ),
    )


def _known(session: Session, member_id: int, reference: str) -> BenefitUse | None:
    return session.get(BenefitUse, (member_id, reference), populate_existing=True)


def _benefit(
    session: Session,
    member_id: int,
    membership_ref: str,
    entitlement: str,
    at: datetime,
) -> queries.BenefitFacts:
    """Return a benefit of a membership that holds now.

    Raises `UnknownMembership`, `NotAClubMember`, `UnknownBenefit`.
    """
    on = at.astimezone(TIME_ZONE).date()
    membership = session.get(
        ClubMembership, (member_id, membership_ref), populate_existing=True
    )
    if membership is None:
        raise UnknownMembership
    is_open = membership.state in OPEN_STATES
    if not is_open or not membership.starts_on <= on <= membership.ends_on:
        raise NotAClubMember
    found = queries.benefit(
        session,
        member_id=member_id,
        membership_ref=membership_ref,
        entitlement=entitlement,
    )
    if found is None:
        raise UnknownBenefit
    return found


def _good_codes(
    member_id: int, membership_ref: str, entitlement: str
) -> tuple[ColumnElement[bool], ...]:
    return (
        BenefitCode.member_id == member_id,
        BenefitCode.membership_ref == membership_ref,
        BenefitCode.entitlement == entitlement,
        BenefitCode.state == "issued",
    )


def _write(session: Session, done: BenefitUse) -> BenefitUse:
    """Write a use or its undoing down, with its line of cost if it has one."""
    session.add(done)
    session.flush()
    on = done.used_at.astimezone(TIME_ZONE).date()
    incur(
        session,
        club=done.club,
        venue=None,
        member_id=done.member_id,
        on=on,
        effective_on=max(on, first_open_day(session) or on),
        fen=done.cost_fen,
        kind=done.entitlement,
        reference=f"benefit:{done.member_id}:{done.use_ref}",
    )
    return done

"""Give tiers, end them with a leaving, and look at them again when asked to."""

from datetime import date, datetime

from sqlalchemy import CursorResult, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.points.queries import UnknownMember
from loyalty.settings import TIME_ZONE
from loyalty.tiers.errors import AppealOpen, BadTierGrant, NoOpenAppeal, UnknownTier
from loyalty.tiers.models import TierAppeal, TierGrant
from loyalty.tiers.queries import ladder, references, standing
from loyalty.tiers.reviewing import renew, review_one

GRANT = "tier.grant"


def grant(
    session: Session,
    *,
    member_id: int,
    tier: str,
    granted_on: date,
    until: date,
    reason: str,
    actor: str,
    approval_id: int | None = None,
) -> None:
    """Give a member a tier until a day; the same grant again changes nothing.

    Raises `UnknownTier`.
    """
    if tier not in {rung.tier for rung in ladder(session, on=granted_on)}:
        raise UnknownTier(tier=tier)
    session.execute(
        insert(TierGrant)
        .values(
            member_id=member_id,
            tier=tier,
            granted_on=granted_on,
            until=until,
            reason=reason,
            actor=actor,
            approval_id=approval_id,
        )
        .on_conflict_do_nothing()
    )


def ask_grant(
    session: Session,
    *,
    member_id: int,
    tier: str,
    until: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that a member be given a tier until a day; another person decides.

    Raises `UnknownMember`, `UnknownTier`, `BadTierGrant` and `AlreadyRequested`.
    """
    if not references(session, member_ids=[member_id]):
        raise UnknownMember(member_ref=str(member_id))
    on = at.astimezone(TIME_ZONE).date()
    if tier not in {rung.tier for rung in ladder(session, on=on)}:
        raise UnknownTier(tier=tier)
    if until < on:
        raise BadTierGrant(until=until)
    stands = standing(session, member_id=member_id, on=on)
    return request(
        session,
        action=GRANT,
        subject=str(member_id),
        before={
            "tier": stands.tier,
            "tier_until": stands.until and stands.until.isoformat(),
        },
        after={"tier": tier, "tier_until": until.isoformat()},
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_grant(session: Session, *, approval: Approval, at: datetime) -> None:
    """Give the tier that two people agreed on, from today.

    Raises `BadTierGrant` when its last day has gone by meanwhile.
    """
    assert approval.action == GRANT
    assert approval.state == "approved"
    on = at.astimezone(TIME_ZONE).date()
    until = date.fromisoformat(approval.after["tier_until"])
    if until < on:
        raise BadTierGrant(until=until)
    grant(
        session,
        member_id=int(approval.subject),
        tier=approval.after["tier"],
        granted_on=on,
        until=until,
        reason=approval.reason,
        actor=f"staff:{approval.maker}",
        approval_id=approval.approval_id,
    )


def end(
    session: Session, *, members: str, on: str, actor: str, reason: str, at: datetime
) -> int:
    """End the tiers of all who leave, and return how many; once ended, none is left.

    `members` is a table, or SQL that yields one, with a `member_id` for each; `on` is
    SQL over it: the first day without. Tiers that count alone, or were given, end with
    the departure itself.
    """
    return _count(
        session.execute(
            text(
                f"""
                INSERT INTO tier_decision (member_id, kind, was, tier, starts_on, until,
                                           actor, reason, decided_at)
                SELECT l.member_id, 'ended', k.tier, NULL, {on}, NULL, :actor, :reason,
                       :at
                  FROM {members} l
                  CROSS JOIN LATERAL (
                      SELECT tier FROM tier_decision d
                       WHERE d.member_id = l.member_id
                       ORDER BY decision_id DESC LIMIT 1) k
                 WHERE k.tier IS NOT NULL
                """
            ),
            {"actor": actor, "reason": reason, "at": at},
        )
    )


def reinstate(
    session: Session, *, members: str, on: str, actor: str, reason: str, at: datetime
) -> int:
    """Give those who are back the tier that their leaving ended; return how many.

    It holds to the day it would have held to, or waits for the next review. Read
    `members` and `on` as `end` does. Who has it back already gets nothing more.
    """
    return _count(
        session.execute(
            text(
                f"""
                INSERT INTO tier_decision (member_id, kind, was, tier, starts_on, until,
                                           restores, actor, reason, decided_at)
                SELECT l.member_id, 'reinstated', NULL, k.was, {on},
                       greatest(b.until, {on}), k.decision_id, :actor, :reason, :at
                  FROM {members} l
                  CROSS JOIN LATERAL (
                      SELECT kind, was, decision_id FROM tier_decision d
                       WHERE d.member_id = l.member_id
                       ORDER BY decision_id DESC LIMIT 1) k
                  CROSS JOIN LATERAL (
                      SELECT until FROM tier_decision d
                       WHERE d.member_id = l.member_id AND d.tier IS NOT NULL
                       ORDER BY decision_id DESC LIMIT 1) b
                 WHERE k.kind = 'ended'
                """
            ),
            {"actor": actor, "reason": reason, "at": at},
        )
    )


def appeal(
    session: Session, *, member_id: int, words: str | None, at: datetime
) -> None:
    """Ask, as the member, that a person look at the tier.

    Raises `AppealOpen`.
    """
    on = at.astimezone(TIME_ZONE).date()
    made = session.scalar(
        insert(TierAppeal)
        .values(
            member_id=member_id,
            asked_at=at,
            origin="member",
            tier=standing(session, member_id=member_id, on=on).tier,
            words=words,
        )
        .on_conflict_do_nothing()
        .returning(TierAppeal.asked_at)
    )
    if made is None:
        raise AppealOpen


def answer(
    session: Session,
    *,
    member_id: int,
    origin: str,
    outcome: str,
    note: str,
    actor: str,
    at: datetime,
) -> None:
    """Answer what a person was asked to look at.

    `kept`: the tier holds for another period. `lowered`: as the rules have it.
    `stands`: what was decided was right. A higher tier is given by a grant.

    Raises `NoOpenAppeal`.
    """
    found = session.scalar(
        select(TierAppeal)
        .where(
            TierAppeal.member_id == member_id,
            TierAppeal.origin == origin,
            TierAppeal.answered_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        raise NoOpenAppeal
    on = at.astimezone(TIME_ZONE).date()
    if outcome == "kept":
        renew(session, member_id=member_id, on=on, actor=actor, reason=note, at=at)
    elif outcome == "lowered":
        review_one(session, member_id=member_id, on=on, actor=actor, reason=note, at=at)
    session.execute(
        update(TierAppeal)
        .where(TierAppeal.member_id == member_id, TierAppeal.asked_at == found.asked_at)
        .values(answered_at=at, outcome=outcome, answered_by=actor, note=note)
    )


def _count(done: object) -> int:
    assert isinstance(done, CursorResult)
    return int(done.rowcount)

"""Ask for points to be changed by hand, and change them once others agree."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import digest
from loyalty.adjustments import queries
from loyalty.adjustments.errors import (
    AdjustmentRefReused,
    AgentCapReached,
    BadAdjustment,
    MemberCapReached,
    MemberHasLeft,
    OwnPoints,
    PointsGone,
    SamePerson,
    UndoneAlready,
    UnknownAdjustment,
)
from loyalty.adjustments.evidence import Shown, keep
from loyalty.adjustments.models import Adjustment, AdjustmentPosting
from loyalty.adjustments.posting import (
    post_chosen,
    register_chosen,
    spend_budget,
    take_turns,
    valuing,
)
from loyalty.adjustments.rules import Limits, Reason, Wish, faults_of, is_reference
from loyalty.adjustments.undoing import post_undoing
from loyalty.approvals import operations as approvals
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import approval as approval_of
from loyalty.keyring import Keyring
from loyalty.members.claims import fill
from loyalty.points.operations import let_nobody_leave
from loyalty.points.queries import UnknownMember, is_void
from loyalty.settings import TIME_ZONE
from loyalty.staff.models import Staff

ASK = "adjustment.ask"
RELEASE = "adjustment.release"


def ask(
    session: Session,
    *,
    member_id: int,
    adjustment_ref: str,
    wish: Wish,
    shown: Shown,
    maker: int,
    keyring: Keyring,
    at: datetime,
) -> Approval:
    """Ask that points of a member be changed; a supervisor decides within 72 hours.

    The same request under the same reference is asked for once.

    Raises `UnknownReason`, `UnknownMember`, `BadAdjustment` with what makes no sense,
    `OwnPoints`, `MemberHasLeft`, `AgentCapReached`, `MemberCapReached`,
    `BudgetUsedUp`, `PointsGone`, `AdjustmentRefReused`.
    """
    on = at.astimezone(TIME_ZONE).date()
    asked = digest(
        {"wish": repr(wish), "shown": shown.sha256, "member": member_id, "by": maker}
    )
    agent = _agent(session, maker)
    if not is_reference(adjustment_ref):
        raise BadAdjustment(faults=["adjustment_ref"])
    if known := queries.adjustment(
        session, member_id=member_id, adjustment_ref=adjustment_ref
    ):
        if known.content != asked:
            raise AdjustmentRefReused(adjustment_ref=adjustment_ref)
        return approval_of(session, approval_id=known.approval_id)
    reason = queries.reason(session, wish.reason)
    faults = faults_of(wish, reason)
    if reason.in_bulk:
        faults.append("reason")
    if wish.partner is not None and not _is_partner(session, wish.partner):
        faults.append("partner")
    if faults:
        raise BadAdjustment(faults=sorted(set(faults)))
    _check_member(session, member_id, agent)
    limits = queries.limits(session, on=on)
    spent = queries.asked_by_agent(session, staff_id=maker, on=on)
    if spent + wish.points > limits.agent_points_per_day:
        raise AgentCapReached(
            points_max=limits.agent_points_per_day,
            left=max(0, limits.agent_points_per_day - spent),
        )
    waiting = queries.waiting_of_member(session, member_id=member_id, at=at)
    points = reason.sign * wish.points
    _check_figures(
        session,
        member_id=member_id,
        unit=wish.unit,
        points=points,
        reason=reason,
        limits=limits,
        on=on,
        waiting=waiting,
    )
    approval = approvals.request(
        session,
        action=ASK,
        subject=f"{member_id}/{adjustment_ref}",
        before=_stands(session, member_id, wish.unit, on=on),
        after=_becomes(session, member_id, wish.unit, points, on=on)
        | _facts(wish, points, reason)
        | {"evidence": shown.sha256},
        reason=wish.words,
        maker=maker,
        at=at,
    )
    session.execute(
        insert(Adjustment).values(
            member_id=member_id,
            adjustment_ref=adjustment_ref,
            reason=wish.reason,
            unit=wish.unit,
            points=points,
            partner=wish.partner,
            words=wish.words,
            asked_by=maker,
            asked_at=at,
            asked_on=on,
            content=asked,
            approval_id=approval.approval_id,
        )
    )
    keep(
        session,
        member_id=member_id,
        adjustment_ref=adjustment_ref,
        shown=shown,
        keyring=keyring,
    )
    return approval


def ask_undoing(
    session: Session,
    *,
    member_id: int,
    adjustment_ref: str,
    of: str,
    words: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that an adjustment be undone; it takes as many people as the first time.

    Raises `UnknownAdjustment`, `BadAdjustment`, `OwnPoints`, `MemberHasLeft`,
    `UndoneAlready`, `AdjustmentRefReused`.
    """
    on = at.astimezone(TIME_ZONE).date()
    asked = digest({"undoes": of, "words": words, "member": member_id, "by": maker})
    agent = _agent(session, maker)
    if not is_reference(adjustment_ref):
        raise BadAdjustment(faults=["adjustment_ref"])
    if known := queries.adjustment(
        session, member_id=member_id, adjustment_ref=adjustment_ref
    ):
        if known.content != asked:
            raise AdjustmentRefReused(adjustment_ref=adjustment_ref)
        return approval_of(session, approval_id=known.approval_id)
    original = _original(session, member_id, of)
    if not words:
        raise BadAdjustment(faults=["words"])
    _check_member(session, member_id, agent)
    reason = queries.reason(session, original.reason)
    approval = approvals.request(
        session,
        action=ASK,
        subject=f"{member_id}/{adjustment_ref}",
        before=_stands(session, member_id, original.unit, on=on),
        after=_becomes(session, member_id, original.unit, -original.points, on=on)
        | {
            "adjust_points": -original.points,
            "adjust_unit": original.unit,
            "reason_words": [reason.title_zh, reason.title_en],
            "undoes": of,
        },
        reason=words,
        maker=maker,
        at=at,
    )
    session.execute(
        insert(Adjustment).values(
            member_id=member_id,
            adjustment_ref=adjustment_ref,
            reason=original.reason,
            unit=original.unit,
            points=-original.points,
            partner=original.partner,
            words=words,
            reverses=of,
            asked_by=maker,
            asked_at=at,
            asked_on=on,
            content=asked,
            approval_id=approval.approval_id,
        )
    )
    return approval


def apply_ask(session: Session, *, approval: Approval, at: datetime) -> None:
    """Change the points, or ask finance to agree as well where there are too many.

    Raises what `ask` does: much may have happened since.
    """
    assert approval.action == ASK
    assert approval.state == "approved"
    assert approval.checker is not None
    on = at.astimezone(TIME_ZONE).date()
    asked = _asked(session, approval)
    limits = queries.limits(session, on=on)
    if abs(asked.points) <= limits.third_above:
        _post(
            session,
            asked,
            limits=limits,
            approved_by=approval.checker,
            released_by=None,
            at=at,
        )
        return
    checker = session.get_one(Staff, approval.checker)
    _check_member(session, asked.member_id, checker)
    agent = session.get_one(Staff, asked.asked_by)
    approvals.request(
        session,
        action=RELEASE,
        subject=approval.subject,
        before=_stands(session, asked.member_id, asked.unit, on=on),
        after=approval.after
        | _becomes(session, asked.member_id, asked.unit, asked.points, on=on)
        | {"asked_by": agent.login},
        reason=approval.reason,
        maker=approval.checker,
        at=at,
    )


def apply_release(session: Session, *, approval: Approval, at: datetime) -> None:
    """Change the points that three people agreed on.

    Raises `SamePerson`, and what `ask` does.
    """
    assert approval.action == RELEASE
    assert approval.state == "approved"
    assert approval.checker is not None
    asked = _asked(session, approval)
    if approval.checker == asked.asked_by:
        raise SamePerson
    _post(
        session,
        asked,
        limits=queries.limits(session, on=at.astimezone(TIME_ZONE).date()),
        approved_by=approval.maker,
        released_by=approval.checker,
        at=at,
    )


def _post(
    session: Session,
    asked: Adjustment,
    *,
    limits: Limits,
    approved_by: int,
    released_by: int | None,
    at: datetime,
) -> None:
    """Post one request: turns are taken first, so that no limit is passed by two."""
    on = at.astimezone(TIME_ZONE).date()
    reason = queries.reason(session, asked.reason)
    let_nobody_leave(session)
    take_turns(session)
    Book(session).lock([asked.member_id])
    for staff_id in (approved_by, released_by):
        if staff_id is not None:
            _check_member(session, asked.member_id, session.get_one(Staff, staff_id))
    fill(
        session,
        "chosen",
        "SELECT CAST(:member AS bigint) AS member_id,"
        " CAST(:ref AS text) AS adjustment_ref, 1 AS nth",
        {"member": asked.member_id, "ref": asked.adjustment_ref},
    )
    facts = valuing(
        session,
        limits=limits,
        approved_by=approved_by,
        released_by=released_by,
        on=on,
        at=at,
    )
    if asked.reverses is None:
        _check_figures(
            session,
            member_id=asked.member_id,
            unit=asked.unit,
            points=asked.points,
            reason=reason,
            limits=limits,
            on=on,
        )
        post_chosen(session, facts=facts)
        return
    original = _original(session, asked.member_id, asked.reverses)
    post_undoing(session, asked=asked, original=original, on=on, at=at)
    register_chosen(session, facts=facts)


def _check_figures(
    session: Session,
    *,
    member_id: int,
    unit: str,
    points: int,
    reason: Reason,
    limits: Limits,
    on: date,
    waiting: int = 0,
) -> None:
    """Refuse what passes a limit, or takes what is not there."""
    changed = waiting + queries.changed_of_member(session, member_id=member_id, on=on)
    if changed + abs(points) > limits.member_points_per_day:
        raise MemberCapReached(
            points_max=limits.member_points_per_day,
            left=max(0, limits.member_points_per_day - changed),
        )
    if reason.is_budgeted:
        spend_budget(session, points=points, limits=limits, on=on)
    if points < 0 and not reason.may_owe:
        has = queries.standing(session, member_id=member_id, unit=unit, on=on)
        if has.available < -points:
            raise PointsGone(needed=-points, available=has.available)


def _check_member(session: Session, member_id: int, person: Staff) -> None:
    """Let nobody near their own points, or the points of who has left."""
    found = session.scalar(
        text("SELECT member_id FROM ledger.book WHERE member_id = :member"),
        {"member": member_id},
    )
    if found is None:
        raise UnknownMember(member_ref=str(member_id))
    if person.member_id == member_id:
        raise OwnPoints
    if is_void(session, member_id=member_id):
        raise MemberHasLeft


def _agent(session: Session, maker: int) -> Staff:
    """Return who asks, whose requests come one after the other from now on."""
    return session.scalars(
        select(Staff).where(Staff.staff_id == maker).with_for_update(key_share=True)
    ).one()


def _is_partner(session: Session, partner: str) -> bool:
    found = session.scalar(
        text("SELECT 1 FROM partner WHERE partner = :partner"), {"partner": partner}
    )
    return found is not None


def _original(session: Session, member_id: int, of: str) -> AdjustmentPosting:
    """Return what was posted, if it stands and is no undoing itself."""
    original = session.get(AdjustmentPosting, (member_id, of))
    if original is None:
        raise UnknownAdjustment(adjustment_ref=of)
    undone = session.scalar(
        select(AdjustmentPosting.adjustment_ref).where(
            AdjustmentPosting.member_id == member_id, AdjustmentPosting.reverses == of
        )
    )
    if undone is not None or original.reverses is not None:
        raise UndoneAlready(adjustment_ref=of)
    return original


def _asked(session: Session, approval: Approval) -> Adjustment:
    member, _, adjustment_ref = approval.subject.partition("/")
    found = queries.adjustment(
        session, member_id=int(member), adjustment_ref=adjustment_ref
    )
    assert found is not None, "what is approved was asked for"
    return found


def _stands(
    session: Session, member_id: int, unit: str, *, on: date
) -> Mapping[str, Any]:
    has = queries.standing(session, member_id=member_id, unit=unit, on=on)
    return {"points_available": has.available, "points_owed": has.owed}


def _becomes(
    session: Session, member_id: int, unit: str, points: int, *, on: date
) -> dict[str, Any]:
    has = queries.standing(session, member_id=member_id, unit=unit, on=on)
    then = has.after(points)
    return {"points_available": then.available, "points_owed": then.owed}


def _facts(wish: Wish, points: int, reason: Reason) -> dict[str, Any]:
    told: dict[str, Any] = {
        "adjust_points": points,
        "adjust_unit": wish.unit,
        "reason_words": [reason.title_zh, reason.title_en],
    }
    return told | ({"partner": wish.partner} if wish.partner else {})

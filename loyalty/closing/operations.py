"""Tick steps off, close months, sign them off, and open the last one again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.closing.errors import (
    BooksUnsound,
    ChecklistMovedOn,
    MonthAhead,
    MonthBlocked,
    MonthClosedAlong,
    MonthSignedOff,
    MonthUnready,
    NotLastClosed,
    StepBlocked,
    StepUnexplained,
    UnknownStep,
)
from loyalty.closing.figures import code_version, figures_of
from loyalty.closing.models import MonthClose, MonthReopening, MonthSignOff, StepTick
from loyalty.closing.queries import (
    Checklist,
    StepState,
    checklist,
    is_closed,
    last_close,
)
from loyalty.closing.rules import Month, hash_of
from loyalty.closing.workings import Workings
from loyalty.journal.operations import keep, supersede
from loyalty.journal.queries import run_of
from loyalty.points.operations import let_nobody_post

SIGN_OFF, REOPEN = "month.sign_off", "month.reopen"


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing a month came to."""

    period: date
    was_closed: bool  # already, so that nothing was done


def close_month(session: Session, *, period: date, actor: str, at: datetime) -> Closing:
    """Close a month and all before it, if nothing speaks against it.

    The jobs that are due must have run. Who posts meanwhile is waited for, and what
    they post next is in the first open month. A closed month stays as it is. Raises
    `BooksUnsound` when the proof has findings and `MonthBlocked` for all else that
    has to be settled first; then nothing is closed.
    """
    if is_closed(session, period=period):
        return Closing(period, was_closed=True)
    # Before others have to wait, for it takes longest.
    workings = Workings(session, Month(period), at=at)
    proof = workings.proof
    if proof:
        raise BooksUnsound(
            findings=len(proof), first=f"{proof[0].finding}: {proof[0].detail}"
        )
    let_nobody_post(session)
    if is_closed(session, period=period):
        return Closing(period, was_closed=True)
    with session.begin_nested():
        Book(session).close(period)
        found = checklist(
            session,
            period=period,
            at=at,
            workings=workings,
        )
        if found.blocking:
            raise MonthBlocked(
                period=period,
                because=[
                    f"{one.count:,} {one.code.replace('_', ' ')}"
                    for one in found.blocking
                ],
            )
        assert workings.journal is not None, "else it blocks"
        keep(session, derived=workings.journal, actor=actor, at=at)
        _keep(session, found, figures_of(workings), actor=actor, at=at)
    return Closing(period, was_closed=False)


def check_begun(session: Session, *, period: date, today: date) -> None:
    """Raise `MonthAhead` for a month that only a slip of the hand can mean.

    A year mistyped would close all months till then: either the month has begun, or
    the books have entries in it or after.
    """
    if period <= today:
        return
    last: date | None = session.scalar(
        text("SELECT max(effective_on) FROM ledger.transfer")
    )
    if last is None or last < period:
        raise MonthAhead(period=period)


def tick(
    session: Session,
    *,
    period: date,
    step: str,
    note: str | None,
    staff_id: int,
    at: datetime,
) -> StepTick:
    """Tick a step off, with the evidence as it is now.

    Raises `UnknownStep`, `StepBlocked` with what has to be settled, and
    `StepUnexplained` where findings need a note.
    """
    one = _step(session, period, step, at)
    if one.evidence.blocking:
        raise StepBlocked(
            step=step, because=[found.code for found in one.evidence.blocking]
        )
    if one.evidence.findings and not note:
        raise StepUnexplained(step=step)
    return _ticked(session, one, period, note=note, staff_id=staff_id, at=at)


def take_back(
    session: Session, *, period: date, step: str, staff_id: int, at: datetime
) -> StepTick:
    """Take the tick of a step back; it stays in the history.

    Raises `UnknownStep`.
    """
    one = _step(session, period, step, at)
    return _ticked(
        session, one, period, note=None, staff_id=staff_id, at=at, withdraws=True
    )


def ask_sign_off(
    session: Session, *, period: date, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask a reviewer to sign a month off, which closes it if it is open.

    Raises `MonthUnready` while steps are not ticked off, `MonthSignedOff` and
    `MonthClosedAlong` for a month that is over, and `AlreadyRequested`.
    """
    found = _ready(session, period, at)
    return request(
        session,
        action=SIGN_OFF,
        subject=f"{period:%Y-%m}",
        before=None,
        after={
            "period": f"{period:%Y-%m}",
            "steps_ticked": len(found.steps),
            "checklist_hash": found.hash,
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_sign_off(session: Session, *, approval: Approval, at: datetime) -> None:
    """Close the month, unless it is closed, and keep who prepared and reviewed it.

    Raises `ChecklistMovedOn` if the evidence is another than what was asked about,
    and as `ask_sign_off` and `close_month` do.
    """
    assert approval.action == SIGN_OFF
    assert approval.state == "approved"
    assert approval.checker is not None
    period = date.fromisoformat(f"{approval.subject}-01")
    found = _ready(session, period, at)
    if found.hash != approval.after["checklist_hash"]:
        raise ChecklistMovedOn(period=period)
    close_month(session, period=period, actor=f"staff:{approval.checker}", at=at)
    close = last_close(session, period=period)
    if close is None:  # meanwhile, along with a later one
        raise MonthClosedAlong(period=period)
    session.execute(
        insert(MonthSignOff).values(
            period=period,
            nth=close.nth,
            preparer=approval.maker,
            reviewer=approval.checker,
            checklist_hash=found.hash,
            approval_id=approval.approval_id,
            signed_at=at,
        )
    )


def ask_reopening(
    session: Session, *, period: date, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for the last closed month to be opened again.

    Raises `NotLastClosed` and `AlreadyRequested`.
    """
    closed_through = _last_closed(session, period)
    return request(
        session,
        action=REOPEN,
        subject=f"{period:%Y-%m}",
        before={"closed_through": closed_through.isoformat()},
        after={"closed_through": (period - timedelta(days=1)).isoformat()},
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_reopening(session: Session, *, approval: Approval, at: datetime) -> None:
    """Open the last closed month again; what it closed with stays in the history.

    Entries that went to the months after it stay there: they say when they happened.
    Raises `NotLastClosed` if another month was closed meanwhile.
    """
    assert approval.action == REOPEN
    assert approval.state == "approved"
    period = date.fromisoformat(f"{approval.subject}-01")
    let_nobody_post(session)
    _last_closed(session, period)
    close = last_close(session, period=period)
    is_open = Book(session).reopen(period)
    assert is_open
    if run_of(session, period=period) is not None:
        supersede(session, period=period, actor=f"staff:{approval.checker}", at=at)
    if close is not None:
        session.execute(
            insert(MonthReopening).values(
                period=period,
                nth=close.nth,
                reason=approval.reason,
                approval_id=approval.approval_id,
                reopened_at=at,
            )
        )


def _keep(
    session: Session,
    found: Checklist,
    figures: dict[str, Any],
    *,
    actor: str,
    at: datetime,
) -> None:
    """Write down how a month was closed, and what its figures were then."""
    nth = session.scalar(
        select(func.coalesce(func.max(MonthClose.nth), 0) + 1).where(
            MonthClose.period == found.period
        )
    )
    session.execute(
        insert(MonthClose).values(
            period=found.period,
            nth=nth,
            checklist={one.step.code: one.evidence.as_json() for one in found.steps},
            figures=figures,
            figures_hash=hash_of(figures),
            code_version=code_version(),
            actor=actor,
            closed_at=at,
        )
    )


def _ready(session: Session, period: date, at: datetime) -> Checklist:
    """Return the checklist of a month that can be signed off."""
    found = checklist(session, period=period, at=at)
    if found.is_closed and found.close is None:
        raise MonthClosedAlong(period=period)
    if found.sign_off is not None:
        raise MonthSignedOff(period=period)
    if found.unticked:
        raise MonthUnready(period=period, steps=len(found.unticked))
    return found


def _last_closed(session: Session, period: date) -> date:
    """Return the last closed day, if it is one of this month."""
    closed_through = Book(session).closed_through()
    if closed_through is None or closed_through.replace(day=1) != period:
        raise NotLastClosed(period=period, last=closed_through)
    return closed_through


def _step(session: Session, period: date, code: str, at: datetime) -> StepState:
    found = checklist(session, period=period, at=at)
    for one in found.steps:
        if one.step.code == code:
            return one
    raise UnknownStep(step=code)


def _ticked(
    session: Session,
    one: StepState,
    period: date,
    *,
    note: str | None,
    staff_id: int,
    at: datetime,
    withdraws: bool = False,
) -> StepTick:
    made = StepTick(
        period=period,
        step=one.step.code,
        withdraws=withdraws,
        evidence_hash=one.evidence.hash,
        evidence=one.evidence.as_json(),
        note=note,
        staff_id=staff_id,
        ticked_at=at,
    )
    session.add(made)
    session.flush()
    return made

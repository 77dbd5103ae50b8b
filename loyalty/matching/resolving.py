"""Bring a break to an end: somebody owns it, asks the partner, two people settle it.

What settles a break closes it. Money that this moves is booked here; points are posted
by the face above in the same transaction, by the use case that posts such things every
day.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.breaks.models import StatementBreak
from loyalty.matching.bookings import book_planned, planned
from loyalty.matching.errors import (
    BookingsChanged,
    BreakClosed,
    BreakFoundAgain,
    NotAResolution,
    UnknownBreak,
)
from loyalty.matching.rules import ASK, REOPEN, SUSPENSE, suggested

RESOLVE: Final = "matching.resolve"


def offered(found: StatementBreak) -> tuple[str, ...]:
    """Return what may end a break, the most likely first."""
    return suggested(
        code=found.code,
        kind=found.kind,
        is_theirs=found.event_ref is None and found.line_id is not None,
        resolution=found.resolution,
    )


def take_on(session: Session, *, break_id: int, owner: int) -> StatementBreak:
    """Let somebody see to a break.

    Raises `UnknownBreak` and `BreakClosed`.
    """
    found = open_break(session, break_id=break_id)
    found.owner = owner
    session.flush()
    return found


def ask_partner(
    session: Session, *, break_id: int, note: str, at: datetime
) -> StatementBreak:
    """Write down that the partner was asked about a break; it stays open.

    Raises `UnknownBreak` and `BreakClosed`.
    """
    found = open_break(session, break_id=break_id)
    found.asked_at, found.note = at, note
    session.flush()
    return found


def ask_resolution(
    session: Session,
    *,
    break_id: int,
    resolution: str,
    mend: Mapping[str, str],
    reason: str,
    maker: int,
    at: datetime,
    foretold: Mapping[str, list[str]] | None = None,
) -> Approval:
    """Ask for a break to be settled in a way; another person decides.

    `mend` is what the way needs to be carried out, `foretold` what it will post, for
    people to read; None: nobody has looked. Raises `UnknownBreak`, `BreakClosed`,
    `NotAResolution` and `AlreadyRequested`.
    """
    found = settled_break(session, break_id=break_id, resolution=resolution)
    plan = planned(session, found=found, resolution=resolution)
    if resolution == SUSPENSE and not plan:
        raise NotAResolution(resolution=resolution)
    return request(
        session,
        action=RESOLVE,
        subject=str(break_id),
        before=None if found.resolution is None else {"resolution": found.resolution},
        after={
            "partner": found.partner,
            "break_code": found.code,
            "about": found.reference,
            "ours_units": found.ours_units,
            "theirs_units": found.theirs_units,
            "ours_fen": found.ours_fen,
            "theirs_fen": found.theirs_fen,
            "resolution": resolution,
            "booked_fen": sum(one.fen for one in plan),
            **mend,
            **(foretold or {}),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_resolution(
    session: Session, *, approval: Approval, at: datetime
) -> StatementBreak:
    """End a break as two people have agreed, and book the money that this moves.

    Raises `UnknownBreak`, `BreakClosed` if it came to its end meanwhile,
    `NotAResolution`, `BookingsChanged` and `BreakFoundAgain`.
    """
    assert (approval.action, approval.state) == (RESOLVE, "approved")
    resolution: str = approval.after["resolution"]
    found = settled_break(
        session, break_id=int(approval.subject), resolution=resolution
    )
    plan = planned(session, found=found, resolution=resolution)
    if sum(one.fen for one in plan) != approval.after["booked_fen"]:
        raise BookingsChanged
    book_planned(
        session,
        found=found,
        plan=plan,
        reason=approval.reason,
        approval_id=approval.approval_id,
        at=at,
    )
    if resolution == REOPEN:
        _open_again(session, found)
        return found
    found.resolution, found.note = resolution, approval.reason
    found.resolved_by, found.approved_by = approval.maker, approval.checker
    found.closed_at = found.closed_at or at
    session.flush()
    return found


def settled_break(
    session: Session, *, break_id: int, resolution: str
) -> StatementBreak:
    """Return a break that may be settled in a way, locked until the transaction ends.

    An open one may be settled; one that is in suspense comes out of it, and what was
    decided otherwise can be taken back. Raises `UnknownBreak`, `BreakClosed` and
    `NotAResolution`.
    """
    found = _locked(session, break_id)
    if found.closed_at is not None and found.resolution is None:
        raise BreakClosed  # it went by itself
    ways = offered(found)
    if resolution == ASK or resolution not in ways:
        if found.closed_at is not None and (resolution != REOPEN or not ways):
            raise BreakClosed
        raise NotAResolution(resolution=resolution)
    return found


def open_break(session: Session, *, break_id: int) -> StatementBreak:
    """Return an open break, which nobody else can end meanwhile.

    Raises `UnknownBreak` and `BreakClosed`.
    """
    found = _locked(session, break_id)
    if found.closed_at is not None:
        raise BreakClosed
    return found


def _open_again(session: Session, found: StatementBreak) -> None:
    """Take back that a break was settled; what was booked is booked back already."""
    again = session.scalar(
        select(StatementBreak.break_id).where(
            StatementBreak.subject == found.subject,
            StatementBreak.partner == found.partner,
            StatementBreak.about_on == found.about_on,
            StatementBreak.reference == found.reference,
            StatementBreak.code == found.code,
            StatementBreak.closed_at.is_(None),
        )
    )
    if again is not None:
        raise BreakFoundAgain
    found.resolution = found.resolved_by = found.approved_by = None
    found.closed_at = None
    session.flush()


def _locked(session: Session, break_id: int) -> StatementBreak:
    found = session.get(
        StatementBreak, break_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise UnknownBreak
    return found

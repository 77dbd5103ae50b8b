"""Bring a break to an end: somebody owns it, asks the partner, two people settle it.

What settles a break closes it. Where that posts something, the face above does so in
the same transaction, by the use case that posts such things every day.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.breaks.models import StatementBreak
from loyalty.matching.errors import BreakClosed, NotAResolution, UnknownBreak
from loyalty.matching.rules import ASK, suggested

RESOLVE: Final = "matching.resolve"


def offered(found: StatementBreak) -> tuple[str, ...]:
    """Return what may end a break, the most likely first."""
    return suggested(
        code=found.code, kind=found.kind, is_theirs=found.event_ref is None
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
) -> Approval:
    """Ask for a break to be settled in a way; another person decides.

    `mend` is what the way needs to be carried out. Raises `UnknownBreak`,
    `BreakClosed`, `NotAResolution` and `AlreadyRequested`.
    """
    found = open_break(session, break_id=break_id)
    if resolution == ASK or resolution not in offered(found):
        raise NotAResolution(resolution=resolution)
    return request(
        session,
        action=RESOLVE,
        subject=str(break_id),
        before=None,
        after={
            "partner": found.partner,
            "break_code": found.code,
            "about": found.reference,
            "ours_units": found.ours_units,
            "theirs_units": found.theirs_units,
            "ours_fen": found.ours_fen,
            "theirs_fen": found.theirs_fen,
            "resolution": resolution,
            **mend,
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_resolution(
    session: Session, *, approval: Approval, at: datetime
) -> StatementBreak:
    """End a break as two people have agreed.

    Raises `UnknownBreak`, and `BreakClosed` if it came to its end meanwhile.
    """
    assert (approval.action, approval.state) == (RESOLVE, "approved")
    found = open_break(session, break_id=int(approval.subject))
    found.resolution, found.note = approval.after["resolution"], approval.reason
    found.resolved_by, found.approved_by = approval.maker, approval.checker
    found.closed_at = at
    session.flush()
    return found


def open_break(session: Session, *, break_id: int) -> StatementBreak:
    """Return an open break, which nobody else can end meanwhile.

    Raises `UnknownBreak` and `BreakClosed`.
    """
    found = session.get(
        StatementBreak, break_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise UnknownBreak
    if found.closed_at is not None:
        raise BreakClosed
    return found

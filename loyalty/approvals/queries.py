"""Read what waits for a second person, and what was decided."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.approvals.errors import UnknownApproval
from loyalty.approvals.models import Approval


def approval(session: Session, *, approval_id: int) -> Approval:
    """Return one request.

    Raises `UnknownApproval`.
    """
    found = session.get(Approval, approval_id)
    if found is None:
        raise UnknownApproval(approval_id=approval_id)
    return found


def open_approvals(
    session: Session, *, at: datetime, action: str | None = None
) -> Sequence[Approval]:
    """Return what can still be decided, what expires first at the top."""
    wanted = (
        select(Approval)
        .where(Approval.state == "open", Approval.expires_at >= at)
        .order_by(Approval.expires_at, Approval.approval_id)
    )
    if action is not None:
        wanted = wanted.where(Approval.action == action)
    return session.scalars(wanted).all()


def decided(
    session: Session, *, at: datetime, subject: str | None = None, limit: int = 50
) -> Sequence[Approval]:
    """Return what is no longer open, newest first; some of it just expired."""
    wanted = (
        select(Approval)
        .where((Approval.state != "open") | (Approval.expires_at < at))
        .order_by(Approval.approval_id.desc())
        .limit(limit)
    )
    if subject is not None:
        wanted = wanted.where(Approval.subject == subject)
    return session.scalars(wanted).all()

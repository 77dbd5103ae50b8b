"""Ask for a change, and decide about one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.approvals.errors import (
    AlreadyRequested,
    ApprovalDecided,
    ApprovalExpired,
    NotYourRequest,
    OwnRequest,
    UnknownApproval,
)
from loyalty.approvals.models import Approval

EXPIRES_AFTER = timedelta(hours=72)


def request(
    session: Session,
    *,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for a change of a subject; it waits 72 hours for another person.

    Raises `AlreadyRequested` if the same action waits for that subject already.
    """
    session.execute(
        update(Approval)
        .where(
            Approval.action == action,
            Approval.subject == subject,
            Approval.state == "open",
            Approval.expires_at < at,
        )
        .values(state="expired", decided_at=at)
    )
    # Only what is asked is named: the application may write nothing else here.
    made: Approval | None = session.scalar(
        insert(Approval)
        .values(
            action=action,
            subject=subject,
            before=None if before is None else dict(before),
            after=dict(after),
            reason=reason,
            maker=maker,
            requested_at=at,
            expires_at=at + EXPIRES_AFTER,
        )
        .on_conflict_do_nothing()
        .returning(Approval)
    )
    if made is None:
        raise AlreadyRequested(action=action, subject=subject)
    return made


def approve(
    session: Session, *, approval_id: int, checker: int, note: str | None, at: datetime
) -> Approval:
    """Agree to what another person asked for; the caller makes it so.

    Raises `UnknownApproval`, `ApprovalDecided`, `ApprovalExpired`, `OwnRequest`.
    """
    return _decide(session, approval_id, "approved", checker=checker, note=note, at=at)


def reject(
    session: Session, *, approval_id: int, checker: int, note: str | None, at: datetime
) -> Approval:
    """Refuse what another person asked for.

    Raises `UnknownApproval`, `ApprovalDecided`, `ApprovalExpired`, `OwnRequest`.
    """
    return _decide(session, approval_id, "rejected", checker=checker, note=note, at=at)


def withdraw(
    session: Session, *, approval_id: int, maker: int, at: datetime
) -> Approval:
    """Take back what one asked for oneself.

    Raises `UnknownApproval`, `ApprovalDecided`, `NotYourRequest`.
    """
    found = _open(session, approval_id)
    if found.maker != maker:
        raise NotYourRequest(approval_id=approval_id)
    found.state, found.decided_at = "withdrawn", at
    session.flush()
    return found


def _decide(
    session: Session,
    approval_id: int,
    state: str,
    *,
    checker: int,
    note: str | None,
    at: datetime,
) -> Approval:
    found = _open(session, approval_id)
    if found.expires_at < at:
        raise ApprovalExpired(approval_id=approval_id)
    if found.maker == checker:
        raise OwnRequest(approval_id=approval_id)
    found.state, found.checker, found.note, found.decided_at = state, checker, note, at
    session.flush()
    return found


def _open(session: Session, approval_id: int) -> Approval:
    """Return an open request, which nobody else can decide meanwhile."""
    found = session.scalar(
        select(Approval)
        .where(Approval.approval_id == approval_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownApproval(approval_id=approval_id)
    if found.state == "expired":
        raise ApprovalExpired(approval_id=approval_id)
    if found.state != "open":
        raise ApprovalDecided(approval_id=approval_id, state=found.state)
    return found

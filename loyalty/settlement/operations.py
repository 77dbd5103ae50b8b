"""Take in what partners dispute, and answer it."""

import secrets
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request as ask_second_person
from loyalty.events.operations import record as tell
from loyalty.settings import TIME_ZONE
from loyalty.settlement.calendars import booked_on
from loyalty.settlement.errors import (
    DisputeAnswered,
    DisputeWindowOver,
    UnknownDispute,
)
from loyalty.settlement.models import Dispute, SettlementStatement, StatementLine
from loyalty.settlement.statements import open_window

ACCEPT = "dispute.accept"


def raise_dispute(
    session: Session,
    *,
    partner: str,
    period: date,
    partner_ref: str | None,
    break_code: str,
    reason: str,
    actor: str,
    at: datetime,
    claimed_fen: int | None = None,
) -> Dispute:
    """Write down what a partner says is wrong with a month; finance answers it.

    Where statements of the month were issued it is about the one with the line that
    is named, or the last. Raises `DisputeWindowOver` and `StatementMovedOn` where it
    can be disputed no more.
    """
    statement = _disputed(session, partner=partner, period=period, ref=partner_ref)
    if statement is not None:
        until = statement.disputable_until
        if until is not None and at.astimezone(TIME_ZONE).date() > until:
            raise DisputeWindowOver(until=until)
        open_window(session, statement, actor=actor, at=at)
    dispute = Dispute(
        dispute_id=f"dsp_{secrets.token_hex(12)}",
        partner=partner,
        period=period,
        partner_ref=partner_ref,
        break_code=break_code,
        reason=reason,
        state="open",
        raised_at=at,
        raised_by=actor,
        statement_id=None if statement is None else statement.statement_id,
        claimed_fen=claimed_fen,
    )
    session.add(dispute)
    session.flush()
    return dispute


def dispute_of(session: Session, *, partner: str, dispute_id: str) -> Dispute:
    """Return a dispute of a partner.

    Raises `UnknownDispute`.
    """
    found = session.get(Dispute, dispute_id)
    if found is None or found.partner != partner:
        raise UnknownDispute
    return found


def ask_acceptance(
    session: Session,
    *,
    dispute_id: str,
    answer: str,
    maker: int,
    at: datetime,
    granted_fen: int = 0,
) -> Approval:
    """Ask to grant what a partner disputes; money follows from it, so two decide.

    `answer` is what the partner will read, `granted_fen` what it owes less. Nothing,
    where entries of their own correct it. Raises `UnknownDispute`, `DisputeAnswered`
    and `AlreadyRequested`.
    """
    assert granted_fen >= 0
    dispute = _open(session, dispute_id)
    return ask_second_person(
        session,
        action=ACCEPT,
        subject=dispute_id,
        before={"dispute_state": "open"},
        after={
            "dispute_state": "accepted",
            "partner": dispute.partner,
            "statement_month": f"{dispute.period:%Y-%m}",
            "break_code": dispute.break_code,
            "granted_fen": granted_fen,
        },
        reason=answer,
        maker=maker,
        at=at,
    )


def apply_acceptance(session: Session, *, approval: Approval, at: datetime) -> Dispute:
    """Grant what a partner disputes, and tell it.

    What it owes less comes onto its next statement. Raises `DisputeAnswered` if it was
    answered meanwhile.
    """
    assert (approval.action, approval.state) == (ACCEPT, "approved")
    dispute = _open(session, approval.subject)
    granted_on = booked_on(session, at.astimezone(TIME_ZONE).date())
    dispute.granted_fen = approval.after.get("granted_fen", 0)
    dispute.granted_on = granted_on
    return _answer(
        session,
        dispute,
        "accepted",
        answer=approval.reason,
        actor=f"staff:{approval.checker}",
        at=at,
    )


def reject(
    session: Session, *, dispute_id: str, answer: str, actor: str, at: datetime
) -> Dispute:
    """Stand by what a month came to, and tell the partner why.

    Raises `UnknownDispute` and `DisputeAnswered`.
    """
    return _answer(
        session,
        _open(session, dispute_id),
        "rejected",
        answer=answer,
        actor=actor,
        at=at,
    )


def _answer(
    session: Session,
    dispute: Dispute,
    state: str,
    *,
    answer: str,
    actor: str,
    at: datetime,
) -> Dispute:
    dispute.state, dispute.answer = state, answer
    dispute.answered_at, dispute.answered_by = at, actor
    session.flush()
    tell(
        session,
        partner=dispute.partner,
        type_="dispute.answered",
        data={
            "id": dispute.dispute_id,
            "period": f"{dispute.period:%Y-%m}",
            "partner_ref": dispute.partner_ref,
            "status": state,
            "answer": answer,
        },
        at=at,
    )
    return dispute


def _disputed(
    session: Session, *, partner: str, period: date, ref: str | None
) -> SettlementStatement | None:
    """Return the issued statement that a dispute is about; None: none is issued."""
    names_it = exists().where(
        StatementLine.statement_id == SettlementStatement.statement_id,
        StatementLine.event_ref == ref,
    )
    return session.scalar(
        select(SettlementStatement)
        .where(
            SettlementStatement.partner == partner,
            SettlementStatement.period == period,
            SettlementStatement.state != "draft",
        )
        .order_by(names_it.desc(), SettlementStatement.nth.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _open(session: Session, dispute_id: str) -> Dispute:
    """Return a dispute that nobody else can answer meanwhile."""
    found = session.get(
        Dispute, dispute_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise UnknownDispute
    if found.state != "open":
        raise DisputeAnswered(state=found.state)
    return found

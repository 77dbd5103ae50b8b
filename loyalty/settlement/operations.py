"""Take in what partners dispute, and answer it."""

import secrets
from datetime import date, datetime

from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request as ask_second_person
from loyalty.events.operations import record as tell
from loyalty.settlement.errors import DisputeAnswered, UnknownDispute
from loyalty.settlement.models import Dispute

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
) -> Dispute:
    """Write down what a partner says is wrong with a month; finance answers it."""
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
    session: Session, *, dispute_id: str, answer: str, maker: int, at: datetime
) -> Approval:
    """Ask to grant what a partner disputes; money follows from it, so two decide.

    `answer` is what the partner will read. Raises `UnknownDispute`, `DisputeAnswered`
    and `AlreadyRequested`.
    """
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
        },
        reason=answer,
        maker=maker,
        at=at,
    )


def apply_acceptance(session: Session, *, approval: Approval, at: datetime) -> Dispute:
    """Grant what a partner disputes, and tell it; what corrects it is another entry.

    Raises `DisputeAnswered` if it was answered meanwhile.
    """
    assert (approval.action, approval.state) == (ACCEPT, "approved")
    return _answer(
        session,
        _open(session, approval.subject),
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

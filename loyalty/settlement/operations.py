"""Take in what partners dispute."""

import secrets
from datetime import date, datetime

from sqlalchemy.orm import Session

from loyalty.settlement.errors import UnknownDispute
from loyalty.settlement.models import Dispute


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

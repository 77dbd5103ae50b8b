"""Say how a partner pays for accruals; a second person agrees, for days to come."""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.prepaid.errors import BadBilling, BillingKnown, BillingTooSoon
from loyalty.prepaid.models import AccrualBilling
from loyalty.settings import TIME_ZONE

CHANGE: Final = "prepaid.billing"
BILLINGS: Final = ("prepaid", "postpaid", "none")
THOUSAND_FEN_MAX: Final = 100_000  # a hundred times what a point is carried at
_WHOLE_PCT: Final = 100


def ask_billing(
    session: Session,
    *,
    partner: str,
    billing: str,
    thousand_fen: int | None,
    billing_pct: int,
    valid_from: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for a partner to pay in another way, from tomorrow at the earliest.

    Raises `BadBilling` with the names of what makes no sense, `BillingTooSoon`,
    `BillingKnown` and `AlreadyRequested`.
    """
    known = session.scalar(
        text("SELECT count(*) FROM partner WHERE partner = :partner"),
        {"partner": partner},
    )
    wrong = {
        "partner": not known,
        "billing": billing not in BILLINGS,
        "thousand_fen": (billing == "postpaid") != (thousand_fen is not None)
        or not 0 <= (thousand_fen or 0) <= THOUSAND_FEN_MAX,
        "billing_pct": not 0 <= billing_pct <= _WHOLE_PCT,
    }
    faults = [name for name, is_wrong in wrong.items() if is_wrong]
    if faults:
        raise BadBilling(faults=faults)
    _check_day(session, partner=partner, valid_from=valid_from, at=at)
    before = billing_on(session, partner=partner, on=valid_from)
    return request(
        session,
        action=CHANGE,
        subject=partner,
        before=None
        if before is None
        else {
            "billing": before.billing,
            "thousand_fen": before.thousand_fen,
            "billing_pct": before.billing_pct,
            "valid_from": before.valid_from.isoformat(),
        },
        after={
            "billing": billing,
            "thousand_fen": thousand_fen,
            "billing_pct": billing_pct,
            "valid_from": valid_from.isoformat(),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_billing(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let a partner pay as was approved, and return the first day of it.

    Raises `BillingTooSoon` when that day has come meanwhile, and `BillingKnown`.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    said = approval.after
    valid_from = date.fromisoformat(said["valid_from"])
    _check_day(session, partner=approval.subject, valid_from=valid_from, at=at)
    session.add(
        AccrualBilling(
            partner=approval.subject,
            valid_from=valid_from,
            billing=said["billing"],
            thousand_fen=said["thousand_fen"],
            billing_pct=said["billing_pct"],
            approved_at=at,
        )
    )
    session.flush()
    return valid_from


def billing_on(session: Session, *, partner: str, on: date) -> AccrualBilling | None:
    """Return how a partner pays for what is done on a day; None: nobody said so."""
    return session.scalar(
        select(AccrualBilling)
        .where(AccrualBilling.partner == partner, AccrualBilling.valid_from <= on)
        .order_by(AccrualBilling.valid_from.desc())
        .limit(1)
    )


def _check_day(
    session: Session, *, partner: str, valid_from: date, at: datetime
) -> None:
    tomorrow = at.astimezone(TIME_ZONE).date() + timedelta(days=1)
    if valid_from < tomorrow:
        raise BillingTooSoon(valid_from=valid_from, earliest=tomorrow)
    if session.get(AccrualBilling, (partner, valid_from)) is not None:
        raise BillingKnown(partner=partner, valid_from=valid_from)

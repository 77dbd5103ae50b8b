"""Say how a partner's lines are compared; a second person agrees."""

from dataclasses import asdict
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.matching.errors import BadMatchTerms
from loyalty.matching.models import MatchTerms
from loyalty.matching.queries import terms_of
from loyalty.matching.rules import BASES, DAY_MINUTES, Terms

CHANGE: Final = "matching.terms"
_DAYS_APART_MAX: Final = 31
_TOLERANCE_MAX: Final = 10_000  # fen; more is no rounding


def ask_terms(
    session: Session,
    *,
    partner: str,
    wanted: Terms,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for a partner's lines to be compared in another way from the next match on.

    Raises `BadMatchTerms` with the names of what makes no sense, and
    `AlreadyRequested`.
    """
    known = session.scalar(
        text("SELECT count(*) FROM partner WHERE partner = :partner"),
        {"partner": partner},
    )
    wrong = {
        "partner": not known,
        "date_basis": wanted.date_basis not in BASES,
        "cut_off_minutes": not 1 <= wanted.cut_off_minutes <= DAY_MINUTES,
        "time_zone": not _is_zone(wanted.time_zone),
        "tolerance_fen": not 0 <= wanted.tolerance_fen <= _TOLERANCE_MAX,
        "days_apart": not 0 <= wanted.days_apart <= _DAYS_APART_MAX,
    }
    faults = [name for name, is_wrong in wrong.items() if is_wrong]
    if faults:
        raise BadMatchTerms(faults=faults)
    return request(
        session,
        action=CHANGE,
        subject=partner,
        before=asdict(terms_of(session, partner=partner)),
        after=asdict(wanted),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_terms(session: Session, *, approval: Approval, at: datetime) -> None:
    """Compare a partner's lines as was approved, from the next match on.

    What was decided before stays decided.
    """
    assert (approval.action, approval.state) == (CHANGE, "approved")
    said = {**asdict(Terms(**approval.after)), "changed_at": at}
    session.execute(
        insert(MatchTerms)
        .values(partner=approval.subject, **said)
        .on_conflict_do_update(index_elements=["partner"], set_=said)
    )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True

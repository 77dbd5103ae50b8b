"""Compare what a merchant's tills add up to on a day with ours (domain.md 3.4).

A void gives points back on the day they were captured, a refund on a later one. The
amount is what the points paid at the till.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.comparing import Difference, keep
from loyalty.breaks.models import Comparison
from loyalty.database import Database, retrying
from loyalty.settings import TIME_ZONE
from loyalty.settlement.errors import DayAhead
from partners.ports import Merchant, Outcome, Tally

KINDS: Final = ("sales", "voids", "refunds")

_PAID = """
(SELECT {points} * t.pays_num / t.pays_den
   FROM till_terms t JOIN partner p ON p.kind = t.partner_kind
  WHERE p.partner = m.partner AND t.partner IN (p.partner, '*')
    AND t.version = m.terms_version
  ORDER BY t.partner DESC LIMIT 1)
"""

_OURS = text(
    f"""
    WITH captured AS (
        SELECT m.*, r.redemption_ref, r.occurred_at, r.points AS captured
          FROM redemption r
          JOIN merchant_redemption m
            ON m.member_id = r.member_id AND m.captured_by = r.entry_id
         WHERE m.partner = :partner
    ), moves AS (
        SELECT 'sales' AS kind, m.captured AS points,
               {_PAID.format(points="m.captured")} AS fen
          FROM captured m
         WHERE m.occurred_at >= :begins AND m.occurred_at < :ends
         UNION ALL
        SELECT CASE WHEN m.occurred_at >= :begins THEN 'voids' ELSE 'refunds' END,
               b.points, {_PAID.format(points="b.points")}
          FROM captured m
          JOIN redemption_return b ON b.member_id = m.member_id
                                  AND b.redemption_ref = m.redemption_ref
         WHERE b.occurred_at >= :begins AND b.occurred_at < :ends
    )
    SELECT kind, count(*) AS times, sum(points) AS points, sum(fen) AS fen
      FROM moves GROUP BY kind
    """
)

Day = Mapping[str, Tally]  # by kind


@dataclass(frozen=True, slots=True)
class Compared:
    """A day as both sides have it."""

    ours: Day
    differences: list[Difference]
    comparison: Comparison


def day_of(session: Session, *, partner: str, day: date) -> dict[str, Tally]:
    """Return what we captured and gave back for a merchant on a day."""
    begins = datetime.combine(day, time.min, TIME_ZONE)
    facts = {"partner": partner, "begins": begins, "ends": begins + timedelta(days=1)}
    found = {
        row.kind: Tally(int(row.times), int(row.points), int(row.fen))
        for row in session.execute(_OURS, facts)
    }
    return {kind: found.get(kind, Tally()) for kind in KINDS}


def compare_day(
    session: Session,
    *,
    partner: str,
    day: date,
    theirs: Day,
    subject: str,
    actor: str,
    at: datetime,
) -> Compared:
    """Compare a day that a merchant has told with ours, and keep both.

    Raises `DayAhead`.
    """
    if day > at.astimezone(TIME_ZONE).date():
        raise DayAhead
    ours = day_of(session, partner=partner, day=day)
    differences = [
        _difference(kind, ours[kind], theirs[kind])
        for kind in KINDS
        if ours[kind] != theirs[kind]
    ]
    comparison = keep(
        session,
        subject=subject,
        partner=partner,
        about_on=day,
        ours={kind: asdict(tally) for kind, tally in ours.items()},
        theirs={kind: asdict(theirs[kind]) for kind in KINDS},
        differences=differences,
        actor=actor,
        at=at,
    )
    return Compared(ours, differences, comparison)


def fetch_day(
    database: Database, merchant: Merchant, *, partner: str, day: date, at: datetime
) -> Comparison | None:
    """Ask a merchant for its day and compare it; None: it is not over, or silent."""
    told = merchant.day_totals(day)
    if told.outcome is not Outcome.CONFIRMED:
        return None
    theirs = {"sales": told.sales, "voids": told.voids, "refunds": told.refunds}
    return retrying(
        database,
        partial(
            compare_day,
            partner=partner,
            day=day,
            theirs=theirs,
            subject="day_totals",
            actor="job:compare-day-totals",
            at=at,
        ),
    ).comparison


def _difference(kind: str, ours: Tally, theirs: Tally) -> Difference:
    if ours.count != theirs.count:
        code = "MISSING_OURS" if theirs.count > ours.count else "MISSING_THEIRS"
    else:
        code = "UNITS_DIFF" if ours.points != theirs.points else "AMOUNT_DIFF"
    return Difference(
        reference=kind,
        code=code,
        ours_count=ours.count,
        theirs_count=theirs.count,
        ours_units=ours.points,
        theirs_units=theirs.points,
        ours_fen=ours.amount_fen,
        theirs_fen=theirs.amount_fen,
    )

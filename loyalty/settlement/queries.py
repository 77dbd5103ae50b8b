"""Read what a partner's month came to, and what partners dispute of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.settlement.errors import PeriodAhead, UnknownDispute
from loyalty.settlement.models import Dispute

LISTED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Total:
    """Everything of one kind in a month."""

    kind: str
    unit: str
    lines: int
    points: int
    amount_fen: (
        int  # positive: the partner is owed; of what was earned, what was bought
    )


# By the accounting day: what a month says does not change when facts come late.
_TOTALS = text(
    """
    WITH earned AS (
        SELECT CASE WHEN a.original_ref IS NULL THEN 'accrued' ELSE 'reversed' END
                   AS kind,
               a.unit, CASE WHEN a.original_ref IS NULL THEN a.points ELSE -a.points END
                   AS points, a.amount_fen AS fen
          FROM activity a
         WHERE a.partner = :partner
           AND coalesce((SELECT t.effective_on FROM ledger.reference r
                           JOIN ledger.transfer t ON t.member_id = r.member_id
                            AND t.id = r.entry_id
                          WHERE r.member_id = a.member_id AND r.reference =
                                'activity:' || a.partner || '/' || a.partner_ref
                          LIMIT 1), a.occurred_on)
               BETWEEN :first AND :last
    ), spent AS (
        SELECT 'redeemed' AS kind, '*' AS unit, points, settlement_fen AS fen
          FROM redemption
         WHERE partner = :partner AND effective_on BETWEEN :first AND :last
        UNION ALL
        SELECT 'returned', '*', -b.points, -b.settlement_fen
          FROM redemption_return b JOIN redemption r
            ON r.member_id = b.member_id AND r.redemption_ref = b.redemption_ref
         WHERE r.partner = :partner AND b.effective_on BETWEEN :first AND :last
    ), exchanged AS (
        SELECT 'exchanged_' || e.direction AS kind,
               CASE e.direction WHEN 'out' THEN e.from_unit ELSE e.to_unit END AS unit,
               CASE e.direction WHEN 'out' THEN e.units_out ELSE e.units_in END
                   AS points,
               CASE e.direction WHEN 'out' THEN e.money_fen ELSE -e.money_fen END AS fen
          FROM exchange e
         WHERE e.partner = :partner AND e.state = 'confirmed'
           AND CAST(e.state_at AS date) BETWEEN :first AND :last
    )
    SELECT kind, unit, count(*) AS lines, sum(points) AS points, sum(fen) AS fen
      FROM (TABLE earned UNION ALL TABLE spent UNION ALL TABLE exchanged) f
     GROUP BY kind, unit ORDER BY kind, unit
    """
)


def month_of(
    session: Session, *, partner: str, period: date, today: date
) -> list[Total]:
    """Return the totals of a partner's month, by kind and unit.

    Raises `PeriodAhead`.
    """
    if period > today:
        raise PeriodAhead
    last = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    facts = {
        "partner": partner,
        "first": period,
        "last": date.fromordinal(last.toordinal() - 1),
    }
    return [
        Total(row.kind, row.unit, int(row.lines), int(row.points), int(row.fen))
        for row in session.execute(_TOTALS, facts)
    ]


def disputes(session: Session, *, state: str | None = None) -> Sequence[Dispute]:
    """Return disputes for staff, the newest first."""
    wanted = (
        select(Dispute)
        .order_by(Dispute.raised_at.desc(), Dispute.dispute_id)
        .limit(LISTED_MAX)
    )
    if state is not None:
        wanted = wanted.where(Dispute.state == state)
    return session.scalars(wanted).all()


def dispute(session: Session, *, dispute_id: str) -> Dispute:
    """Return a dispute, whoever's it is.

    Raises `UnknownDispute`.
    """
    found = session.get(Dispute, dispute_id)
    if found is None:
        raise UnknownDispute
    return found


def disputes_by_state(session: Session) -> dict[str, int]:
    """Return how many disputes are in each state."""
    rows = session.execute(select(Dispute.state, func.count()).group_by(Dispute.state))
    return {state: int(count) for state, count in rows}

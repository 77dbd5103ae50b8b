"""Read the club cost line."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class CostLine:
    """What a club, or a venue outside of any club, has cost in some days."""

    club: str | None
    venue: str | None
    kind: str
    times: int
    fen: int


def club_costs(session: Session, *, first: date, last: date) -> list[CostLine]:
    """Return the club cost line of some days, by what it was for (domain.md A17).

    What shops and halls redeem at the clubs' cost and no club has written down
    itself, such as a session taken by file, counts here with its settlement.
    """
    rows = session.execute(
        text(
            """
            SELECT club, venue, kind, sum(times), sum(fen) FROM (
                SELECT club, venue, kind, 1 AS times, fen FROM club_cost
                 WHERE effective_on BETWEEN :first AND :last
                UNION ALL
                SELECT NULL, r.partner, 'redemption', 1, r.settlement_fen
                  FROM redemption r
                 WHERE r.cost_treatment = 'CLUB_COST'
                   AND r.effective_on BETWEEN :first AND :last
                   AND NOT EXISTS (
                       SELECT FROM club_cost c
                        WHERE c.reference = r.redemption_ref || '-' || r.member_id)
                UNION ALL
                SELECT NULL, r.partner, 'redemption', 0, -b.settlement_fen
                  FROM redemption_return b JOIN redemption r
                    ON r.member_id = b.member_id AND r.redemption_ref = b.redemption_ref
                 WHERE r.cost_treatment = 'CLUB_COST'
                   AND b.effective_on BETWEEN :first AND :last) c
             GROUP BY club, venue, kind ORDER BY club NULLS LAST, venue NULLS LAST, kind
            """
        ),
        {"first": first, "last": last},
    )
    return [
        CostLine(club, venue, kind, int(times), int(fen))
        for club, venue, kind, times, fen in rows
    ]

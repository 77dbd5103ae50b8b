"""Read what a month did to the points and to the money, from the books alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.finance.moves import labelled
from loyalty.finance.rules import cost, next_month
from loyalty.rules.queries import programme_terms

_ROLL_FORWARD = text(
    f"""
    WITH flow AS (
        SELECT unit, debit, credit, draws IS NULL AS is_loose,
               effective_on < :first_day OR kind = 'opening' AS is_opening,
               sum(amount) AS amount
          FROM ledger.transfer WHERE effective_on < :next_month
         GROUP BY 1, 2, 3, 4, 5
    ), labelled AS ({labelled("flow")})
    SELECT u.code AS unit,
           sum(net) FILTER (WHERE label = 'opening') AS opening,
           sum(amount) FILTER (WHERE label = 'issued') AS issued,
           sum(amount) FILTER (WHERE label IN ('clawed_back', 'late_claw_back'))
               AS clawed_back,
           -sum(net) FILTER (WHERE label = 'redeemed.telecom') AS telecom,
           -sum(net) FILTER (WHERE label = 'redeemed.product') AS product,
           -sum(net) FILTER (WHERE label = 'redeemed.service') AS service,
           -sum(net) FILTER (WHERE label = 'redeemed.merchant') AS merchant,
           sum(net) FILTER (WHERE label = 'exchanged.in') AS exchanged_in,
           -sum(net) FILTER (WHERE label = 'exchanged.out') AS exchanged_out,
           -sum(net) FILTER (WHERE label = 'expired') AS expired,
           sum(CASE label WHEN 'voided' THEN amount ELSE -amount END)
               FILTER (WHERE label IN ('voided', 'late_claw_back')) AS voided,
           -sum(net) FILTER (WHERE label = 'forfeited.fraud') AS forfeited,
           sum(amount) FILTER (WHERE label = 'reinstated') AS reinstated,
           sum(net) FILTER (WHERE label = 'adjusted') AS adjusted,
           sum(net) AS closing,
           sum(CASE 'pending' WHEN credit THEN amount WHEN debit THEN -amount END)
               AS pending
      FROM ledger.unit u LEFT JOIN labelled l ON l.unit = u.code
     GROUP BY u.code, u.draw_rank ORDER BY u.draw_rank, u.code
    """
)
_FAMILIES = ("telecom", "product", "service", "merchant")
_INFLOWS = ("opening", "issued", "exchanged_in", "reinstated", "adjusted")

_PAYABLE = text(
    """
    SELECT partner, sum(fen) AS fen
      FROM (SELECT partner, settlement_fen AS fen FROM redemption
             WHERE effective_on >= :first_day AND effective_on < :next_month
            UNION ALL
            SELECT r.partner, -b.settlement_fen
              FROM redemption_return b JOIN redemption r
                ON r.member_id = b.member_id AND r.redemption_ref = b.redemption_ref
             WHERE b.effective_on >= :first_day AND b.effective_on < :next_month
            UNION ALL
            -- what came in is owed by the partner, and what was paid for in advance
            -- is owed no more
            SELECT partner, money_fen FROM exchange
             WHERE direction = 'out' AND billing = 'postpaid'
               AND effective_on >= :first_day AND effective_on < :next_month
            UNION ALL
            SELECT e.partner, -r.money_fen
              FROM exchange_reversal r JOIN exchange e USING (member_id, exchange_ref)
             WHERE e.direction = 'out' AND e.billing = 'postpaid'
               AND r.effective_on >= :first_day AND r.effective_on < :next_month) m
     WHERE partner IS NOT NULL
     GROUP BY partner HAVING sum(fen) <> 0 ORDER BY partner
    """
)


@dataclass(frozen=True, slots=True)
class Figures:
    """How large the programme is."""

    members: int
    open_points: int


def month_report(
    session: Session, period: date, *, proved: bool | None = None
) -> dict[str, Any]:
    """Return the month's roll-forward, payables and cost, ready for JSON.

    For each unit closing = opening + issued - clawed_back - redeemed +
    exchanged_in - exchanged_out - expired - voided - forfeited + reinstated +
    adjusted; money is in fen. `proved` is what proving the books said a moment ago;
    None: they are proved here.
    """
    days = {"first_day": period, "next_month": next_month(period)}
    rows = [
        {name: value or 0 for name, value in row.items()}
        for row in session.execute(_ROLL_FORWARD, days).mappings()
    ]
    terms = programme_terms(session)
    worth = cost(
        available=sum(int(row[name]) for row in rows for name in _INFLOWS),
        redeemed=sum(int(row[family]) for row in rows for family in _FAMILIES),
        fen_num=terms.carrying_fen_num,
        fen_den=terms.carrying_fen_den,
    )
    return {
        "period": f"{period:%Y-%m}",
        "units": {row["unit"]: _roll_forward(row) for row in rows},
        "payable": {
            row.partner: int(row.fen) for row in session.execute(_PAYABLE, days)
        },
        "cost": {
            "available": worth.available,
            "redeemed": worth.redeemed,
            "utilisation_percent": worth.utilisation_percent,
            "idle": worth.idle,
        },
        "proved": Book(session).prove() == [] if proved is None else proved,
    }


def figures(session: Session) -> Figures:
    """Return how many members the books are kept for, and what they hold."""
    row = session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM ledger.book) AS members,
                   coalesce(sum(available + held - owed), 0) AS points
              FROM ledger.balance
            """
        )
    ).one()
    return Figures(members=int(row.members), open_points=int(row.points))


def _roll_forward(row: Mapping[str, int]) -> dict[str, object]:
    before = ("opening", "issued", "clawed_back")
    after = (
        "exchanged_in",
        "exchanged_out",
        "expired",
        "voided",
        "forfeited",
        "reinstated",
        "adjusted",
        "closing",
        "pending",
    )
    return {
        **{name: int(row[name]) for name in before},
        "redeemed": {family: int(row[family]) for family in _FAMILIES},
        **{name: int(row[name]) for name in after},
    }

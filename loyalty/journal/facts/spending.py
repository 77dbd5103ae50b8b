"""What points were spent on, and what of it was given back.

Each part of a redemption has its part of what is owed for it and of what was paid in
money, in the proportion of its points.
"""

from typing import Final

from loyalty.journal.facts.legs import honored, lots

_REDEEMED: Final = (
    "split_part(t.credit, ':', 1) LIKE 'redeemed.%'"
    " OR split_part(t.debit, ':', 1) LIKE 'redeemed.%'"
)
# What a coalition pays for its points: by the day on which they were spent.
_HONORED: Final = honored(
    "l.funding LIKE 'coalition:%'",
    "substr(l.funding, length('coalition:') + 1)",
    """CASE WHEN l.c LIKE 'redeemed.%' OR l.c = 'exchanged.out' THEN l.occurred_at
            ELSE (SELECT min(s.occurred_at) FROM ledger.transfer s
                   WHERE s.member_id = l.member_id AND s.id = l.reverses) END""",
)
# Where nobody wrote down what was redeemed, the account says what kind of thing it was.
REDEMPTIONS: Final = f"""
WITH leg AS ({lots(_REDEEMED)}),
told AS (
    SELECT l.period, l.member_id, l.id, l.unit, l.earned_in, l.funding, l.units,
           l.c LIKE 'redeemed.%' AS is_spent,
           split_part(CASE WHEN l.c LIKE 'redeemed.%' THEN l.c ELSE l.d END, '.', 2)
               AS family,
           coalesce(r.partner, l.partner) AS partner, r.item_code AS item,
           r.cost_treatment, o.fulfilment, coalesce(r.effective_on, (
               SELECT min(s.effective_on) FROM ledger.transfer s
                WHERE s.member_id = l.member_id AND s.id = l.reverses)) AS of,
           greatest(CASE WHEN b.entry_id IS NULL THEN r.points ELSE b.points END, 1)
               AS parts,
           coalesce(b.settlement_fen, r.settlement_fen, 0) AS payable,
           coalesce({_HONORED}, 0) AS honors,
           CASE WHEN b.entry_id IS NULL THEN coalesce(o.cash_fen, 0)
                ELSE coalesce(o.cash_fen, 0) * b.quantity / r.quantity END AS cash
      FROM leg l
      LEFT JOIN redemption_return b ON b.member_id = l.member_id AND b.entry_id = l.id
      LEFT JOIN redemption r
        ON r.member_id = l.member_id
       AND r.entry_id = CASE WHEN l.c LIKE 'redeemed.%' THEN l.id ELSE l.reverses END
      LEFT JOIN member_order o ON o.member_id = r.member_id
                              AND 'order:' || o.order_ref = r.redemption_ref
), treated AS (
    SELECT *, coalesce(cost_treatment, CASE family WHEN 'telecom'
                  THEN 'NO_REVENUE_EFFECT' WHEN 'service' THEN 'CLUB_COST'
                  ELSE 'POINTS_ACCRUAL' END) AS treatment
      FROM told
)
SELECT period, CASE WHEN is_spent THEN 'redeemed' ELSE 'returned' END AS event,
       CASE WHEN is_spent THEN 'redeem' ELSE 'return' END AS effect,
       unit, earned_in, funding, partner, family, item, treatment, fulfilment,
       CASE WHEN NOT is_spent THEN CAST(date_trunc('month', of) AS date) END AS of,
       coalesce(parts, 1) * 1000 AS parts, sum(units) AS points,
       count(DISTINCT id) AS count,
       -- what clubs cost is told by their own line
       1000 * sum(CASE treatment WHEN 'CLUB_COST' THEN 0
                       ELSE units * CAST(payable AS numeric) END) AS payable,
       1000 * sum(units * CAST(cash AS numeric)) AS cash,
       sum(units * CAST(honors AS numeric) * coalesce(parts, 1)) AS worth
  FROM treated GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
"""

_WENT_OUT: Final = "t.kind IN ('exchange_out', 'exchange_out_reversal')"
EXCHANGES_OUT: Final = f"""
WITH leg AS ({lots(_WENT_OUT)}),
told AS (
    SELECT l.*, l.c = 'exchanged.out' AS is_spent, e.exchange_ref,
           coalesce(e.billing, 'postpaid') AS billing, e.effective_on AS of,
           coalesce(e.units_out, 1) AS units_out,
           CASE WHEN e.billing = 'prepaid' THEN 0
                ELSE coalesce(v.money_fen, e.money_fen, 0) END AS payable,
           coalesce({_HONORED}, 0) AS honors
      FROM leg l
      LEFT JOIN exchange_reversal v ON v.member_id = l.member_id AND v.entry_id = l.id
      LEFT JOIN exchange e
        ON e.member_id = l.member_id
       AND e.entry_id = CASE l.c WHEN 'exchanged.out' THEN l.id ELSE l.reverses END
     WHERE 'exchanged.out' IN (l.c, l.d)
)
SELECT period, CASE WHEN is_spent THEN 'exchanged_out' ELSE 'exchange_undone' END
           AS event,
       CASE WHEN is_spent THEN 'redeem' ELSE 'return' END AS effect,
       unit, earned_in, funding, partner, billing,
       CASE WHEN NOT is_spent THEN CAST(date_trunc('month', of) AS date) END AS of,
       units_out * 1000 AS parts, sum(units) AS points,
       count(DISTINCT id) AS count,
       1000 * sum(units * CAST(payable AS numeric)) AS payable,
       sum(units * CAST(honors AS numeric) * units_out) AS worth
  FROM told GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
UNION ALL
-- what was paid for in advance costs what its block did
SELECT t.period, CASE WHEN is_spent THEN 'exchanged_out' ELSE 'exchange_undone' END,
       CASE WHEN is_spent THEN 'redeem' ELSE 'return' END,
       t.unit, t.earned_in, t.funding, t.partner, t.billing,
       CASE WHEN NOT is_spent THEN CAST(date_trunc('month', of) AS date) END,
       t.units_out * p.units_bought, 0, 0,
       sum(t.units * m.units * CAST(p.price_fen AS numeric)), 0
  FROM told t
  JOIN block_move m ON m.reference = t.exchange_ref
                   AND m.what = CASE WHEN t.is_spent THEN 'draw' ELSE 'return' END
  JOIN point_block p ON p.block_id = m.block_id
 WHERE t.billing = 'prepaid'
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""

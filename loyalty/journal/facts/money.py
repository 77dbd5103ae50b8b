"""What moved money beside points: clubs' costs, cash, blocks, vouchers that were used.

What is known by the clock alone belongs to the first month that was open then.
"""

from typing import Final

from loyalty.journal.facts.legs import MONTH, honored, in_months
from loyalty.payments.payouts import MOVES
from loyalty.points.entries import FUNDING_CLASS

_OPEN_DAY: Final = """
greatest(CAST({at} AS date), coalesce((
    SELECT CAST(max(j.period) + interval '1 month' AS date) FROM journal_run j
     WHERE j.kept_at < {at} AND j.superseded_at IS NULL), '-infinity'))
"""

# As `loyalty.costs` has it: what halls redeem at the clubs' cost is added.
CLUB_ROWS: Final = """
    SELECT effective_on AS on_day, venue AS partner, club, fen, 1 AS times
      FROM club_cost
    UNION ALL
    SELECT r.effective_on, r.partner, NULL, r.settlement_fen, 1 FROM redemption r
     WHERE r.cost_treatment = 'CLUB_COST' AND NOT EXISTS (
           SELECT FROM club_cost c
            WHERE c.reference = r.redemption_ref || '-' || r.member_id)
    UNION ALL
    SELECT b.effective_on, r.partner, NULL, -b.settlement_fen, 1
      FROM redemption_return b JOIN redemption r USING (member_id, redemption_ref)
     WHERE r.cost_treatment = 'CLUB_COST'
"""
CLUB_COSTS: Final = f"""
SELECT period, 'club_cost' AS event, partner, club AS item, sum(fen) AS amount,
       sum(times) AS count
  FROM ({in_months(CLUB_ROWS)}) c
 GROUP BY 1, 2, 3, 4 HAVING sum(fen) <> 0
"""

CASH_ROWS: Final = f"""
    SELECT {_OPEN_DAY.format(at="p.state_at")} AS on_day, 'cash_in' AS event,
           p.amount_fen AS fen FROM payment p WHERE p.state = 'succeeded'
    UNION ALL
    SELECT {_OPEN_DAY.format(at="b.state_at")}, 'cash_back', b.amount_fen
      FROM refund b WHERE b.state = 'succeeded'
"""
CASH: Final = f"""
SELECT period, event, sum(fen) AS amount, count(*) AS count
  FROM ({in_months(CASH_ROWS)}) c
 GROUP BY 1, 2
"""

# Orders that cost no points (J17); what was given back of them is below zero.
ORDER_ROWS: Final = """
    SELECT r.effective_on AS on_day, r.partner, r.item_code AS item,
           r.cost_treatment AS treatment, o.fulfilment, o.cash_fen AS cash, 1 AS times,
           CASE r.cost_treatment WHEN 'CLUB_COST' THEN 0 ELSE r.settlement_fen END
               AS payable
      FROM redemption r
      JOIN member_order o ON o.member_id = r.member_id
                         AND 'order:' || o.order_ref = r.redemption_ref
     WHERE r.entry_id IS NULL
    UNION ALL
    SELECT b.effective_on, r.partner, r.item_code, r.cost_treatment, o.fulfilment,
           -o.cash_fen * b.quantity / r.quantity, 0,
           -CASE r.cost_treatment WHEN 'CLUB_COST' THEN 0 ELSE b.settlement_fen END
      FROM redemption_return b
      JOIN redemption r USING (member_id, redemption_ref)
      JOIN member_order o ON o.member_id = r.member_id
                         AND 'order:' || o.order_ref = r.redemption_ref
     WHERE r.entry_id IS NULL
"""
CASH_ORDERS: Final = f"""
SELECT period, 'cash_order' AS event, partner, item, treatment, fulfilment,
       sum(cash) AS cash, sum(payable) AS payable, sum(times) AS count
  FROM ({in_months(ORDER_ROWS)}) c
 GROUP BY 1, 2, 3, 4, 5, 6
"""

# We buy units of partners that members exchange into, or that bills give; partners buy
# ours for the rest.
BLOCK_ROWS: Final = f"""
    SELECT {_OPEN_DAY.format(at="b.bought_at")} AS on_day, b.direction, b.partner,
           b.price_fen FROM point_block b WHERE b.price_fen > 0
"""
BLOCKS: Final = f"""
SELECT period, CASE WHEN direction IN ('out', 'give') THEN 'block_bought'
                    ELSE 'block_sold' END AS event, partner,
       sum(price_fen) AS amount, count(*) AS count
  FROM ({in_months(BLOCK_ROWS)}) b
 GROUP BY 1, 2, 3
"""

# What own products bring when they are had: a voucher when it is used or its last day
# is over, what needs none at once. `used` points of it were redeemed in the month `of`;
# what they were worth, in thousandths, is told of a coalition's.
_HONORED: Final = honored("x.cost_class = 'coalition'", "x.funding", "t.occurred_at")
OWN: Final = f"""
SELECT t.member_id, t.unit, x.earned_in, {FUNDING_CLASS} AS funding, x.units,
       coalesce({_HONORED}, 0) AS honors,
       r.item_code AS item, {MONTH.format(day="r.effective_on")} AS of, r.effective_on,
       r.redemption_ref, r.quantity, r.points, o.order_ref,
       coalesce(o.cash_fen, 0) AS cash_fen,
       coalesce(o.fulfilment IN ('VOUCHER', 'TOP_UP'), false) AS has_codes
  FROM redemption r
  JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id
  CROSS JOIN LATERAL unnest(t.draws) x
  LEFT JOIN member_order o ON o.member_id = r.member_id
                          AND 'order:' || o.order_ref = r.redemption_ref
 WHERE r.cost_treatment = 'NO_REVENUE_EFFECT'
"""
OWN_ROWS: Final = f"""
    SELECT {_OPEN_DAY.format(at="v.state_at")} AS on_day, 'voucher_used' AS event,
           w.*, w.quantity * w.points AS parts, w.units * w.points AS used,
           CAST(w.units AS numeric) * w.points * w.honors AS worth,
           w.units * w.cash_fen AS cash
      FROM own w JOIN voucher v ON v.member_id = w.member_id
                               AND v.order_ref = w.order_ref AND v.state = 'used'
     WHERE w.has_codes
    UNION ALL
    SELECT greatest(v.valid_until + 1, w.effective_on), 'voucher_lapsed',
           w.*, w.quantity * w.points, w.units * w.points,
           CAST(w.units AS numeric) * w.points * w.honors, w.units * w.cash_fen
      FROM own w JOIN voucher v ON v.member_id = w.member_id
                               AND v.order_ref = w.order_ref AND v.state = 'issued'
     WHERE w.has_codes
    UNION ALL
    SELECT w.effective_on, 'voucher_used', w.*, w.points, w.units * w.points,
           CAST(w.units AS numeric) * w.points * w.honors, w.units * w.cash_fen
      FROM own w WHERE NOT w.has_codes
    UNION ALL
    SELECT b.effective_on, 'voucher_used', w.*, w.points * w.quantity,
           -w.units * w.points * b.quantity,
           CAST(-w.units AS numeric) * w.points * b.quantity * w.honors,
           -w.units * w.cash_fen * b.quantity
      FROM own w JOIN redemption_return b USING (member_id, redemption_ref)
     WHERE NOT w.has_codes
"""
OWN_PRODUCTS: Final = f"""
WITH own AS MATERIALIZED ({OWN})
SELECT period, event, unit, earned_in, funding, item, of, parts * 1000 AS parts,
       sum(used) * 1000 AS used, sum(cash) * 1000 AS cash, sum(worth) AS worth,
       count(DISTINCT redemption_ref) AS count
  FROM ({in_months(OWN_ROWS)}) f
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

# What the provider of card payments keeps, takes back, and sends to our bank.
PROVIDER_ROWS: Final = f"""
    SELECT effective_on AS on_day, 'provider_fee' AS event, fee_fen AS fen
      FROM balance_transaction WHERE fee_fen <> 0
    UNION ALL
    SELECT effective_on, CASE type WHEN 'stripe_fee' THEN 'provider_fee'
                                   ELSE 'charged_back' END, -amount_fen
      FROM balance_transaction WHERE type IN ('stripe_fee', 'adjustment')
    UNION ALL
    SELECT on_day, 'payout', fen FROM ({MOVES}) m
"""
PROVIDER: Final = f"""
SELECT period, event, sum(fen) AS amount, count(*) AS count
  FROM ({in_months(PROVIDER_ROWS)}) p
 GROUP BY 1, 2 HAVING sum(fen) <> 0
"""

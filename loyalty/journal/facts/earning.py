"""What earned points at a price: bills, partners' activities, exchanges coming in."""

from typing import Final

from loyalty.journal.facts.legs import in_months, loose, lots

# What is posted of bills whose points moved nothing: all of it is for the service.
BARE_ROWS: Final = """
    SELECT b.effective_on AS on_day, 'bill_earned' AS event, b.member_id,
           b.bill_ref AS reference, b.amount_fen AS fen
      FROM bill b
     WHERE b.standing = 'none' AND b.effective_on >= :first AND b.effective_on < :until
       AND NOT EXISTS (SELECT FROM ledger.reference r
                        WHERE r.member_id = b.member_id
                          AND r.reference = 'bill:' || b.bill_ref)
    UNION ALL
    SELECT e.effective_on, 'bill_adjusted', e.member_id, e.ref, e.amount_fen
      FROM bill_event e
     WHERE e.source = 'adjustment'
       AND e.effective_on >= :first AND e.effective_on < :until
       AND NOT EXISTS (SELECT FROM ledger.reference r
                        WHERE r.member_id = e.member_id
                          AND r.reference = 'adjustment:' || e.ref)
"""
BARE_BILLS: Final = f"""
SELECT period, event, sum(fen) AS price, count(*) AS count
  FROM ({in_months(BARE_ROWS)}) b
 GROUP BY 1, 2 HAVING sum(fen) <> 0
"""

# The price of a bill is what it asked; a credit note takes back what it names.
BILLS: Final = """
SELECT CAST(date_trunc('month', t.effective_on) AS date) AS period,
       'bill_earned' AS event, 'issue' AS effect, t.unit,
       CAST(date_trunc('month', coalesce(b.billed_on, t.occurred_at)) AS date)
           AS earned_in,
       'operator' AS funding, sum(t.amount) AS points, count(*) AS count,
       sum(b.amount_fen) AS price
  FROM ledger.transfer t
  LEFT JOIN ledger.reference r ON r.member_id = t.member_id AND r.entry_id = t.id
  LEFT JOIN bill b ON b.member_id = t.member_id
                  AND b.bill_ref = substr(r.reference, length('bill:') + 1)
 WHERE t.effective_on >= :first AND t.effective_on < :until
   AND t.kind = 'bill_accrual' AND t.debit = 'issued'
 GROUP BY 1, 2, 3, 4, 5, 6
"""

_ADJUSTED: Final = "t.kind = 'bill_adjustment' AND t.credit = 'issued'"
ADJUSTMENTS: Final = f"""
SELECT period, 'bill_adjusted' AS event, 'claw' AS effect, unit, earned_in, funding,
       sum(points) AS points, sum(count) AS count, sum(price) AS price
  FROM (SELECT l.period, l.unit, l.earned_in, l.funding, -l.units AS points,
               0 AS count, 0 AS price
          FROM ({lots(_ADJUSTED)} UNION ALL {loose(_ADJUSTED)}) l
         UNION ALL
        SELECT n.period, n.unit, CAST(date_trunc('month', b.billed_on) AS date),
               'operator', 0, 1, e.amount_fen
          FROM (SELECT DISTINCT t.member_id, t.id, t.unit,
                       CAST(date_trunc('month', t.effective_on) AS date) AS period
                  FROM ledger.transfer t
                 WHERE t.effective_on >= :first AND t.effective_on < :until
                   AND {_ADJUSTED}) n
          JOIN ledger.reference r ON r.member_id = n.member_id AND r.entry_id = n.id
          JOIN bill_event e
            ON e.member_id = n.member_id AND e.source = 'adjustment'
           AND e.ref = substr(r.reference, length('adjustment:') + 1)
          JOIN bill b ON b.member_id = e.member_id AND b.bill_ref = e.bill_ref) a
 GROUP BY 1, 2, 3, 4, 5, 6
"""

_ACTIVITIES: Final = "t.kind IN ('activity_accrual', 'activity_refund')"
# Who pays on credit pays by the thousand points and per cent; who paid in advance, by
# the block.
ACTIVITIES: Final = f"""
WITH leg AS ({lots(_ACTIVITIES)} UNION ALL {loose(_ACTIVITIES)}),
told AS (
    SELECT l.*, coalesce(b.billing, 'none') AS billing, r.reference,
           b.thousand_fen * CAST(b.billing_pct AS bigint) AS parts_each,
           CASE l.kind WHEN 'activity_accrual' THEN 1 ELSE -1 END AS sign
      FROM leg l
      LEFT JOIN ledger.reference r ON r.member_id = l.member_id AND r.entry_id = l.id
      LEFT JOIN activity a
        ON a.member_id = l.member_id AND a.partner = l.partner
       AND a.partner_ref = substr(r.reference, length('activity:' || l.partner) + 2)
      LEFT JOIN accrual_billing b ON b.partner = a.partner
                                 AND b.valid_from = a.billed_from
     WHERE l.d = 'issued.partner' OR l.c = 'issued.partner'
)
SELECT period, 'partner_earned' AS event,
       CASE WHEN sign > 0 THEN 'issue' ELSE 'claw' END AS effect, unit, earned_in,
       funding, partner, billing, 100000 AS parts, sum(sign * units) AS points,
       count(DISTINCT id) AS count,
       sum(sign * units * CAST(parts_each AS numeric)) AS price
  FROM told GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
UNION ALL
SELECT t.period, 'partner_earned', CASE WHEN t.sign > 0 THEN 'issue' ELSE 'claw' END,
       t.unit, t.earned_in, t.funding, t.partner, t.billing, p.units_bought, 0, 0,
       sum(t.sign * m.units * CAST(p.price_fen AS numeric))
  FROM (SELECT DISTINCT ON (member_id, id) * FROM told WHERE billing = 'prepaid'
         ORDER BY member_id, id, earned_in) t
  JOIN block_move m ON m.reference = t.reference
                   AND m.what = CASE WHEN t.sign > 0 THEN 'draw' ELSE 'return' END
  JOIN point_block p ON p.block_id = m.block_id
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""

_CAME_IN: Final = "t.kind IN ('exchange_in', 'exchange_in_reversal')"
# Each part of an exchange has its part of the money; a block has been paid for.
EXCHANGES_IN: Final = f"""
WITH leg AS ({lots(_CAME_IN)} UNION ALL {loose(_CAME_IN)}),
told AS (
    SELECT l.*, e.billing, e.exchange_ref,
           CASE l.kind WHEN 'exchange_in' THEN 1 ELSE -1 END AS sign,
           CASE l.kind WHEN 'exchange_in' THEN e.units_in ELSE v.points END AS parts,
           CASE WHEN e.billing = 'prepaid' THEN 0 WHEN l.kind = 'exchange_in'
                THEN e.money_fen ELSE v.money_fen END AS money_fen,
           CASE l.kind WHEN 'exchange_in' THEN e.service_fen ELSE v.service_fen END
               AS service_fen
      FROM leg l
      LEFT JOIN exchange e
        ON e.member_id = l.member_id
       AND e.entry_id = CASE l.kind WHEN 'exchange_in' THEN l.id ELSE l.reverses END
      LEFT JOIN exchange_reversal v ON v.member_id = l.member_id AND v.entry_id = l.id
     WHERE 'exchanged.in' IN (l.d, l.c)
)
SELECT period, 'exchanged_in' AS event,
       CASE WHEN sign > 0 THEN 'issue' ELSE 'claw' END AS effect, unit, earned_in,
       funding, partner, coalesce(billing, 'postpaid') AS billing,
       coalesce(parts, 1) AS parts, sum(sign * units) AS points,
       count(DISTINCT id) AS count,
       sum(sign * units * CAST(money_fen AS numeric)) AS price,
       sum(sign * units * CAST(service_fen AS numeric)) AS service
  FROM told GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
UNION ALL
SELECT t.period, 'exchanged_in', CASE WHEN t.sign > 0 THEN 'issue' ELSE 'claw' END,
       t.unit, t.earned_in, t.funding, t.partner, t.billing, p.units_bought, 0, 0,
       sum(t.sign * m.units * CAST(p.price_fen AS numeric)), 0
  FROM (SELECT DISTINCT ON (member_id, id) * FROM told WHERE billing = 'prepaid'
         ORDER BY member_id, id, earned_in) t
  JOIN block_move m ON m.reference = t.exchange_ref
                   AND m.what = CASE WHEN t.sign > 0 THEN 'draw' ELSE 'return' END
  JOIN point_block p ON p.block_id = m.block_id
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""

_BOUGHT: Final = "t.kind IN ('purchase', 'purchase_return')"
PURCHASES: Final = f"""
SELECT l.period, 'purchased' AS event,
       CASE l.kind WHEN 'purchase' THEN 'issue' ELSE 'claw' END AS effect, l.unit,
       l.earned_in, 'purchased' AS funding,
       coalesce(CASE l.kind WHEN 'purchase' THEN p.points ELSE b.points END, 1)
           AS parts,
       sum(CASE l.kind WHEN 'purchase' THEN l.units ELSE -l.units END) AS points,
       count(DISTINCT l.id) AS count,
       sum(l.units * CAST(CASE l.kind WHEN 'purchase' THEN p.price_fen
                               ELSE -b.fen END AS numeric)) AS price
  FROM ({lots(_BOUGHT)} UNION ALL {loose(_BOUGHT)}) l
  LEFT JOIN point_purchase p ON p.member_id = l.member_id AND p.entry_id = l.id
  LEFT JOIN point_purchase_return b ON b.member_id = l.member_id AND b.entry_id = l.id
 WHERE 'issued' IN (l.d, l.c)
 GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

"""What moved points without a price of its own."""

from typing import Final

from loyalty.journal.facts.legs import SAID_OF_BILL, loose, lots

# Held ones and released ones change nothing, pending ones count as issued, and what
# has a price is told by other queries: so most of a month is left out here.
_MOVES: Final = """
'owed' IN (t.debit, t.credit) OR t.credit = 'expired'
OR 'voided.churn' IN (t.debit, t.credit) OR 'forfeited.fraud' IN (t.debit, t.credit)
OR 'adjusted' IN (t.debit, t.credit)
OR t.kind NOT IN ('bill_accrual', 'bill_adjustment', 'activity_accrual',
                  'activity_refund', 'purchase', 'purchase_return')
   AND ('issued' IN (t.debit, t.credit) OR t.debit LIKE 'issued.partner:%'
        OR t.credit LIKE 'issued.partner:%')
"""

# What was issued for a reason of its own; None: another query tells of it.
_REASON: Final = """
CASE WHEN l.kind IN ('activity_accrual', 'activity_refund', 'bill_adjustment',
                     'purchase', 'purchase_return') THEN NULL
     WHEN l.kind = 'opening' THEN 'opening'
     WHEN l.kind IN ('bill_revival', 'bill_cancel')
         THEN CASE WHEN 'issued' IN (l.d, l.c) THEN 'bill_canceled' END
     WHEN l.funding = 'goodwill' THEN 'granted'
     WHEN l.funding = 'fraud' THEN 'recredited'
     ELSE 'corrected' END
"""
_ISSUED: Final = "('issued', 'issued.partner', 'adjusted')"

FLOWS: Final = f"""
WITH leg AS (
    {lots(_MOVES)}
    UNION ALL
    {loose(_MOVES)}
)
SELECT l.period, v.event, v.effect, l.unit, l.earned_in, l.funding,
       sum(v.points) AS points, count(DISTINCT l.id) AS count
  FROM leg l
 CROSS JOIN LATERAL (VALUES
    (CASE WHEN l.d IN {_ISSUED} THEN {_REASON} END,
     CASE WHEN {_REASON} IN ('bill_canceled', 'corrected') THEN 'claw'
          ELSE 'issue' END, l.units),
    (CASE WHEN l.c IN {_ISSUED} THEN {_REASON} END, 'claw', -l.units),
    (CASE WHEN l.c = 'expired' THEN 'expired' END, 'expire', l.units),
    (CASE WHEN l.c = 'voided.churn' THEN 'voided' END, 'void', l.units),
    (CASE WHEN l.d = 'voided.churn' THEN 'voided' END, 'void', -l.units),
    (CASE WHEN l.c = 'forfeited.fraud' THEN 'forfeited' END, 'void', l.units),
    (CASE WHEN l.d = 'forfeited.fraud' THEN 'forfeited' END, 'void', -l.units),
    -- points that pay a debt are as good as spent, those that make one are not
    (CASE WHEN l.c = 'owed' THEN 'owed' END, 'redeem', l.units),
    (CASE WHEN l.d = 'owed' AND l.kind <> 'bill_bounce' THEN 'owed' END,
     'redeem', -l.units)
 ) v(event, effect, points)
 WHERE v.event IS NOT NULL
 GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(v.points) <> 0
"""

# A bounce takes what lots have, and makes it pending for the bill's own month.
BOUNCES: Final = f"""
SELECT period, 'owed' AS event, 'redeem' AS effect, unit, earned_in, funding,
       sum(points) AS points, count(DISTINCT id) AS count
  FROM (SELECT l.*, l.units AS points FROM ({lots("t.kind = 'bill_bounce'")}) l
        UNION ALL
        SELECT l.*, -l.units FROM ({loose("t.kind = 'bill_bounce'")}) l) moved
 GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(points) <> 0
"""

# Pending points have no lots: what leaving took of each month is what its bills had
# pending, since the last leaving that was not undone.
VOIDS: Final = f"""
WITH gone AS (
    SELECT t.member_id, t.id, t.kind, t.unit, t.amount, t.effective_on,
           CASE t.kind WHEN 'churn_void' THEN t.recorded_at
                ELSE (SELECT min(o.recorded_at) FROM ledger.transfer o
                       WHERE o.member_id = t.member_id AND o.id = t.reverses)
           END AS upto
      FROM ledger.transfer t
     WHERE t.effective_on >= :first AND t.effective_on < :until AND t.draws IS NULL
       AND (t.debit = 'pending' AND t.credit = 'voided.churn'
            OR t.debit = 'voided.churn' AND t.credit = 'pending')
), began AS (
    SELECT g.*, coalesce((
               SELECT max(o.recorded_at) FROM ledger.transfer o
                WHERE o.member_id = g.member_id AND o.debit = 'pending'
                  AND o.unit = g.unit
                  AND o.credit = 'voided.churn' AND o.recorded_at < g.upto
                  AND NOT EXISTS (SELECT FROM ledger.transfer u
                                   WHERE u.member_id = o.member_id
                                     AND u.reverses = o.id AND u.unit = o.unit
                                     AND u.debit = 'voided.churn')), '-infinity')
               AS since
      FROM gone g
), had AS (
    SELECT g.member_id, g.id, g.kind, g.unit, g.amount, g.effective_on,
           date_trunc('month', coalesce(b.billed_on, CAST(f.occurred_at AS date)))
               AS earned_in, coalesce('coalition:' || b.coalition, 'operator')
               AS funding,
           sum(CASE WHEN f.credit = 'pending' THEN f.amount ELSE -f.amount END)
               AS points
      FROM began g
      JOIN ledger.transfer f
        ON f.member_id = g.member_id AND f.unit = g.unit
       AND f.recorded_at > g.since
       AND (f.recorded_at < g.upto OR g.kind = 'reinstatement'
            AND f.debit = 'voided.churn' AND f.reverses IS NOT NULL
            AND f.id < g.id)
       AND f.kind NOT IN ('churn_void', 'reinstatement')
       AND ('pending' IN (f.debit, f.credit)
            OR f.debit = 'voided.churn' AND f.draws IS NULL)
      JOIN ledger.reference r ON r.member_id = f.member_id AND r.entry_id = f.id
      CROSS JOIN LATERAL (
          {SAID_OF_BILL.format(kind="f.kind", reference="r.reference")}
      ) s
      LEFT JOIN bill_event e ON e.member_id = f.member_id AND e.source = s.source
                            AND e.ref = s.event_ref
      LEFT JOIN bill b ON b.member_id = f.member_id
                      AND b.bill_ref = coalesce(s.bill_ref, e.bill_ref)
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), split AS (
    SELECT member_id, id, kind, unit, effective_on, earned_in, funding, points FROM had
    UNION ALL
    -- what no bill tells of, so that all of it is void
    SELECT g.member_id, g.id, g.kind, g.unit, g.effective_on,
           date_trunc('month', g.effective_on), 'operator', g.amount - coalesce((
               SELECT sum(h.points) FROM had h
                WHERE h.member_id = g.member_id AND h.id = g.id
                  AND h.unit = g.unit), 0)
      FROM gone g
)
SELECT CAST(date_trunc('month', effective_on) AS date) AS period, 'voided' AS event,
       'void' AS effect, unit, CAST(earned_in AS date) AS earned_in,
       funding,
       sum(CASE kind WHEN 'churn_void' THEN points ELSE -points END) AS points,
       count(DISTINCT id) AS count
  FROM split
 GROUP BY 1, 2, 3, 4, 5, 6
HAVING sum(CASE kind WHEN 'churn_void' THEN points ELSE -points END) <> 0
"""

"""Everything that is ever settled with a partner, as one query over what happened.

One row for each event, with its price and, in parts of a fen, exactly what it comes to:
above zero the partner owes us. Whatever else reads what is settled reads it from here.
"""

from typing import Final

from loyalty.points.entries import UNI
from loyalty.prepaid.coalitions import HONORED
from loyalty.settlement.rules import PARTS

# What members earned where the partner pays afterwards; a refund follows its original.
_ACCRUALS = """
SELECT a.partner, CASE WHEN a.original_ref IS NULL THEN 'accrued' ELSE 'reversed' END
           AS kind,
       a.member_id, a.partner_ref AS event_ref, '' AS sub_ref, a.activity AS about,
       coalesce((SELECT t.effective_on FROM ledger.reference r
                   JOIN ledger.transfer t ON t.member_id = r.member_id
                    AND t.id = r.entry_id
                  WHERE r.member_id = a.member_id AND r.reference =
                        'activity:' || a.partner || '/' || a.partner_ref
                  LIMIT 1), a.occurred_on) AS effective_on,
       a.occurred_on, CAST(b.valid_from AS text) AS rate_version, a.unit, s.units,
       b.thousand_fen AS price_num, CAST(1000 AS bigint) AS price_den, b.billing_pct,
       CAST(0 AS bigint) AS fee_fen,
       CAST(s.units AS numeric) * b.thousand_fen * b.billing_pct AS parts
  FROM activity a
  JOIN accrual_billing b ON b.partner = a.partner AND b.valid_from = a.billed_from
 CROSS JOIN LATERAL (
       SELECT CASE WHEN a.original_ref IS NULL THEN a.points ELSE -a.points END
           AS units) s
 WHERE b.billing = 'postpaid' AND a.points > 0
"""

_REDEMPTIONS = f"""
SELECT r.partner, 'redeemed', r.member_id, r.redemption_ref, '', r.item_code,
       r.effective_on, CAST(r.occurred_at AS date), NULL, 'item', r.quantity,
       r.settlement_fen, r.quantity, 100, 0,
       CAST(-r.settlement_fen AS numeric) * {PARTS}
  FROM redemption r WHERE r.partner IS NOT NULL AND r.settlement_fen > 0
UNION ALL
SELECT r.partner, 'returned', b.member_id, b.redemption_ref, b.return_ref, r.item_code,
       b.effective_on, CAST(b.occurred_at AS date), NULL, 'item', -b.quantity,
       b.settlement_fen, b.quantity, 100, 0, CAST(b.settlement_fen AS numeric) * {PARTS}
  FROM redemption_return b
  JOIN redemption r ON r.member_id = b.member_id AND r.redemption_ref = b.redemption_ref
 WHERE r.partner IS NOT NULL AND b.settlement_fen > 0
"""

# Units are the partner's own, for which the price is.
_EXCHANGES = f"""
SELECT e.partner, 'exchanged_' || e.direction, e.member_id, e.exchange_ref, '',
       e.from_unit || ' ' || e.to_unit, e.effective_on, e.requested_on,
       CAST(e.rate_version AS text), u.unit, u.units, c.fen_num, c.fen_den,
       c.billing_pct, u.sign * e.service_fen,
       CAST(u.sign * e.money_fen AS numeric) * {PARTS}
  FROM exchange e
  JOIN rate_card c ON (c.partner, c.direction, c.version)
                    = (e.partner, e.direction, e.rate_version)
 CROSS JOIN LATERAL (
       SELECT CASE e.direction WHEN 'out' THEN -1 ELSE 1 END AS sign,
              CASE e.direction WHEN 'out' THEN e.to_unit ELSE e.from_unit END AS unit,
              CASE e.direction WHEN 'out' THEN e.units_in ELSE e.units_out END
                  AS units) u
 WHERE e.billing = 'postpaid' AND e.effective_on IS NOT NULL AND e.money_fen > 0
UNION ALL
SELECT e.partner, 'exchange_' || e.direction || '_reversed', e.member_id,
       e.exchange_ref, '', e.from_unit || ' ' || e.to_unit, v.effective_on,
       CAST(v.occurred_at AS date), CAST(e.rate_version AS text), NULL,
       -v.points, v.money_fen, greatest(v.points, 1), 100, u.sign * v.service_fen,
       CAST(u.sign * v.money_fen AS numeric) * {PARTS}
  FROM exchange_reversal v
  JOIN exchange e ON e.member_id = v.member_id AND e.exchange_ref = v.exchange_ref
 CROSS JOIN LATERAL (
       SELECT CASE e.direction WHEN 'out' THEN 1 ELSE -1 END AS sign) u
 WHERE e.billing = 'postpaid' AND v.money_fen > 0
"""

# What a club owes for tournaments at a venue, and for benefits that a partner's
# machine took the code of. A session is a redemption already.
_CLUB_COSTS = f"""
SELECT p.partner, 'club_cost', coalesce(c.member_id, 0), c.reference, '', c.kind,
       c.effective_on, c.incurred_on, NULL, NULL, 1, -c.fen, 1, 100, 0,
       CAST(-c.fen AS numeric) * {PARTS}
  FROM club_cost c
  LEFT JOIN benefit_use u
    ON u.member_id = c.member_id
   AND c.reference = 'benefit:' || u.member_id || ':' || u.use_ref
  LEFT JOIN benefit_use o ON o.member_id = u.member_id AND o.use_ref = u.reverses
  LEFT JOIN partner_client k
    ON 'client:' || k.client_id = coalesce(o.actor, u.actor)
  JOIN partner p ON p.partner = coalesce(c.venue, k.partner)
 WHERE NOT EXISTS (SELECT FROM redemption r
                    WHERE r.member_id = c.member_id
                      AND c.reference = r.redemption_ref || '-' || r.member_id)
"""

# A coalition's points: we owe for those that bills give and no block covers, and it
# owes us for those that are spent with us. What is taken back follows its original.
_COALITIONS = f"""
SELECT p.partner, CASE WHEN p.units > 0 THEN 'given' ELSE 'taken_back' END,
       p.member_id, p.reference, '', p.bill_ref, p.effective_on, p.occurred_on,
       CAST(p.valid_from AS text), '{UNI}', p.units, c.price_thousand_fen, 1000, 100, 0,
       CAST(-p.units AS numeric) * c.price_thousand_fen * {PARTS // 1000}
  FROM coalition_points p
  JOIN coalition_terms c ON c.partner = p.partner AND c.valid_from = p.valid_from
 WHERE NOT p.is_prepaid
UNION ALL
SELECT h.partner, CASE WHEN h.units > 0 THEN 'honored' ELSE 'honor_returned' END,
       h.member_id, CAST(h.entry_id AS text), h.unit, h.kind, h.effective_on,
       h.occurred_on, NULL, h.unit, h.units, h.thousand_fen, 1000, 100, 0,
       h.units * h.thousand_fen * {PARTS // 1000}
  FROM ({HONORED}) h
 WHERE h.thousand_fen > 0
"""

_CHARGES = f"""
SELECT f.partner, 'fee', 0, CAST(f.approval_id AS text), '', f.cause, f.charged_on,
       f.original_on, NULL, NULL, coalesce(f.points, 1), f.fen, coalesce(f.points, 1),
       100, 0, CAST(f.fen AS numeric) * {PARTS}
  FROM partner_fee f
UNION ALL
SELECT b.partner, 'purchase', 0, CAST(b.approval_id AS text), '', b.item_code,
       b.ordered_on, b.original_on, NULL, 'item', b.quantity, b.price_fen, 1, 100, 0,
       CAST(b.fen AS numeric) * {PARTS}
  FROM partner_purchase b
UNION ALL
SELECT a.partner, 'adjustment', 0, CAST(a.approval_id AS text), '', a.about,
       a.adjusted_on, a.original_on, NULL, NULL, 1, a.fen, 1, 100, 0,
       CAST(a.fen AS numeric) * {PARTS}
  FROM partner_adjustment a
UNION ALL
-- what reconciling has decided; what came to the bank is no matter of a statement
SELECT k.partner, 'adjustment', 0, k.about, CAST(k.nth AS text), k.cause, k.booked_on,
       k.original_on, NULL, NULL, 1, k.fen, 1, 100, 0, CAST(k.fen AS numeric) * {PARTS}
  FROM partner_booking k WHERE k.cause <> 'received'
UNION ALL
-- points that members were given for what the partner did wrong, and what is undone
SELECT p.partner, 'adjustment', p.member_id, p.adjustment_ref, '', p.reason,
       p.effective_on, p.posted_on, NULL, p.unit, p.points, abs(p.value_fen),
       abs(p.points), 100, 0, CAST(p.value_fen AS numeric) * {PARTS}
  FROM adjustment_posting p WHERE p.money = 'partner'
UNION ALL
SELECT d.partner, 'dispute', 0, d.dispute_id, '', d.break_code, d.granted_on,
       CAST(d.raised_at AS date), NULL, NULL, 1, -d.granted_fen, 1, 100, 0,
       CAST(-d.granted_fen AS numeric) * {PARTS}
  FROM dispute d WHERE d.granted_fen IS NOT NULL
"""

FACTS: Final = f"""
{_ACCRUALS} UNION ALL {_REDEMPTIONS} UNION ALL {_EXCHANGES} UNION ALL {_CLUB_COSTS}
UNION ALL {_COALITIONS} UNION ALL {_CHARGES}
"""

# What is on no statement yet.
UNBILLED: Final = f"""
SELECT f.* FROM ({FACTS}) f
 WHERE NOT EXISTS (
       SELECT FROM statement_line l
        WHERE l.partner = f.partner AND l.kind = f.kind AND l.member_id = f.member_id
          AND l.event_ref = f.event_ref AND l.sub_ref = f.sub_ref)
"""

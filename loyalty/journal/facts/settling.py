"""What is settled with partners beside points: fees, purchases, netting, payment."""

from typing import Final

from loyalty.journal.facts.legs import in_months

ROWS: Final = """
    SELECT charged_on AS on_day, 'partner_fee' AS event, partner, NULL AS item, fen
      FROM partner_fee
    UNION ALL
    SELECT ordered_on, 'partner_purchase', partner, item_code, fen FROM partner_purchase
    UNION ALL
    SELECT adjusted_on, 'partner_adjusted', partner, NULL, fen FROM partner_adjustment
    UNION ALL
    SELECT effective_on, 'partner_adjusted', partner, NULL, value_fen
      FROM adjustment_posting WHERE money = 'partner'
    UNION ALL
    -- what reconciling has decided, as `matching.rules.event_of` has it
    SELECT booked_on,
           CASE cause WHEN 'suspense' THEN 'suspended' WHEN 'loss' THEN 'written_off_in'
                      WHEN 'received' THEN 'unexplained_in' ELSE 'partner_adjusted' END,
           partner, NULL, CASE cause WHEN 'loss' THEN -fen ELSE fen END
      FROM partner_booking
    UNION ALL
    SELECT granted_on, 'dispute_granted', partner, NULL, granted_fen
      FROM dispute WHERE granted_fen > 0
    UNION ALL
    -- as far as both sides meet; the rest waits to be paid
    SELECT netted_on, 'netted', partner, NULL,
           CASE WHEN net_fen >= 0 THEN payable_fen ELSE receivable_fen END
      FROM net_settlement
    UNION ALL
    SELECT p.paid_on, CASE p.kind WHEN 'paid' THEN 'paid_' ELSE 'written_off_' END
           || CASE WHEN p.fen > 0 THEN 'in' ELSE 'out' END, n.partner, NULL, abs(p.fen)
      FROM settlement_payment p JOIN net_settlement n USING (settlement_id)
"""
SETTLING: Final = f"""
SELECT period, event, partner, item, sum(fen) AS amount, count(*) AS count
  FROM ({in_months(ROWS)}) s
 GROUP BY 1, 2, 3, 4 HAVING sum(fen) <> 0
"""

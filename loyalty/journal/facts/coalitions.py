"""What bills gave of coalitions' points and what was taken back (J8, J9, T10).

The points stay the coalition's, which is owed a price for them; `worth` is what they
would be sold for. What is taken back is priced as it was given.
"""

from typing import Final

from loyalty.journal.facts.legs import MONTH, loose, lots
from loyalty.points.entries import COALITION, UNI

_OF: Final = f"'{COALITION}:' || p.partner"
_BILLING: Final = "CASE WHEN p.is_prepaid THEN 'prepaid' ELSE 'postpaid' END"
_KEY: Final = f"""
{MONTH.format(day="p.effective_on")} AS period,
CASE p.what WHEN 'given' THEN 'bill_earned' WHEN 'adjusted' THEN 'bill_adjusted'
            ELSE 'bill_canceled' END AS event,
CASE WHEN p.units > 0 THEN 'issue' ELSE 'claw' END AS effect, '{UNI}' AS unit,
{MONTH.format(day="b.billed_on")} AS earned_in, {_OF} AS funding, p.partner,
{_BILLING} AS billing
"""
# Which points a credit note took is told by their lots, below.
GIVEN: Final = f"""
SELECT {_KEY}, 1000 AS parts,
       sum(CASE p.what WHEN 'adjusted' THEN 0 ELSE p.units END) AS points,
       count(*) AS count, 1000 * sum(p.price_fen) AS price,
       sum(p.units * CAST(c.worth_thousand_fen AS numeric)) AS worth,
       sum(CASE WHEN p.is_prepaid THEN 0
                ELSE p.units * CAST(c.price_thousand_fen AS numeric) END) AS payable
  FROM coalition_points p
  JOIN bill b ON b.member_id = p.member_id AND b.bill_ref = p.bill_ref
  JOIN coalition_terms c ON c.partner = p.partner AND c.valid_from = p.valid_from
 WHERE p.effective_on >= :first AND p.effective_on < :until
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
UNION ALL
-- what was paid for in advance costs what its block did
SELECT {_KEY}, k.units_bought, 0, 0, 0, 0,
       sum(sign(p.units) * m.units * CAST(k.price_fen AS numeric))
  FROM coalition_points p
  JOIN bill b ON b.member_id = p.member_id AND b.bill_ref = p.bill_ref
  JOIN block_move m ON m.reference = p.reference
                   AND m.what = CASE WHEN p.units > 0 THEN 'draw' ELSE 'return' END
  JOIN point_block k ON k.block_id = m.block_id
 WHERE p.effective_on >= :first AND p.effective_on < :until AND p.is_prepaid
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""

_TAKEN: Final = (
    "t.kind = 'bill_adjustment' AND t.credit LIKE 'issued.partner:%'"
    " AND EXISTS (SELECT FROM coalition_terms)"
)
# Where the coalition's are spent already, a credit note takes what else there is.
TAKEN: Final = f"""
SELECT l.period, 'bill_adjusted' AS event, 'claw' AS effect, l.unit, l.earned_in,
       l.funding, CASE WHEN l.funding = {_OF} THEN p.partner END AS partner,
       CASE WHEN l.funding = {_OF} THEN {_BILLING} END AS billing,
       -sum(l.units) AS points, 0 AS count
  FROM ({lots(_TAKEN)} UNION ALL {loose(_TAKEN)}) l
  JOIN ledger.reference r ON r.member_id = l.member_id AND r.entry_id = l.id
  JOIN coalition_points p ON p.member_id = l.member_id AND p.reference = r.reference
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

"""Lines that were alive when a month began, what they were billed, and which left.

Who comes in the middle of a month is compared from the next on; so a rate has the same
lines above and below (domain.md Q10). Internal migration, transfer and death are no
churn (B16).
"""

from typing import Final

from loyalty.reports.scope import belongs

# Of each month in `:periods`.
LINES: Final = f"""
    SELECT p.month, s.member_id, m.member_ref, s.network, s.brand, 1 AS lines,
           coalesce(b.billed_fen, 0) AS billed_fen,
           CASE WHEN s.state IN ('ported_out', 'closed')
                 AND s.ended_on < p.month + interval '1 month' THEN 1 ELSE 0 END AS gone
      FROM unnest(CAST(:periods AS date[])) p(month)
      JOIN subscription s ON s.activated_on < p.month
       AND (s.ended_on IS NULL OR s.ended_on >= p.month)
      LEFT JOIN member m ON m.member_id = s.member_id
      LEFT JOIN (SELECT member_id, msisdn, CAST(sum(due_fen) AS bigint) AS billed_fen,
                        CAST(date_trunc('month', billed_on) AS date) AS month
                   FROM bill GROUP BY 1, 2, 4) b
        ON b.member_id = s.member_id AND b.msisdn = s.msisdn AND b.month = p.month
     WHERE {belongs("s.member_id")}
"""

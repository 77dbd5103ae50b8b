"""Take in a partner's lines, each once; what a file brings twice is kept twice."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.matching.rules import REVERSAL_OF, REVERSING

_REVERSAL: Final = "CASE k.kind {} END".format(
    " ".join(f"WHEN '{kind}' THEN '{undone}'" for kind, undone in REVERSAL_OF.items())
)

# An accrual below zero is its reversal, and a line whose state is reversed says two
# things: that it was, and that it is no longer.
_TOLD = f"""
CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT l.line_no, l.partner_ref, l.our_ref, p.kind, p.status, l.occurred_on,
       p.sign * abs(l.units) AS units, p.sign * abs(l.amount) AS amount_fen
  FROM line l
  CROSS JOIN LATERAL (
      SELECT CASE WHEN l.kind = 'accrual' AND (l.units < 0 OR l.amount < 0)
                  THEN 'reversal' ELSE l.kind END AS kind) k
  CROSS JOIN LATERAL (
      SELECT k.kind, CASE WHEN k.kind = ANY (:reversing) THEN -1 ELSE 1 END AS sign,
             CASE l.status WHEN 'reversed' THEN 'posted' ELSE l.status END AS status
       UNION ALL
      SELECT {_REVERSAL}, -1, 'posted'
       WHERE l.status = 'reversed' AND k.kind <> ALL (:reversing)) p
 WHERE EXISTS (SELECT FROM partner WHERE partner = :partner)
   AND NOT EXISTS (SELECT FROM partner_line k
                    WHERE k.feed_file = :feed_file AND k.line_no = l.line_no)
"""

_REJECT_STRANGERS = """
INSERT INTO verdict (line_no, outcome, reason)
SELECT line_no, 'rejected', 'unknown_partner' FROM line
 WHERE NOT EXISTS (SELECT FROM partner WHERE partner = :partner)
"""

# What is known under a name, or comes first in this chunk, must be the same.
_REJECT_OTHERS = """
INSERT INTO verdict (line_no, outcome, reason)
SELECT DISTINCT t.line_no, 'rejected', 'reference_reused'
  FROM (SELECT line_no, partner_ref, kind, content, first_value(content) OVER (
                   PARTITION BY partner_ref, kind ORDER BY line_no) AS first
          FROM (SELECT told.*, CAST((our_ref, occurred_on, units, amount_fen, status)
                           AS text) AS content FROM told) told) t
  LEFT JOIN partner_line k ON k.partner = :partner AND k.partner_ref = t.partner_ref
                          AND k.kind = t.kind AND k.nth = 1
 WHERE t.content <> CASE WHEN k.line_id IS NULL THEN t.first
           ELSE CAST((k.our_ref, k.occurred_on, k.units, k.amount_fen, k.status)
                     AS text) END
"""

_KEEP = """
WITH good AS MATERIALIZED (
    SELECT t.*, row_number() OVER (PARTITION BY t.partner_ref, t.kind
                                   ORDER BY t.line_no) AS time,
           k.known, k.is_of_file
      FROM told t
      CROSS JOIN LATERAL (
          SELECT count(*) AS known, coalesce(bool_or(
                     k.nth = 1 AND k.feed_file = :feed_file), false) AS is_of_file
            FROM partner_line k
           WHERE k.partner = :partner AND k.partner_ref = t.partner_ref
             AND k.kind = t.kind) k
     WHERE NOT EXISTS (SELECT FROM verdict v WHERE v.line_no = t.line_no)
), kept AS (
    INSERT INTO partner_line (partner, partner_ref, kind, nth, our_ref, occurred_on,
                              units, amount_fen, status, feed_file, line_no)
    SELECT :partner, partner_ref, kind, known + time, our_ref, occurred_on, units,
           amount_fen, status, :feed_file, line_no
      FROM good WHERE known = 0 OR is_of_file
     ORDER BY line_no, kind
)
INSERT INTO verdict (line_no, outcome)
SELECT line_no, 'already_booked' FROM good
 GROUP BY line_no HAVING bool_and(known > 0 OR time > 1)
"""


def book_lines(session: Session, *, partner: str, feed_file: int) -> None:
    """Keep the lines of a chunk as what a partner says; nothing is posted by them.

    A line that a later file brings again is known already. One that stands again in
    its own file is known too, and kept beside the first: its sender counted it twice.
    """
    facts = {"partner": partner, "feed_file": feed_file, "reversing": list(REVERSING)}
    session.execute(text(_REJECT_STRANGERS), facts)
    session.execute(text(_TOLD), facts)
    session.execute(text(_REJECT_OTHERS), facts)
    session.execute(text(_KEEP), facts)
    session.execute(text("DROP TABLE told"))

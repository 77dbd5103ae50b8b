"""Say of each pair whether it agrees, and of what is left why it is alone."""

from typing import Final

_MONTH = "CAST(date_trunc('month', {}) AS date)"

# What one of us refused of theirs explains why we have nothing.
_REFUSED = """
CREATE TEMP TABLE refused ON COMMIT DROP AS
SELECT split_part(r.line, ',', 1) AS partner_ref, r.reason
  FROM feed_reject r JOIN feed_file f ON f.id = r.feed_file
 WHERE f.feed = 'activities' AND split_part(r.line, ',', 2) = :partner
 UNION ALL
SELECT c.partner_ref, c.reason
  FROM card_line_reject c JOIN partner_batch b USING (batch_id)
 WHERE b.partner = :partner AND c.partner_ref IS NOT NULL
"""

_CODE_OF_PAIR = f"""
CASE WHEN t.status <> 'posted' THEN upper(t.status)
     WHEN t.units <> o.units AND t.units IS DISTINCT FROM o.other_units
         THEN 'UNITS_DIFF'
     WHEN abs(t.fen - o.fen) > :tolerance_fen + CAST(o.is_part AS int)
         THEN CASE WHEN t.units = 0 THEN 'AMOUNT_DIFF' ELSE 'RATE_DIFF' END
     WHEN {_MONTH.format("t.on_day")} <> {_MONTH.format("o.on_day")}
          OR abs(t.on_day - o.on_day) > :days_apart THEN 'LATE'
     ELSE 'MATCHED' END
"""

_ALONE = """
CREATE TEMP TABLE alone ON COMMIT DROP AS
SELECT t.*, l.our_ref
  FROM theirs t JOIN partner_line l USING (line_id)
 WHERE t.on_day BETWEEN :first AND :last
   AND NOT EXISTS (SELECT FROM paired p WHERE p.line_id = t.line_id)
"""

# A line is a second one where an earlier line has its name, or where the event that it
# names is another line's. Parts of one original share its name and are none.
_SECOND = """
CREATE TEMP TABLE second ON COMMIT DROP AS
SELECT line_id FROM alone WHERE nth > 1
 UNION
SELECT a.line_id
  FROM alone a
  JOIN partner_line e ON e.partner = :partner AND e.our_ref = a.our_ref
   AND e.kind = a.kind AND e.line_id < a.line_id
   AND (a.kind <> ALL (:reversing) OR e.units = a.units AND e.amount_fen = a.fen)
 UNION
SELECT a.line_id FROM alone a JOIN ours o ON o.kind = a.kind AND o.our_key = a.our_key
 WHERE a.kind <> ALL (:reversing)
 UNION
SELECT a.line_id
  FROM alone a JOIN ours o ON o.kind = a.kind AND o.partner_ref = a.partner_ref
 WHERE a.kind <> ALL (:reversing)
"""

FIND: Final = (
    _REFUSED,
    _ALONE,
    "ANALYZE alone",
    _SECOND,
    f"""
    CREATE TEMP TABLE judged ON COMMIT DROP AS
    SELECT t.line_id, o.member_id, o.event_ref, t.kind, p.how,
           {_MONTH.format("t.on_day")} AS period, {_CODE_OF_PAIR} AS code,
           t.partner_ref AS name, o.units AS ours_units, t.units AS theirs_units,
           o.fen AS ours_fen, t.fen AS theirs_fen, o.on_day AS ours_on,
           t.on_day AS theirs_on
      FROM paired p JOIN theirs t USING (line_id) JOIN ours o USING (ours_id)
    """,
    f"""
    INSERT INTO judged
    SELECT t.line_id, NULL, NULL, t.kind, NULL, {_MONTH.format("t.on_day")},
           CASE WHEN s.line_id IS NOT NULL THEN 'DUPLICATE'
                WHEN t.status <> 'posted' THEN upper(t.status)
                WHEN t.kind = ANY (:reversing) THEN 'REVERSED_ONE_SIDE'
                ELSE coalesce(
                    (SELECT CASE WHEN r.reason = 'unknown_account' THEN 'REJECT_NUMBER'
                                 WHEN r.reason LIKE '%name%' THEN 'REJECT_NAME'
                                 WHEN r.reason = 'account_closed' THEN 'REJECT_CLOSED'
                            END FROM refused r
                      WHERE r.partner_ref = t.partner_ref ORDER BY 1 LIMIT 1),
                    'MISSING_OURS') END,
           t.partner_ref, NULL, t.units, NULL, t.fen, NULL, t.on_day
      FROM alone t LEFT JOIN second s USING (line_id)
    """,
    f"""
    INSERT INTO judged
    SELECT NULL, o.member_id, o.event_ref, o.kind, NULL, {_MONTH.format("o.on_day")},
           CASE WHEN o.kind = ANY (:reversing) THEN 'REVERSED_ONE_SIDE'
                ELSE 'MISSING_THEIRS' END,
           o.event_ref, o.units, NULL, o.fen, NULL, o.on_day, NULL
      FROM ours o
     WHERE o.on_day BETWEEN :first AND :last AND NOT o.is_taken AND NOT o.is_idle
       AND NOT EXISTS (SELECT FROM paired p WHERE p.ours_id = o.ours_id)
    """,
    "ANALYZE judged",
)

# What `FIND` leaves behind.
TABLES: Final = ("refused", "alone", "second", "judged")

KEEP_PAIRS: Final = """
WITH kept AS (
INSERT INTO line_pair (partner, kind, line_id, member_id, event_ref, period, code, how,
                       paired_at)
SELECT :partner, kind, line_id, member_id, event_ref, period, code, how, :at
  FROM judged WHERE how IS NOT NULL
 ORDER BY line_id RETURNING 1
)
SELECT count(*) FROM kept
"""

# Only what one side alone had can come to an end by itself.
CLOSE_GONE: Final = """
UPDATE statement_break SET closed_at = :at
 WHERE break_id IN (
    SELECT b.break_id FROM statement_break b
     WHERE b.subject = :subject AND b.partner = :partner AND b.closed_at IS NULL
       AND b.about_on = :first AND (b.line_id IS NULL) <> (b.event_ref IS NULL)
       AND NOT EXISTS (SELECT FROM judged j
                        WHERE j.how IS NULL AND j.line_id = b.line_id
                          AND j.code = b.code)
       AND NOT EXISTS (SELECT FROM judged j
                        WHERE j.how IS NULL AND j.event_ref = b.event_ref
                          AND j.member_id = b.member_id AND j.kind = b.kind
                          AND j.code = b.code)
     UNION
    SELECT b.break_id FROM statement_break b JOIN judged j USING (line_id)
     WHERE b.subject = :subject AND b.partner = :partner AND b.closed_at IS NULL
       AND b.event_ref IS NULL AND j.how IS NOT NULL
     UNION
    SELECT b.break_id
      FROM statement_break b JOIN judged j USING (kind, event_ref, member_id)
     WHERE b.subject = :subject AND b.partner = :partner AND b.closed_at IS NULL
       AND b.line_id IS NULL AND j.how IS NOT NULL)
"""

KEEP_BREAKS: Final = """
WITH found AS (
    SELECT j.*, kind || ' ' || name || CASE WHEN time > 1 THEN ' #' || time ELSE '' END
               AS reference
      FROM (SELECT j.*, row_number() OVER (PARTITION BY period, kind, name, code
                                           ORDER BY line_id, member_id) AS time
              FROM judged j WHERE code <> 'MATCHED') j
), seen AS (
    UPDATE statement_break b SET seen_at = :at
      FROM found f
     WHERE b.subject = :subject AND b.partner = :partner AND b.closed_at IS NULL
       AND b.about_on = f.period AND b.reference = f.reference AND b.code = f.code
), kept AS (
INSERT INTO statement_break (
    subject, partner, about_on, reference, code, ours_units, theirs_units, ours_fen,
    theirs_fen, kind, line_id, member_id, event_ref, ours_on, theirs_on, found_at,
    seen_at)
SELECT :subject, :partner, period, reference, code, ours_units, theirs_units, ours_fen,
       theirs_fen, kind, line_id, member_id, event_ref, ours_on, theirs_on, :at, :at
  FROM found
 ORDER BY period, reference, code
    ON CONFLICT (subject, partner, about_on, reference, code) WHERE closed_at IS NULL
    DO NOTHING
)
SELECT 1
"""

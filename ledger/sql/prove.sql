-- Recompute the books from the transfers; one row per finding, none when sound.
CREATE FUNCTION ledger.prove()
RETURNS TABLE (finding text, member_id bigint, unit text, detail text)
LANGUAGE sql STABLE SET search_path = ledger, pg_temp
AS $prove$
WITH said AS (
    SELECT t.member_id, t.unit,
           sum(CASE 'available' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END) AS available,
           sum(CASE 'pending' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END) AS pending,
           sum(CASE 'held' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END) AS held,
           sum(CASE 'owed' WHEN debit THEN amount WHEN credit THEN -amount ELSE 0 END) AS owed
      FROM transfer t GROUP BY 1, 2
),
moved AS (
    SELECT t.member_id, t.unit, x.issuer, x.funding, x.cost_class, x.earned_in,
           CASE WHEN t.credit = 'available' THEN coalesce(x.grace_on, x.expires_on) ELSE x.expires_on END AS expires_on,
           CASE WHEN t.credit = 'available' AND x.grace_on IS NOT NULL THEN x.expires_on ELSE x.origin_on END AS origin_on,
           sum(CASE t.credit WHEN 'available' THEN x.units ELSE -x.units END) AS units_left,
           sum(CASE WHEN t.credit = 'available' AND (t.reverses IS NULL OR x.grace_on IS NOT NULL)
                    THEN x.units ELSE 0 END) AS units_issued
      FROM transfer t CROSS JOIN LATERAL unnest(t.draws) x
     WHERE 'available' IN (t.debit, t.credit)
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)
SELECT 'balance_differs', coalesce(b.member_id, s.member_id), coalesce(b.unit, s.unit),
       format('balance %s/%s/%s/%s, transfers %s/%s/%s/%s (available/pending/held/owed)',
              b.available, b.pending, b.held, b.owed, s.available, s.pending, s.held, s.owed)
  FROM balance b FULL JOIN said s USING (member_id, unit)
 WHERE coalesce(b.available, 0) <> coalesce(s.available, 0)
    OR coalesce(b.pending, 0) <> coalesce(s.pending, 0)
    OR coalesce(b.held, 0) <> coalesce(s.held, 0)
    OR coalesce(b.owed, 0) <> coalesce(s.owed, 0)
UNION ALL
SELECT 'lots_differ_from_balance', b.member_id, b.unit,
       format('available %s, lots hold %s', b.available, coalesce(l.units_left, 0))
  FROM balance b
  LEFT JOIN (SELECT member_id, unit, sum(units_left) AS units_left FROM lot GROUP BY 1, 2) l
    USING (member_id, unit)
 WHERE b.available <> coalesce(l.units_left, 0)
UNION ALL
SELECT 'lot_differs', coalesce(l.member_id, m.member_id), coalesce(l.unit, m.unit),
       format('lot of %s, last good day %s: %s of %s left, transfers say %s of %s',
              coalesce(l.issuer, m.issuer), coalesce(l.expires_on, m.expires_on),
              l.units_left, l.units_issued, m.units_left, m.units_issued)
  FROM lot l
  FULL JOIN moved m USING (member_id, unit, expires_on, issuer, earned_in, funding, cost_class, origin_on)
 WHERE l.units_left IS DISTINCT FROM m.units_left
    OR l.units_issued IS DISTINCT FROM m.units_issued
UNION ALL
SELECT 'draws_differ_from_amount', t.member_id, t.unit,
       format('entry %s line %s moves %s, its lots %s', t.id, t.line, t.amount, d.units)
  FROM transfer t
  CROSS JOIN LATERAL (SELECT sum(x.units) AS units FROM unnest(t.draws) x) d
 WHERE (t.draws IS NOT NULL OR 'available' IN (t.debit, t.credit)) AND t.amount IS DISTINCT FROM d.units
UNION ALL
SELECT 'reversed_too_much', o.member_id, o.unit,
       format('entry %s put %s into %s, %s of it was taken back', o.id, o.amount, o.credit, r.amount)
  -- What was credited may have paid a debt first, and what is taken back may
  -- have become one: `available` and `owed` are one account here.
  FROM (SELECT t.member_id, t.id, t.unit, a.credit, sum(t.amount) AS amount
          FROM transfer t
         CROSS JOIN LATERAL (SELECT CASE t.credit WHEN 'owed' THEN 'available' ELSE t.credit END AS credit) a
         GROUP BY 1, 2, 3, 4) o
  JOIN (SELECT t.member_id, t.reverses AS id, t.unit, a.debit, sum(t.amount) AS amount
          FROM transfer t
         CROSS JOIN LATERAL (SELECT CASE t.debit WHEN 'owed' THEN 'available' ELSE t.debit END AS debit) a
         WHERE t.reverses IS NOT NULL GROUP BY 1, 2, 3, 4) r
    ON r.member_id = o.member_id AND r.id = o.id AND r.unit = o.unit AND r.debit = o.credit
 WHERE r.amount > o.amount
UNION ALL
SELECT 'clearing_open', NULL, t.unit,
       format('clearing holds %s', sum(CASE 'clearing' WHEN t.credit THEN t.amount ELSE -t.amount END))
  FROM transfer t WHERE 'clearing' IN (t.debit, t.credit)
 GROUP BY t.unit
HAVING sum(CASE 'clearing' WHEN t.credit THEN t.amount ELSE -t.amount END) <> 0
UNION ALL
SELECT 'entry_without_reference', t.member_id, t.unit, format('entry %s', t.id)
  FROM transfer t
 WHERE t.line = 0 AND NOT EXISTS (SELECT FROM reference r
                                   WHERE r.member_id = t.member_id AND r.entry_id = t.id)
UNION ALL
SELECT 'reference_without_entry', r.member_id, NULL, format('reference %s', r.reference)
  FROM reference r
 WHERE NOT EXISTS (SELECT FROM transfer t WHERE t.member_id = r.member_id AND t.id = r.entry_id)
$prove$;

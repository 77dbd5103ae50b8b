-- Decide the drafts that undo, capture or release an earlier entry: what is
-- left of it, lot by lot, and where each part goes. See post.sql.
CREATE FUNCTION ledger.settle(
    batch ledger.draft[], entries int[], codes text[], shortfalls text[], grace_days int)
RETURNS ledger.decision[]
LANGUAGE sql STABLE SET search_path = ledger, pg_temp
AS $settle$
WITH draft AS MATERIALIZED (
    SELECT * FROM unnest(batch, entries, codes, shortfalls) WITH ORDINALITY AS d(
        line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope, lot,
        reverses, effective_on, occurred_at, actor, rule_version, entry, code, shortfall, ord)
     WHERE d.code IS NULL AND d.reverses IS NOT NULL AND d.debit IS DISTINCT FROM 'available'
),
slice AS (
    SELECT d.ord, d.entry, d.reverses, d.amount AS wanted, d.effective_on, d.member_id, o.unit,
           o.credit AS debit, coalesce(d.credit, o.debit) AS target,
           x.issuer, x.funding, x.cost_class, x.earned_in, x.expires_on, x.origin_on,
           -- Several lines may have put units of one lot into one account: what
           -- was taken back counts against the first of them first.
           least(p.units, greatest(sum(p.units) OVER (
               PARTITION BY d.ord, o.unit, o.credit, x.issuer, x.funding, x.cost_class, x.earned_in,
                            x.expires_on, x.origin_on
               ORDER BY o.line ROWS UNBOUNDED PRECEDING) - (
               SELECT coalesce(sum(CASE WHEN o.draws IS NULL THEN s.amount ELSE y.units END), 0)
                 FROM transfer s
                 LEFT JOIN LATERAL unnest(s.draws) y ON true
                WHERE s.member_id = d.member_id AND s.reverses = d.reverses
                  AND s.unit = o.unit AND s.debit = o.credit
                  AND CASE WHEN o.draws IS NULL THEN s.draws IS NULL
                           ELSE y.issuer = x.issuer AND y.funding = x.funding
                            AND y.cost_class = x.cost_class AND y.earned_in = x.earned_in
                            AND y.expires_on = x.expires_on AND y.origin_on = x.origin_on
                      END), 0))::bigint AS remaining,
           (x.issuer = (d.lot).issuer AND x.funding = (d.lot).funding
            AND x.cost_class = (d.lot).cost_class AND x.earned_in = (d.lot).earned_in
            AND x.expires_on = (d.lot).expires_on) IS TRUE AS own,
           u.draw_rank, o.line
      FROM draft d
      JOIN transfer o ON o.member_id = d.member_id AND o.id = d.reverses
      JOIN unit u ON u.code = o.unit
      LEFT JOIN LATERAL unnest(o.draws) x ON true
      CROSS JOIN LATERAL (SELECT CASE WHEN o.draws IS NULL THEN o.amount ELSE x.units END AS units) p
     WHERE (d.debit IS NULL OR d.debit = o.credit)
       -- What became the member's is taken back by a draw, from whichever lots there
       -- are; undone lot by lot as well, it would go back twice.
       AND o.credit NOT IN ('available', 'owed')
       -- What never had a lot has none to go back to.
       AND (o.draws IS NOT NULL OR coalesce(d.credit, o.debit) <> 'available')
       AND (d.units IS NULL OR o.unit = ANY (d.units))
       AND CASE d.scope WHEN 'lots' THEN o.draws IS NOT NULL
                        WHEN 'loose' THEN o.draws IS NULL ELSE true END
),
-- Restoring undoes the last draw first; capturing and cancelling go on in the
-- order of the draws; the draft's own lot goes before all others.
ranked AS (
    SELECT *, row_number() OVER (
                 PARTITION BY ord
                 ORDER BY expires_on, draw_rank, unit, issuer, earned_in, funding, cost_class, origin_on, line) AS nth
      FROM slice WHERE remaining > 0
),
chosen AS (
    SELECT *, least(remaining, coalesce(wanted, upto) - (upto - remaining))::bigint AS take
      FROM (SELECT *, sum(remaining) OVER (
                PARTITION BY ord
                ORDER BY own DESC, CASE WHEN target = 'available' THEN -nth ELSE nth END
                ROWS UNBOUNDED PRECEDING) AS upto
              FROM ranked) ordered
),
-- Two drafts of one entry that settle the same part of the same original.
twice AS (
    SELECT DISTINCT unnest(array_agg(ord)) AS ord
      FROM chosen WHERE take > 0
     GROUP BY entry, reverses, unit, debit, line, issuer, funding, cost_class, earned_in, expires_on, origin_on
    HAVING sum(take) > max(remaining)
),
-- Of what comes back, the soonest-expiring part pays what is owed and is not
-- forgiven by the same draft.
split AS (
    SELECT c.*, CASE WHEN c.target = 'available' THEN least(c.take, greatest(coalesce(b.owed, 0)
               - sum(CASE c.target WHEN 'owed' THEN c.take ELSE 0 END) OVER (PARTITION BY c.ord, c.unit) - (
               sum(c.take) OVER (PARTITION BY c.member_id, c.unit, c.target
                                 ORDER BY c.expires_on, c.issuer, c.earned_in, c.funding, c.cost_class, c.origin_on
                                 ROWS UNBOUNDED PRECEDING) - c.take), 0))::bigint ELSE 0 END AS debt
      FROM chosen c
      LEFT JOIN balance b ON b.member_id = c.member_id AND b.unit = c.unit
     WHERE c.take > 0
),
part AS (
    SELECT s.ord, s.unit, s.debit, p.credit, p.nth, sum(p.amount)::bigint AS amount,
           array_agg(ROW(s.issuer, s.funding, s.cost_class, s.earned_in, s.expires_on, s.origin_on,
                         p.amount, CASE WHEN p.credit = 'available' AND s.expires_on < s.effective_on
                                        THEN s.effective_on + grace_days END)::draw
                     ORDER BY s.expires_on, s.issuer, s.earned_in, s.funding, s.cost_class, s.origin_on)
               FILTER (WHERE s.issuer IS NOT NULL) AS draws
      FROM split s
      CROSS JOIN LATERAL (VALUES
          (CASE WHEN s.target = 'available' THEN 'owed' ELSE s.target END,
           CASE WHEN s.target = 'available' THEN s.debt ELSE s.take END, 1),
          ('available', CASE WHEN s.target = 'available' THEN s.take - s.debt END, 2)
      ) p(credit, amount, nth)
     WHERE p.amount > 0
     GROUP BY s.ord, s.unit, s.debit, p.credit, p.nth, s.issuer IS NULL
    UNION ALL
    -- what the entry cannot give any more
    SELECT d.ord, d.units[1], 'owed', d.credit, 3, d.amount - coalesce(c.amount, 0), NULL
      FROM draft d
      LEFT JOIN (SELECT ord, sum(greatest(take, 0))::bigint AS amount FROM chosen GROUP BY ord) c ON c.ord = d.ord
     WHERE d.amount > coalesce(c.amount, 0) AND d.shortfall <> 'floor'
    UNION ALL
    SELECT ord, NULL, NULL, NULL, 4, 0, NULL FROM twice
)
SELECT coalesce(array_agg(ROW(
           d.entry, d.ord, p.nth, d.member_id, d.kind, p.unit, p.debit, p.credit, p.amount, p.draws,
           d.effective_on, d.occurred_at, d.actor, d.rule_version, d.reverses,
           -- A debt needs a unit, somewhere to go, and an original of which it is the rest.
           CASE WHEN p.nth = 4 OR p.nth = 3 AND (
                    d.shortfall = 'refuse' OR p.unit IS NULL OR p.credit IS NULL
                    OR NOT EXISTS (SELECT FROM transfer o WHERE o.member_id = d.member_id
                                      AND o.id = d.reverses AND o.credit = d.debit))
                THEN 'exceeds_original' END,
           d.amount, d.amount - p.amount)::decision), '{}')
  FROM draft d JOIN part p ON p.ord = d.ord
$settle$;

-- Post a batch of entries: one answer per entry, in the order of the batch.
--
-- Entries of one member are decided one after the other in their order, a
-- round each; entries of different members are decided together. A refused
-- entry writes nothing and binds no reference. Every statement after the lock
-- sees all that earlier writers of these members have committed.
--
-- A draft is one of four things, told apart by its accounts:
--   move     neither side is `available`, nothing is reversed
--   credit   credit = 'available': pays what is owed first, then opens a lot
--   draw     debit = 'available': takes lots, soonest-expiring first; `lot`, if
--            given, before all others; scope 'expired' takes exactly the lots
--            whose last good day is that of `lot`, 'sparing' none of its cost class
--   settle   reverses an entry that put points into `debit`: restores, captures
--            or cancels them lot by lot; scope 'lots' and 'loose' choose the
--            part that came from lots, or the part that never had one. What an
--            entry put into `available`, or paid of what was owed, is drawn
--
-- The drafts of one entry are decided on the books as they were before it. Those
-- that draw the same units follow one another, as do those that pay what is
-- owed; what else two of them would take twice refuses the entry.
--
-- Codes, the first that applies: unknown_member, reference_reused,
-- undeclared_kind, unknown_unit, amount_out_of_range, period_closed,
-- gate_closed, unknown_entry, then per transfer insufficient_points,
-- exceeds_original, unknown_account, undeclared_leg, and last nothing_to_post.
CREATE FUNCTION ledger.post(drafts ledger.draft[], grace_days int DEFAULT 30)
RETURNS SETOF ledger.answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $post$
DECLARE
    first draft;
    new_entry uuid;
    batch ledger.draft[] := drafts;    -- the drafts of this round
    entries int[] := ARRAY[1];         -- and the entry each belongs to
    ranked ledger.draft[];             -- all drafts, round by round
    ranked_entries int[];
    ranks int[];
    sizes int[];                       -- drafts per round
    taken int := 0;
    all_apart bool;                    -- no member has several drafts
    all_single bool;                   -- no entry has several drafts
    are_plain bool[];
    plain draft[];
    plain_entries int[];
    many bool;                         -- some entry has several drafts
    before bigint[];                   -- per draft: see below
    closed_through date;
    known_units text[];
    codes text[];                      -- per draft: why refused, or 'replayed'
    shortfalls text[];
    known uuid[];
    lines decision[];
    found decision[];
    has_moves bool;
    has_draws bool;
    has_settles bool;
    overdrawn int[];                   -- entries
    some_refused bool;
    needed bigint[];                   -- per draft
    available bigint[];
    decided int;                       -- drafts that came to something
    ids uuid[];                        -- per draft: the id of its entry
    nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    -- Held to the end of the transaction: whoever closes a period takes the
    -- table in SHARE mode and so waits for us, or we see the closed period.
    LOCK TABLE transfer IN ROW EXCLUSIVE MODE;
    IF coalesce(cardinality(drafts), 0) = 0 THEN
        RETURN;
    END IF;
    IF cardinality(drafts) = 1 THEN
        first := drafts[1];
        IF first.reverses IS NULL AND first.amount IS NOT NULL AND first.scope IS NULL THEN
            new_entry := post_one(first);
            IF new_entry IS NOT NULL THEN
                RETURN NEXT ROW(1, 'posted', NULL, new_entry, NULL, NULL)::answer;
                RETURN;
            END IF;
        END IF;
    END IF;
    PERFORM FROM book WHERE member_id IN (SELECT d.member_id FROM unnest(drafts) d)
      ORDER BY member_id FOR NO KEY UPDATE;
    SELECT count(DISTINCT d.member_id) = count(*), bool_and(d.line = 0)
      INTO all_apart, all_single FROM unnest(drafts) d;
    IF all_apart THEN
        ranked := drafts;
        ranked_entries := ARRAY(SELECT generate_series(1, cardinality(drafts)));
        sizes := ARRAY[cardinality(drafts)];
    ELSE
        SELECT array_agg(draft ORDER BY nth, ord), array_agg(entry ORDER BY nth, ord),
               array_agg(nth ORDER BY nth, ord)
          INTO ranked, ranked_entries, ranks
          FROM (SELECT draft, ord, entry,
                       count(*) FILTER (WHERE (draft).line = 0)
                           OVER (PARTITION BY (draft).member_id ORDER BY ord) AS nth
                  FROM (SELECT draft, ord,
                               (count(*) FILTER (WHERE (draft).line = 0) OVER (ORDER BY ord))::int AS entry
                          FROM (SELECT draft, row_number() OVER () AS ord
                                  FROM unnest(drafts) draft) listed) numbered) placed;
        sizes := ARRAY(SELECT count(*) FROM unnest(ranks) nth GROUP BY nth ORDER BY nth);
    END IF;
    closed_through := ledger.closed_through();
    known_units := ARRAY(SELECT code FROM unit);

    FOR this_round IN 1 .. coalesce(cardinality(sizes), 0) LOOP
        IF cardinality(sizes) = 1 THEN
            batch := ranked;
            entries := ranked_entries;
        ELSE
            batch := ranked[taken + 1 : taken + sizes[this_round]];
            entries := ranked_entries[taken + 1 : taken + sizes[this_round]];
            taken := taken + sizes[this_round];
        END IF;

        -- Plain entries, for which nothing has to be refused, replayed, drawn,
        -- reversed or owed, are written at once; what is left is decided below.
        IF all_single AND cardinality(batch) > 1 THEN
            SELECT array_agg((
                       d.debit <> 'available' AND d.reverses IS NULL
                       AND cardinality(d.units) = 1
                       AND d.amount BETWEEN 1 AND 1000000000000000
                       AND d.effective_on > closed_through
                       AND NOT g.spends AND r.member_id IS NULL
                       AND CASE d.debit WHEN 'pending' THEN d.amount <= b.pending
                                        WHEN 'held' THEN d.amount <= b.held
                                        WHEN 'owed' THEN false
                                        ELSE b.member_id IS NOT NULL END
                       AND CASE d.credit WHEN 'available' THEN b.owed = 0
                                         WHEN 'owed' THEN false ELSE true END
                   ) IS TRUE ORDER BY d.ord)
              INTO are_plain
              FROM unnest(batch) WITH ORDINALITY AS d(
                  line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
                  lot, reverses, effective_on, occurred_at, actor, rule_version, ord)
              LEFT JOIN entry_leg g ON g.kind = d.kind AND g.debit = declared_as(d.debit)
                                   AND g.credit = declared_as(d.credit)
              LEFT JOIN balance b ON b.member_id = d.member_id AND b.unit = d.units[1]
              LEFT JOIN reference r ON r.member_id = d.member_id AND r.reference = d.reference;
            plain := NULL;
            IF true = ALL (are_plain) THEN
                plain := batch;
                plain_entries := entries;
                batch := NULL;
            ELSIF true = ANY (are_plain) THEN
                SELECT array_agg(p.draft) FILTER (WHERE are_plain[p.ord]),
                       array_agg(entries[p.ord]) FILTER (WHERE are_plain[p.ord]),
                       array_agg(p.draft ORDER BY p.ord) FILTER (WHERE NOT are_plain[p.ord]),
                       array_agg(entries[p.ord] ORDER BY p.ord) FILTER (WHERE NOT are_plain[p.ord])
                  INTO plain, plain_entries, batch, entries
                  FROM (SELECT draft, row_number() OVER () AS ord FROM unnest(batch) draft) p;
            END IF;
            IF plain IS NOT NULL THEN
                ids := ARRAY(SELECT new_id() FROM generate_series(1, cardinality(plain)));
                WITH moved AS (
                    UPDATE balance b
                       SET available = b.available + CASE d.credit WHEN 'available' THEN d.amount ELSE 0 END,
                           pending = b.pending + CASE 'pending' WHEN d.credit THEN d.amount
                                                                WHEN d.debit THEN -d.amount ELSE 0 END,
                           held = b.held + CASE 'held' WHEN d.credit THEN d.amount
                                                       WHEN d.debit THEN -d.amount ELSE 0 END
                      FROM unnest(plain, ids) AS d(
                          line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
                          lot, reverses, effective_on, occurred_at, actor, rule_version, id)
                     WHERE b.member_id = d.member_id AND b.unit = d.units[1]
                    RETURNING d.*, b.unit, b.available AS available_after
                ),
                bound AS (
                    INSERT INTO reference (member_id, reference, input_hash, entry_id)
                    SELECT m.member_id, m.reference, m.input_hash, m.id FROM moved m
                ),
                opened AS (
                    INSERT INTO lot (member_id, unit, expires_on, issuer, earned_in, funding,
                                     cost_class, origin_on, units_issued, units_left)
                    SELECT m.member_id, m.unit, (m.lot).expires_on, (m.lot).issuer, (m.lot).earned_in,
                           (m.lot).funding, (m.lot).cost_class,
                           coalesce((m.lot).origin_on, (m.lot).expires_on), m.amount, m.amount
                      FROM moved m WHERE m.credit = 'available'
                    ON CONFLICT (member_id, unit, expires_on, issuer, earned_in, funding, cost_class, origin_on)
                    DO UPDATE SET units_issued = lot.units_issued + excluded.units_issued,
                                  units_left = lot.units_left + excluded.units_left
                )
                INSERT INTO transfer (member_id, id, line, kind, debit, credit, unit, amount,
                                      available_after, draws, effective_on, occurred_at,
                                      recorded_at, actor, rule_version)
                SELECT m.member_id, m.id, 0, m.kind, m.debit, m.credit, m.unit, m.amount, m.available_after,
                       CASE m.credit WHEN 'available' THEN ARRAY[ROW(
                           (m.lot).issuer, (m.lot).funding, (m.lot).cost_class, (m.lot).earned_in,
                           (m.lot).expires_on, coalesce((m.lot).origin_on, (m.lot).expires_on),
                           m.amount, NULL)::draw] END,
                       m.effective_on, m.occurred_at, clock_timestamp(), m.actor, m.rule_version
                  FROM moved m;
                RETURN QUERY SELECT p.entry, 'posted', NULL::text, p.id, NULL::bigint, NULL::bigint
                  FROM unnest(plain_entries, ids) AS p(entry, id);
            END IF;
            CONTINUE WHEN batch IS NULL;
        END IF;

        SELECT array_agg(c.code ORDER BY c.ord), array_agg(c.entry_id ORDER BY c.ord),
               array_agg(c.shortfall ORDER BY c.ord),
               bool_or(c.line > 0),
               bool_or(c.code IS NULL AND c.reverses IS NULL AND c.debit <> 'available'),
               bool_or(c.code IS NULL AND c.debit = 'available'),
               bool_or(c.code IS NULL AND c.reverses IS NOT NULL AND c.debit IS DISTINCT FROM 'available')
          INTO codes, known, shortfalls, many, has_moves, has_draws, has_settles
          FROM (SELECT d.ord, d.line, d.debit, d.reverses, r.entry_id, k.shortfall,
                       coalesce(
                           refusal(b.gate, r.input_hash, d.input_hash, k.kind, k.spends,
                                   d.units, known_units, d.amount, d.effective_on, closed_through),
                           CASE WHEN d.reverses IS NOT NULL AND NOT EXISTS (
                                    SELECT FROM transfer t WHERE t.member_id = d.member_id
                                       AND t.id = d.reverses) THEN 'unknown_entry' END) AS code
                  FROM unnest(batch) WITH ORDINALITY AS d(
                      line, member_id, reference, input_hash, kind, debit, credit, units, amount,
                      scope, lot, reverses, effective_on, occurred_at, actor, rule_version, ord)
                  LEFT JOIN book b ON b.member_id = d.member_id
                  LEFT JOIN reference r
                    ON r.member_id = d.member_id AND r.reference = d.reference
                  LEFT JOIN entry_kind k ON k.kind = d.kind) c;

        -- What earlier drafts of the same entry already draw from the same units,
        -- or have already paid of what is owed in them.
        before := array_fill(0::bigint, ARRAY[cardinality(batch)]);
        IF many THEN
            SELECT array_agg(amount ORDER BY ord) INTO before
              FROM (SELECT ord, coalesce(sum(amount) OVER (
                               PARTITION BY entry, units, debit = 'available', credit = 'available' ORDER BY ord
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS amount
                      FROM unnest(batch, entries) WITH ORDINALITY AS d(
                          line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
                          lot, reverses, effective_on, occurred_at, actor, rule_version, entry, ord)) d;
        END IF;

        lines := '{}';
        IF has_moves THEN
            SELECT array_agg(ROW(
                       d.entry, d.ord, p.nth, d.member_id, d.kind, u.unit, d.debit, p.credit, p.amount,
                       CASE WHEN p.credit = 'available' THEN ARRAY[ROW(
                           (d.lot).issuer, (d.lot).funding, (d.lot).cost_class, (d.lot).earned_in,
                           (d.lot).expires_on, coalesce((d.lot).origin_on, (d.lot).expires_on),
                           p.amount, NULL)::draw] END,
                       d.effective_on, d.occurred_at, d.actor, d.rule_version, NULL,
                       CASE WHEN a.amount > b.there THEN 'insufficient_points' END,
                       a.amount, b.there)::decision)
              INTO found
              FROM unnest(batch, entries, codes, before) WITH ORDINALITY AS d(
                  line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
                  lot, reverses, effective_on, occurred_at, actor, rule_version, entry, code, before, ord)
              CROSS JOIN LATERAL unnest(d.units) u(unit)
              LEFT JOIN balance bal ON bal.member_id = d.member_id AND bal.unit = u.unit
              CROSS JOIN LATERAL (SELECT
                  -- null: a programme account, which never runs out
                  CASE WHEN d.debit = 'pending' THEN coalesce(bal.pending, 0)
                       WHEN d.debit = 'held' THEN coalesce(bal.held, 0)
                       WHEN d.debit = 'owed' THEN 0
                       WHEN d.credit = 'owed' THEN coalesce(bal.owed, 0) END AS there,
                  CASE WHEN d.credit = 'available'
                       THEN greatest(coalesce(bal.owed, 0) - d.before, 0) ELSE 0 END AS owed) b
              CROSS JOIN LATERAL (SELECT coalesce(d.amount, b.there) AS amount) a
              CROSS JOIN LATERAL (VALUES
                  (1, CASE WHEN d.credit = 'available' THEN 'owed' ELSE d.credit END,
                   CASE WHEN d.credit = 'available' THEN least(a.amount, b.owed) ELSE a.amount END),
                  (2, 'available', CASE WHEN d.credit = 'available' THEN a.amount - least(a.amount, b.owed) END)
              ) p(nth, credit, amount)
             WHERE d.code IS NULL AND d.reverses IS NULL AND d.debit <> 'available' AND p.amount > 0;
            lines := lines || found;
        END IF;

        IF has_draws THEN
            SELECT array_agg(ROW(
                       d.entry, d.ord, p.nth, d.member_id, d.kind, p.unit, p.debit, d.credit, p.amount,
                       p.draws, d.effective_on, d.occurred_at, d.actor, d.rule_version, d.reverses,
                       CASE WHEN a.amount > a.remaining THEN 'exceeds_original'
                            WHEN p.nth = 3 AND d.shortfall = 'refuse' THEN 'insufficient_points' END,
                       a.amount, CASE WHEN a.amount > a.remaining THEN a.remaining
                                      ELSE a.amount - p.amount END)::decision)
              INTO found
              FROM unnest(batch, entries, codes, shortfalls, before) WITH ORDINALITY AS d(
                  line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
                  lot, reverses, effective_on, occurred_at, actor, rule_version, entry, code, shortfall, before, ord)
              -- What undoes an entry takes no more than is left of it.
              CROSS JOIN LATERAL (SELECT CASE WHEN d.reverses IS NOT NULL THEN (
                  SELECT coalesce(sum(CASE WHEN t.id = d.reverses THEN t.amount ELSE -t.amount END), 0)::bigint - d.before
                    FROM transfer t
                   WHERE t.member_id = d.member_id AND t.unit = ANY (d.units)
                     AND (t.id = d.reverses AND t.credit IN ('available', 'owed')
                          OR t.reverses = d.reverses AND t.debit IN ('available', 'owed'))) END AS remaining) o
              CROSS JOIN LATERAL (SELECT o.remaining, coalesce(d.amount, o.remaining) AS amount) a
              CROSS JOIN LATERAL (
                  SELECT unit, 'available', sum(take)::bigint,
                         array_agg(ROW(issuer, funding, cost_class, earned_in, expires_on,
                                       origin_on, take, NULL)::draw ORDER BY upto), 2
                    FROM (SELECT c.*, (least(c.upto, d.before + coalesce(a.amount, c.upto))
                                       - greatest(c.upto - c.units_left, d.before))::bigint AS take
                            FROM (SELECT l.*, sum(l.units_left) OVER (
                                      ORDER BY (l.unit = d.units[1] AND l.issuer = (d.lot).issuer
                                                AND l.funding = (d.lot).funding
                                                AND l.cost_class = (d.lot).cost_class
                                                AND l.earned_in = (d.lot).earned_in
                                                AND l.expires_on = (d.lot).expires_on) IS TRUE DESC,
                                               l.expires_on, u.draw_rank, l.unit, l.issuer, l.earned_in,
                                               l.funding, l.cost_class, l.origin_on
                                      ROWS UNBOUNDED PRECEDING) AS upto
                                    FROM lot l JOIN unit u ON u.code = l.unit
                                   WHERE l.member_id = d.member_id AND l.unit = ANY (d.units)
                                     AND l.units_left > 0
                                     AND CASE WHEN d.scope = 'expired'
                                              THEN l.expires_on = (d.lot).expires_on
                                              ELSE l.expires_on >= d.effective_on END
                                     AND (d.scope = 'sparing'
                                          AND l.cost_class = (d.lot).cost_class) IS NOT TRUE) c) taken
                   WHERE take > 0 GROUP BY unit
                  UNION ALL
                  -- what the lots cannot give
                  SELECT d.units[1], 'owed',
                         a.amount - greatest(coalesce(sum(l.units_left), 0)::bigint - d.before, 0), NULL, 3
                    FROM lot l
                   WHERE l.member_id = d.member_id AND l.unit = ANY (d.units) AND l.units_left > 0
                     AND CASE WHEN d.scope = 'expired'
                              THEN l.expires_on = (d.lot).expires_on
                              ELSE l.expires_on >= d.effective_on END
                     AND (d.scope = 'sparing' AND l.cost_class = (d.lot).cost_class) IS NOT TRUE
              ) p(unit, debit, amount, draws, nth)
             WHERE d.code IS NULL AND d.debit = 'available' AND p.amount > 0
               AND NOT (p.nth = 3 AND d.shortfall = 'floor' AND a.amount <= coalesce(a.remaining, a.amount));
            lines := lines || found;
        END IF;

        IF has_settles THEN
            lines := lines || ledger.settle(batch, entries, codes, shortfalls, grace_days);
        END IF;

        -- The drafts of an entry were decided apart, and what settles looks at the
        -- entry it undoes: together they may still ask more of a lot or a balance
        -- than it has.
        overdrawn := NULL;
        IF many OR has_settles THEN
            SELECT array_agg(entry) INTO overdrawn FROM (
                SELECT l.entry
                  FROM unnest(lines) l JOIN balance b ON b.member_id = l.member_id AND b.unit = l.unit
                 WHERE l.code IS NULL
                 GROUP BY l.entry, b.member_id, b.unit
                HAVING b.pending + sum(CASE 'pending' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END) < 0
                    OR b.held + sum(CASE 'held' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END) < 0
                    OR b.owed + sum(CASE 'owed' WHEN l.debit THEN l.amount WHEN l.credit THEN -l.amount ELSE 0 END) < 0
                UNION ALL
                SELECT l.entry
                  FROM unnest(lines) l CROSS JOIN LATERAL unnest(l.draws) x
                  JOIN lot ON lot.member_id = l.member_id AND lot.unit = l.unit
                   AND lot.expires_on = x.expires_on AND lot.issuer = x.issuer
                   AND lot.earned_in = x.earned_in AND lot.funding = x.funding
                   AND lot.cost_class = x.cost_class AND lot.origin_on = x.origin_on
                 WHERE l.code IS NULL AND l.debit = 'available'
                 GROUP BY l.entry, lot.member_id, lot.unit, lot.expires_on, lot.issuer, lot.earned_in,
                          lot.funding, lot.cost_class, lot.origin_on
                HAVING sum(x.units) > lot.units_left) o;
        END IF;

        -- Refusals: what the decisions found, undeclared legs, entries without any line.
        SELECT bool_or(l.code IS NOT NULL OR g.kind IS NULL), count(DISTINCT l.ord)
          INTO some_refused, decided
          FROM unnest(lines) l
          LEFT JOIN entry_leg g ON g.kind = l.kind AND g.debit = declared_as(l.debit)
                               AND g.credit = declared_as(l.credit);
        IF some_refused OR overdrawn IS NOT NULL OR decided < cardinality(batch)
           OR codes IS DISTINCT FROM array_fill(NULL::text, ARRAY[cardinality(codes)]) THEN
            -- Drafts, decisions and overdrawn entries are laid under one another and
            -- grouped: joined, they would be compared each with each. The first
            -- reason of the first draft that has one is the entry's.
            SELECT array_agg(f.code ORDER BY f.ord),
                   array_agg(CASE WHEN f.code IS NULL THEN f.id::uuid ELSE nobody END ORDER BY f.ord),
                   array_agg(CASE WHEN f.code IS NOT NULL THEN f.needed END ORDER BY f.ord),
                   array_agg(CASE WHEN f.code IS NOT NULL THEN f.available END ORDER BY f.ord)
              INTO codes, ids, needed, available
              FROM (SELECT g.ord, max(CASE WHEN g.line = 0 THEN new_id()::text END) OVER e AS id,
                           max(g.needed) OVER e AS needed, min(g.available) OVER e AS available,
                           coalesce(
                               substr(min(lpad(g.ord::text, 9, '0') || g.code) OVER e, 10),
                               substr(min(lpad(g.ord::text, 9, '0') || g.found) OVER e, 10),
                               CASE WHEN bool_or(g.is_overdrawn) OVER e THEN 'insufficient_points' END,
                               CASE WHEN bool_or(g.is_undeclared) OVER e THEN CASE
                                    WHEN bool_or(
                                        g.debit IS NOT NULL AND NOT is_account(g.debit)
                                        OR g.credit IS NOT NULL AND NOT is_account(g.credit)) OVER e
                                    THEN 'unknown_account' ELSE 'undeclared_leg' END END,
                               CASE WHEN NOT bool_or(g.is_decided) OVER e THEN 'nothing_to_post' END) AS code
                      FROM (SELECT f.ord, f.entry, max(f.line) AS line, max(f.code) AS code,
                                   max(f.debit) AS debit, max(f.credit) AS credit, max(f.found) AS found,
                                   bool_or(f.is_decided) AS is_decided, bool_or(f.is_undeclared) AS is_undeclared,
                                   bool_or(f.is_overdrawn) AS is_overdrawn,
                                   max(f.needed) AS needed, min(f.available) AS available
                              FROM (SELECT d.ord, d.entry, d.line, d.code, d.debit, d.credit, NULL AS found,
                                           false AS is_decided, false AS is_undeclared, false AS is_overdrawn,
                                           NULL::bigint AS needed, NULL::bigint AS available
                                      FROM unnest(batch, entries, codes) WITH ORDINALITY AS d(
                                          line, member_id, reference, input_hash, kind, debit, credit, units,
                                          amount, scope, lot, reverses, effective_on, occurred_at, actor,
                                          rule_version, entry, code, ord)
                                    UNION ALL
                                    SELECT l.ord, l.entry, NULL, NULL, NULL, NULL, l.code, true, g.kind IS NULL, false,
                                           CASE WHEN l.code IS NOT NULL THEN l.needed END,
                                           CASE WHEN l.code IS NOT NULL THEN l.available END
                                      FROM unnest(lines) l
                                      LEFT JOIN entry_leg g ON g.kind = l.kind AND g.debit = declared_as(l.debit)
                                                           AND g.credit = declared_as(l.credit)
                                    UNION ALL
                                    SELECT NULL, o.entry, NULL, NULL, NULL, NULL, NULL, false, false, true, NULL, NULL
                                      FROM unnest(overdrawn) o(entry)) f
                             GROUP BY f.ord, f.entry) g
                    WINDOW e AS (PARTITION BY g.entry)) f
             WHERE f.ord IS NOT NULL;
            RETURN QUERY
            SELECT d.entry, CASE WHEN d.code IS NULL THEN 'posted' WHEN d.code = 'replayed' THEN d.code ELSE 'refused' END,
                   nullif(d.code, 'replayed'), coalesce(nullif(d.id, nobody), d.known), d.needed, d.available
              FROM unnest(batch, entries, codes, ids, known, needed, available) AS d(
                  line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope, lot, reverses,
                  effective_on, occurred_at, actor, rule_version, entry, code, id, known, needed, available)
             WHERE d.line = 0;
            SELECT array_agg(l) INTO lines FROM unnest(lines) l WHERE ids[l.ord] <> nobody;
            CONTINUE WHEN lines IS NULL;
        ELSE
            -- The drafts of one entry stand side by side, so the id of the last
            -- line 0 is theirs.
            SELECT array_agg(id::uuid ORDER BY ord) INTO ids
              FROM (SELECT ord, max(CASE WHEN line = 0 THEN new_id()::text END)
                               OVER (PARTITION BY entry) AS id
                      FROM unnest(batch, entries) WITH ORDINALITY AS d(
                          line, member_id, reference, input_hash, kind, debit, credit, units, amount,
                          scope, lot, reverses, effective_on, occurred_at, actor, rule_version, entry, ord)) d;
            RETURN QUERY SELECT d.entry, 'posted', NULL::text, d.id, NULL::bigint, NULL::bigint
              FROM unnest(batch, entries, ids) AS d(
                  line, member_id, reference, input_hash, kind, debit, credit, units, amount,
                  scope, lot, reverses, effective_on, occurred_at, actor, rule_version, entry, id)
             WHERE d.line = 0;
        END IF;

        INSERT INTO reference (member_id, reference, input_hash, entry_id)
        SELECT d.member_id, d.reference, d.input_hash, d.id
          FROM unnest(batch, ids) AS d(
              line, member_id, reference, input_hash, kind, debit, credit, units, amount, scope,
              lot, reverses, effective_on, occurred_at, actor, rule_version, id)
         WHERE d.line = 0 AND d.id <> nobody;

        UPDATE balance b
           SET available = b.available + f.available, pending = b.pending + f.pending,
               held = b.held + f.held, owed = b.owed + f.owed
          FROM (SELECT l.member_id, l.unit,
                       sum(CASE 'available' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END) AS available,
                       sum(CASE 'pending' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END) AS pending,
                       sum(CASE 'held' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END) AS held,
                       sum(CASE 'owed' WHEN l.debit THEN l.amount WHEN l.credit THEN -l.amount ELSE 0 END) AS owed
                  FROM unnest(lines) l GROUP BY l.member_id, l.unit) f
         WHERE b.member_id = f.member_id AND b.unit = f.unit;
        -- Rows for every unit stand since the book was opened.

        IF has_draws OR has_settles THEN
            UPDATE lot SET units_left = lot.units_left + c.units
              FROM (SELECT l.member_id, l.unit, x.issuer, x.funding, x.cost_class, x.earned_in, x.expires_on, x.origin_on,
                           sum(CASE l.credit WHEN 'available' THEN x.units ELSE -x.units END) AS units
                      FROM unnest(lines) l CROSS JOIN LATERAL unnest(l.draws) x
                     WHERE l.debit = 'available'
                        OR l.credit = 'available' AND l.reverses IS NOT NULL AND x.grace_on IS NULL
                     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) c
             WHERE lot.member_id = c.member_id AND lot.unit = c.unit
               AND lot.expires_on = c.expires_on AND lot.issuer = c.issuer
               AND lot.earned_in = c.earned_in AND lot.funding = c.funding
               AND lot.cost_class = c.cost_class AND lot.origin_on = c.origin_on;
        END IF;
        IF has_moves OR has_settles THEN
            INSERT INTO lot (member_id, unit, expires_on, issuer, earned_in, funding,
                             cost_class, origin_on, units_issued, units_left)
            SELECT l.member_id, l.unit, coalesce(x.grace_on, x.expires_on), x.issuer, x.earned_in, x.funding,
                   x.cost_class, CASE WHEN x.grace_on IS NULL THEN x.origin_on ELSE x.expires_on END,
                   sum(x.units), sum(x.units)
              FROM unnest(lines) l CROSS JOIN LATERAL unnest(l.draws) x
             WHERE l.credit = 'available' AND (l.reverses IS NULL OR x.grace_on IS NOT NULL)
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
            ON CONFLICT (member_id, unit, expires_on, issuer, earned_in, funding, cost_class, origin_on)
            DO UPDATE SET units_issued = lot.units_issued + excluded.units_issued,
                          units_left = lot.units_left + excluded.units_left;
        END IF;

        INSERT INTO transfer (member_id, id, line, kind, debit, credit, unit, amount,
                              available_after, draws, effective_on, occurred_at,
                              recorded_at, actor, rule_version, reverses)
        SELECT l.member_id, ids[l.ord], row_number() OVER w - 1,
               l.kind, l.debit, l.credit, l.unit, l.amount,
               b.available - coalesce(sum(CASE 'available' WHEN l.credit THEN l.amount WHEN l.debit THEN -l.amount ELSE 0 END)
                   OVER (PARTITION BY l.entry, l.unit ORDER BY l.ord, l.nth
                         ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0),
               l.draws, l.effective_on, l.occurred_at, clock_timestamp(), l.actor,
               l.rule_version, l.reverses
          FROM unnest(lines) l
          JOIN balance b ON b.member_id = l.member_id AND b.unit = l.unit
        WINDOW w AS (PARTITION BY l.entry ORDER BY l.ord, l.nth, l.unit);
    END LOOP;
END
$post$;

-- The short way through ledger.post: one plain entry of one draft, for which
-- nothing has to be refused, replayed, reversed or owed. Returns its id, or null
-- where the case is not plain and the whole of ledger.post must decide. It
-- repeats no rule: a statement over a batch merely costs ten times as much to set
-- up as one over a row, and most calls bring one row.
CREATE FUNCTION ledger.post_one(d ledger.draft) RETURNS uuid
LANGUAGE plpgsql SET search_path = ledger, pg_temp
AS $post_one$
DECLARE
    member bigint := d.member_id;
    unit_now text := d.units[1];
    now_id uuid;
    is_open bool;
    here record;
    need bigint := d.amount;
    picked lot;
    takes lot[];
    taken draw[];
    -- as legs declare them, like declared_as
    debit_leg text := CASE WHEN strpos(d.debit, ':') = 0 THEN d.debit ELSE declared_as(d.debit) END;
    credit_leg text := CASE WHEN strpos(d.credit, ':') = 0 THEN d.credit ELSE declared_as(d.credit) END;
BEGIN
    SELECT gate = 'open' INTO is_open FROM book WHERE member_id = member FOR NO KEY UPDATE;
    -- What names several units, or a lot to be drawn first, is not plain; neither
    -- is a debt that is asked for or paid by name.
    IF cardinality(d.units) <> 1 AND d.debit <> 'available'
       OR d.debit = 'available' AND (d.lot).issuer IS NOT NULL
       OR 'owed' IN (d.debit, d.credit) THEN
        RETURN NULL;
    END IF;
    SELECT g.spends, b.pending, b.held, b.owed,
           EXISTS (SELECT FROM reference r WHERE r.member_id = member AND r.reference = d.reference) AS known,
           (SELECT max(p.last_day) FROM period p WHERE p.closed_at IS NOT NULL) AS closed_through
      INTO here
      FROM entry_leg g JOIN balance b ON b.member_id = member AND b.unit = unit_now
     WHERE g.kind = d.kind AND g.debit = debit_leg AND g.credit = credit_leg;
    IF NOT found OR here.known OR d.effective_on <= here.closed_through
       OR here.spends AND NOT is_open OR need NOT BETWEEN 1 AND 1000000000000000 THEN
        RETURN NULL;
    END IF;

    IF d.debit = 'available' THEN
        -- One unit alone is known by its balance.
        IF cardinality(d.units) > 1 AND NOT d.units <@ ARRAY(SELECT u.code FROM unit u) THEN
            RETURN NULL;
        END IF;
        FOR picked IN
            SELECT l.* FROM lot l JOIN unit u ON u.code = l.unit
             WHERE l.member_id = member AND l.unit = ANY (d.units)
               AND l.units_left > 0 AND l.expires_on >= d.effective_on
             ORDER BY l.expires_on, u.draw_rank, l.unit, l.issuer, l.earned_in,
                      l.funding, l.cost_class, l.origin_on
        LOOP
            IF picked.unit <> unit_now AND takes IS NOT NULL THEN
                RETURN NULL;
            END IF;
            unit_now := picked.unit;
            picked.units_left := least(picked.units_left, need);
            need := need - picked.units_left;
            takes := takes || picked;
            taken := taken || ROW(picked.issuer, picked.funding, picked.cost_class, picked.earned_in,
                                  picked.expires_on, picked.origin_on, picked.units_left, NULL)::draw;
            EXIT WHEN need = 0;
        END LOOP;
        IF need > 0 THEN
            RETURN NULL;
        END IF;
        FOREACH picked IN ARRAY takes LOOP
            UPDATE lot SET units_left = lot.units_left - picked.units_left
             WHERE lot.member_id = member AND lot.unit = picked.unit
               AND lot.expires_on = picked.expires_on AND lot.issuer = picked.issuer
               AND lot.earned_in = picked.earned_in AND lot.funding = picked.funding
               AND lot.cost_class = picked.cost_class AND lot.origin_on = picked.origin_on;
        END LOOP;
    ELSIF d.debit = 'pending' AND need > here.pending OR d.debit = 'held' AND need > here.held THEN
        RETURN NULL;
    ELSIF d.credit = 'available' THEN
        IF here.owed > 0 THEN
            RETURN NULL;
        END IF;
        picked := ROW(member, unit_now, (d.lot).expires_on, (d.lot).issuer, (d.lot).earned_in,
                      (d.lot).funding, (d.lot).cost_class,
                      coalesce((d.lot).origin_on, (d.lot).expires_on), need, need);
        taken := ARRAY[ROW(picked.issuer, picked.funding, picked.cost_class, picked.earned_in,
                           picked.expires_on, picked.origin_on, need, NULL)::draw];
        INSERT INTO lot VALUES (picked.*)
        ON CONFLICT (member_id, unit, expires_on, issuer, earned_in, funding, cost_class, origin_on)
        DO UPDATE SET units_issued = lot.units_issued + excluded.units_issued,
                      units_left = lot.units_left + excluded.units_left;
    END IF;

    now_id := new_id();
    WITH bound AS (
        INSERT INTO reference VALUES (member, d.reference, d.input_hash, now_id)
    ), b AS (
        UPDATE balance
           SET available = available + CASE 'available' WHEN d.credit THEN d.amount WHEN d.debit THEN -d.amount ELSE 0 END,
               pending = pending + CASE 'pending' WHEN d.credit THEN d.amount WHEN d.debit THEN -d.amount ELSE 0 END,
               held = held + CASE 'held' WHEN d.credit THEN d.amount WHEN d.debit THEN -d.amount ELSE 0 END,
               owed = owed + CASE 'owed' WHEN d.debit THEN d.amount WHEN d.credit THEN -d.amount ELSE 0 END
         WHERE balance.member_id = member AND balance.unit = unit_now
        RETURNING available)
    INSERT INTO transfer
    SELECT member, now_id, 0, d.kind, d.debit, d.credit, unit_now, d.amount, b.available, taken,
           d.effective_on, d.occurred_at, clock_timestamp(), d.actor, d.rule_version
      FROM b;
    RETURN now_id;
END
$post_one$;

-- Small functions that the rest of the kernel is built from.

CREATE FUNCTION ledger.new_id() RETURNS uuid LANGUAGE sql VOLATILE
    AS $$ SELECT {new_id} $$;

-- The last day of the last closed period, or -infinity.
CREATE FUNCTION ledger.closed_through() RETURNS date
    LANGUAGE sql STABLE
    AS $$ SELECT coalesce(
        (SELECT max(last_day) FROM ledger.period WHERE closed_at IS NOT NULL),
        '-infinity'::date) $$;

-- The day itself, or the first open day after it.
CREATE FUNCTION ledger.open_day(day date) RETURNS date
    LANGUAGE sql STABLE
    AS $$ SELECT CASE WHEN day > ledger.closed_through() THEN day
                      ELSE ledger.closed_through() + 1 END $$;

-- Why a draft may not be posted whatever the lots say; null if it may.
-- 'replayed' means that the very same input was posted before.
CREATE FUNCTION ledger.refusal(
    gate text, known_hash uuid, input_hash uuid, kind text, spends bool,
    units text[], known_units text[], amount bigint, effective_on date, closed_through date)
RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE
    WHEN gate IS NULL THEN 'unknown_member'
    WHEN known_hash = input_hash THEN 'replayed'
    WHEN known_hash IS NOT NULL THEN 'reference_reused'
    WHEN kind IS NULL THEN 'undeclared_kind'
    WHEN NOT units <@ known_units THEN 'unknown_unit'
    WHEN amount NOT BETWEEN 1 AND 1000000000000000 THEN 'amount_out_of_range'
    WHEN effective_on <= closed_through THEN 'period_closed'
    WHEN spends AND gate <> 'open' THEN 'gate_closed'
END $$;

-- An account as legs declare it: 'class', or 'class:' where it names a partner;
-- null where the partner's name is missing.
CREATE FUNCTION ledger.declared_as(account text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN right(account, 1) <> ':'
    THEN left(account, coalesce(nullif(strpos(account, ':'), 0), length(account))) END $$;

-- Whether the chart has the account; a family needs its partner, others take none.
CREATE FUNCTION ledger.is_account(account text) RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT EXISTS (
    SELECT FROM ledger.account_class c
     WHERE c.class = split_part(account, ':', 1)
       AND c.by_partner = (strpos(account, ':') > 0)
       AND right(account, 1) <> ':') $$;

-- Open books: a lock, a gate and a balance row for every unit. Books that are
-- open already stay as they are.
CREATE FUNCTION ledger.open_books(member_ids bigint[], opened_on date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ledger, pg_temp
BEGIN ATOMIC
    INSERT INTO ledger.book (member_id, gate, opened_on)
    SELECT DISTINCT m, 'open', opened_on FROM unnest(member_ids) m ORDER BY m
    ON CONFLICT DO NOTHING;
    INSERT INTO ledger.balance (member_id, unit)
    SELECT DISTINCT m, u.code FROM unnest(member_ids) m, ledger.unit u ORDER BY m, u.code
    ON CONFLICT DO NOTHING;
END;

-- Open, suspend or close the spending gate of books; moves no points.
CREATE FUNCTION ledger.set_gate(member_ids bigint[], gate text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    PERFORM FROM book b WHERE b.member_id = ANY (member_ids) ORDER BY b.member_id FOR NO KEY UPDATE;
    UPDATE book b SET gate = set_gate.gate
     WHERE b.member_id = ANY (member_ids) AND b.gate <> set_gate.gate;
END
$$;

-- Close a month and all before it. Waits until no writer is under way; those
-- that come later see the month closed.
CREATE FUNCTION ledger.close_period(first_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    LOCK TABLE transfer IN SHARE MODE;
    INSERT INTO period (month, last_day, closed_at)
    VALUES (first_day, (first_day + interval '1 month')::date - 1, clock_timestamp())
    ON CONFLICT (month) DO UPDATE SET closed_at = coalesce(period.closed_at, excluded.closed_at);
END
$$;

-- Wait for whoever writes this member's book, so that all that was recorded
-- before now can be seen by the next statement.
CREATE FUNCTION ledger.await_writers(member bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    PERFORM FROM book WHERE member_id = member FOR SHARE;
END
$$;

-- What a member had in a unit at the end of a day, as the books stood at a time.
CREATE FUNCTION ledger.balance_as_of(member bigint, of_unit text, day date, known timestamptz)
RETURNS TABLE (available bigint, pending bigint, held bigint, owed bigint)
LANGUAGE sql STABLE
AS $$
SELECT coalesce(sum(CASE 'available' WHEN t.credit THEN t.amount WHEN t.debit THEN -t.amount ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE 'pending' WHEN t.credit THEN t.amount WHEN t.debit THEN -t.amount ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE 'held' WHEN t.credit THEN t.amount WHEN t.debit THEN -t.amount ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE 'owed' WHEN t.debit THEN t.amount WHEN t.credit THEN -t.amount ELSE 0 END), 0)::bigint
  FROM ledger.book b
  LEFT JOIN ledger.transfer t
    ON t.member_id = b.member_id AND t.unit = of_unit
   AND t.effective_on <= coalesce(day, 'infinity') AND t.recorded_at <= coalesce(known, 'infinity')
 WHERE b.member_id = member
 GROUP BY b.member_id
$$;

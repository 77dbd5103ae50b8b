-- Open the last closed month again; what was closed before it stays closed. Waits
-- for writers as closing does. False, and nothing is opened, for any other month.
CREATE FUNCTION ledger.reopen_period(first_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    LOCK TABLE transfer IN SHARE MODE;
    IF closed_through() <> (first_day + interval '1 month')::date - 1 THEN
        RETURN false;
    END IF;
    -- The months before may have been closed by this one alone.
    INSERT INTO period (month, last_day, closed_at)
    VALUES ((first_day - interval '1 month')::date, first_day - 1, clock_timestamp())
    ON CONFLICT (month) DO UPDATE SET closed_at = coalesce(period.closed_at, excluded.closed_at);
    UPDATE period SET closed_at = NULL WHERE month = first_day;
    RETURN true;
END
$$;

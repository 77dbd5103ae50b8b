-- Values that travel into, through and out of ledger.post.

-- Units taken from one lot, put into it, or carried on from it. `grace_on` is
-- set where units came back after the lot's last good day: they then live in a
-- sibling lot whose last good day is `grace_on` and whose origin is `expires_on`.
CREATE TYPE ledger.draw AS (
    issuer text,
    funding text,
    cost_class text,
    earned_in date,
    expires_on date,
    origin_on date,
    units bigint,
    grace_on date
);

-- One wished-for transfer. Drafts with line > 0 belong to the entry opened by
-- the nearest draft with line 0 before them; an entry is posted whole or not.
CREATE TYPE ledger.draft AS (
    line smallint,
    member_id bigint,
    reference text,
    input_hash uuid,
    kind text,
    debit text,
    credit text,          -- null: back where the reversed entry took it from
    units text[],
    amount bigint,        -- null: whatever is there
    scope text,           -- 'expired', 'sparing', 'lots', 'loose' or null; see post.sql
    lot ledger.draw,      -- the lot to open, or the one to draw first
    reverses uuid,        -- the entry undone, captured or released
    effective_on date,
    occurred_at timestamptz,
    actor text,
    rule_version int
);

-- One decided transfer, or (code set) the reason why its entry is refused.
CREATE TYPE ledger.decision AS (
    entry int,
    ord int,
    nth smallint,
    member_id bigint,
    kind text,
    unit text,
    debit text,
    credit text,
    amount bigint,
    draws ledger.draw[],
    effective_on date,
    occurred_at timestamptz,
    actor text,
    rule_version int,
    reverses uuid,
    code text,
    needed bigint,
    available bigint
);

CREATE TYPE ledger.answer AS (
    entry int,            -- position in the batch, from 1
    outcome text,         -- 'posted', 'replayed' or 'refused'
    code text,            -- why refused
    id uuid,
    needed bigint,
    available bigint
);

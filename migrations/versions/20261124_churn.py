"""Churn policy as data, what leaving ends step by step, and lines by their history."""

from alembic import op

revision = "0020_churn"
down_revision = "0019_partner_balances"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE churn_terms (
    version integer NOT NULL, starts_on date NOT NULL,
    bank_answers_within_days integer NOT NULL, loaded_at timestamptz NOT NULL,
    approval_id bigint,
    CONSTRAINT churn_terms_pkey PRIMARY KEY (version),
    CONSTRAINT churn_terms_makes_sense CHECK (bank_answers_within_days > 0));
CREATE TABLE churn_policy (
    version integer NOT NULL, reason text NOT NULL, scope text NOT NULL,
    notice_days integer NOT NULL, grace_days integer NOT NULL,
    may_redeem boolean NOT NULL, reinstate_within_days integer NOT NULL,
    CONSTRAINT churn_policy_pkey PRIMARY KEY (version, reason),
    CONSTRAINT churn_policy_reason_known CHECK (
        reason IN ('ported_out', 'voluntary', 'arrears', 'lost', 'fraud')),
    CONSTRAINT churn_policy_scope_known CHECK (scope IN ('identity', 'line')),
    CONSTRAINT churn_policy_makes_sense CHECK (
        notice_days >= 0 AND grace_days >= 0 AND reinstate_within_days >= 0));
CREATE TABLE churn_benefit (
    version integer NOT NULL, reason text NOT NULL, benefit text NOT NULL,
    nth integer NOT NULL, comes_back boolean NOT NULL,
    CONSTRAINT churn_benefit_pkey PRIMARY KEY (version, reason, benefit),
    CONSTRAINT churn_benefit_version_reason_nth_key UNIQUE (version, reason, nth),
    CONSTRAINT churn_benefit_benefit_known CHECK (benefit IN (
        'exchanges', 'orders', 'vouchers', 'bookings', 'clubs', 'tier',
        'points.pending', 'points.operator', 'points.universal', 'links', 'card')));
CREATE TABLE churn_freeze (
    version integer NOT NULL, event text NOT NULL, reason text NOT NULL,
    CONSTRAINT churn_freeze_pkey PRIMARY KEY (version, event, reason));

CREATE TABLE churn_step (
    member_id bigint NOT NULL, departure_ref text NOT NULL, benefit text NOT NULL,
    subject text NOT NULL, nth integer NOT NULL, state text NOT NULL DEFAULT 'due',
    waits_for text, detail jsonb, attempts integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL, due_at timestamptz NOT NULL, ended_at timestamptz,
    CONSTRAINT churn_step_pkey PRIMARY KEY (member_id, departure_ref, benefit, subject),
    CONSTRAINT churn_step_member_id_departure_ref_fkey
        FOREIGN KEY (member_id, departure_ref) REFERENCES departure,
    CONSTRAINT churn_step_state_known CHECK (
        state IN ('due', 'waiting', 'alarmed', 'done', 'survived', 'dropped')),
    CONSTRAINT churn_step_ends_whole CHECK (
        (state IN ('done', 'survived', 'dropped')) = (ended_at IS NOT NULL)));
CREATE INDEX churn_step_due ON churn_step (due_at) WHERE ended_at IS NULL;
CREATE TABLE churn_notice (
    member_id bigint NOT NULL, ref text NOT NULL, kind text NOT NULL,
    made_at timestamptz NOT NULL, told_at timestamptz, how text,
    CONSTRAINT churn_notice_pkey PRIMARY KEY (member_id, ref, kind),
    CONSTRAINT churn_notice_kind_known CHECK (
        kind IN ('warning', 'leaving', 'void', 'return')),
    CONSTRAINT churn_notice_told_somehow CHECK (
        (how IS NULL) = (told_at IS NULL) AND how IN ('sent', 'unreachable')));
CREATE INDEX churn_notice_due ON churn_notice (made_at) WHERE told_at IS NULL;

ALTER TABLE programme_terms DROP CONSTRAINT programme_terms_makes_sense;
ALTER TABLE programme_terms DROP COLUMN reinstate_within_days;
ALTER TABLE programme_terms ADD CONSTRAINT programme_terms_makes_sense CHECK (
    expiry_months > 0 AND cancel_unpaid_after_days > 0 AND carrying_fen_num > 0
    AND carrying_fen_den > 0);

ALTER TABLE departure ALTER COLUMN booked_at DROP NOT NULL,
    ADD COLUMN cause_ref text, ADD COLUMN left_at timestamptz,
    ADD COLUMN policy_version integer, ADD COLUMN void_on date,
    ADD COLUMN reinstate_until date;
UPDATE departure SET cause_ref = event_ref, left_at = left_on, void_on = left_on,
                     reinstate_until = left_on + 90;
ALTER TABLE departure ALTER COLUMN cause_ref SET NOT NULL,
    ALTER COLUMN left_at SET NOT NULL, ALTER COLUMN void_on SET NOT NULL,
    ALTER COLUMN reinstate_until SET NOT NULL;
CREATE INDEX departure_not_void ON departure (void_on) WHERE booked_at IS NULL;

ALTER TABLE subscription ADD COLUMN state_ref text;
UPDATE subscription s SET state_ref = (
    SELECT e.event_ref FROM subscription_event e
     WHERE e.member_id = s.member_id AND e.msisdn = s.msisdn
       AND e.occurred_at = s.state_at ORDER BY e.event_ref DESC LIMIT 1);
CREATE INDEX person_id_hash_idx ON person (id_hash);

GRANT SELECT, INSERT ON churn_terms, churn_policy, churn_benefit, churn_freeze
    TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON churn_step, churn_notice TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables, and tell of each departure what used to hold for all."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them; what was to be void later is as if it had been at once."""
    op.execute(
        """
        DROP INDEX person_id_hash_idx;
        ALTER TABLE subscription DROP COLUMN state_ref;
        DROP TABLE churn_notice, churn_step, churn_freeze, churn_benefit,
                   churn_policy, churn_terms;
        DROP INDEX departure_not_void;
        UPDATE departure SET booked_at = clock_timestamp() WHERE booked_at IS NULL;
        ALTER TABLE departure ALTER COLUMN booked_at SET NOT NULL,
            DROP COLUMN cause_ref, DROP COLUMN left_at, DROP COLUMN policy_version,
            DROP COLUMN void_on, DROP COLUMN reinstate_until;
        ALTER TABLE programme_terms DROP CONSTRAINT programme_terms_makes_sense;
        ALTER TABLE programme_terms
            ADD COLUMN reinstate_within_days integer NOT NULL DEFAULT 90;
        ALTER TABLE programme_terms ALTER COLUMN reinstate_within_days DROP DEFAULT;
        ALTER TABLE programme_terms ADD CONSTRAINT programme_terms_makes_sense CHECK (
            expiry_months > 0 AND cancel_unpaid_after_days > 0
            AND reinstate_within_days > 0 AND carrying_fen_num > 0
            AND carrying_fen_den > 0);
        """
    )

"""Money that members pay: payments, refunds, and what the provider told of them."""

from alembic import op

revision = "0006_payments"
down_revision = "0005_catalogue"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE payment (
    member_id bigint NOT NULL, payment_ref text NOT NULL, purpose text NOT NULL,
    purpose_ref text NOT NULL, amount_fen bigint NOT NULL, title text NOT NULL,
    refunding_fen bigint NOT NULL DEFAULT 0, state text NOT NULL,
    language text, success_url text, cancel_url text,
    checkout_id text, intent_id text, url text,
    asked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    state_at timestamptz NOT NULL,
    CONSTRAINT payment_pkey PRIMARY KEY (member_id, payment_ref),
    CONSTRAINT payment_is_for_something CHECK (amount_fen > 0),
    CONSTRAINT payment_state_known CHECK (
        state IN ('asked', 'open', 'succeeded', 'expired')),
    CONSTRAINT payment_open_somewhere CHECK (
        state <> 'open' OR (checkout_id IS NOT NULL AND url IS NOT NULL)),
    CONSTRAINT payment_can_be_given_back CHECK (
        state <> 'succeeded' OR intent_id IS NOT NULL),
    CONSTRAINT payment_gives_back_what_came CHECK (
        refunding_fen BETWEEN 0 AND amount_fen
        AND (refunding_fen = 0 OR state = 'succeeded')))
    WITH (fillfactor = 80);
CREATE INDEX payment_purpose_purpose_ref_idx ON payment (purpose, purpose_ref);
CREATE INDEX payment_unsettled_idx ON payment (expires_at)
    WHERE state IN ('asked', 'open');
CREATE TABLE payment_event (
    event_id text NOT NULL, type text NOT NULL, happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL, checkout_id text, intent_id text,
    member_id bigint, payment_ref text, outcome text NOT NULL,
    refund_ref text,
    CONSTRAINT payment_event_pkey PRIMARY KEY (event_id),
    CONSTRAINT payment_event_outcome_known CHECK (
        outcome IN ('paid', 'expired', 'refunded', 'refund_failed',
                    'late', 'unmatched', 'ignored')));
CREATE INDEX payment_event_member_id_payment_ref_idx
    ON payment_event (member_id, payment_ref);
CREATE TABLE refund (
    member_id bigint NOT NULL, refund_ref text NOT NULL, payment_ref text NOT NULL,
    amount_fen bigint NOT NULL, reason text NOT NULL, state text NOT NULL,
    provider_id text, asked_at timestamptz NOT NULL, state_at timestamptz NOT NULL,
    CONSTRAINT refund_pkey PRIMARY KEY (member_id, refund_ref),
    CONSTRAINT refund_member_id_payment_ref_fkey
        FOREIGN KEY (member_id, payment_ref) REFERENCES payment,
    CONSTRAINT refund_is_of_something CHECK (amount_fen > 0),
    CONSTRAINT refund_state_known CHECK (
        state IN ('asked', 'succeeded', 'failed')));
CREATE INDEX refund_asked_idx ON refund (asked_at) WHERE state = 'asked';
CREATE TABLE payment_attempt (
    member_id bigint NOT NULL, payment_ref text NOT NULL, attempt_no integer NOT NULL,
    what text NOT NULL, refund_ref text, asked_at timestamptz NOT NULL,
    answered_at timestamptz, outcome text, detail text,
    CONSTRAINT payment_attempt_pkey PRIMARY KEY (member_id, payment_ref, attempt_no),
    CONSTRAINT payment_attempt_member_id_payment_ref_fkey
        FOREIGN KEY (member_id, payment_ref) REFERENCES payment,
    CONSTRAINT payment_attempt_what_known CHECK (
        what IN ('open', 'look_up', 'close', 'refund')));

GRANT SELECT, INSERT, UPDATE ON payment, refund, payment_attempt TO jifen_app;
GRANT SELECT, INSERT ON payment_event TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE payment_attempt, refund, payment_event, payment;
        """
    )

"""Points bought for cash, and what the payment provider did with the money."""

from importlib.resources import files

from alembic import op

revision = "0035_purchases"
down_revision = "0034_journal"
branch_labels = None
depends_on = None

BENEFITS = (
    "'exchanges', 'orders', 'vouchers', 'bookings', 'clubs', 'tier',"
    " 'points.pending', 'points.operator', 'points.universal', 'links', 'card'"
)
SUBJECTS = "'insurer_bill', 'day_totals', 'till_totals'"
KINDS = "'bank', 'airline', 'insurer', 'merchant', 'venue', 'telecom'"

TABLES = """
CREATE TABLE purchase_terms (
    version integer NOT NULL, valid_from date NOT NULL, is_offered boolean NOT NULL,
    unit text NOT NULL, step_points integer NOT NULL, step_fen integer NOT NULL,
    steps_min integer NOT NULL, day_fen_max integer NOT NULL,
    year_fen_max integer NOT NULL, member_days integer NOT NULL,
    expiry_months integer NOT NULL, return_days integer NOT NULL,
    on_leaving text NOT NULL, loaded_at timestamptz NOT NULL,
    CONSTRAINT purchase_terms_pkey PRIMARY KEY (version),
    CONSTRAINT purchase_terms_makes_sense CHECK (
        step_points > 0 AND step_fen > 0 AND steps_min > 0
        AND day_fen_max >= steps_min * step_fen AND year_fen_max >= day_fen_max
        AND member_days >= 0 AND expiry_months > 0 AND return_days >= 0),
    CONSTRAINT purchase_terms_on_leaving_known CHECK (
        on_leaving IN ('refund', 'keep')));
CREATE TABLE point_purchase (
    member_id bigint NOT NULL, purchase_ref text NOT NULL,
    terms_version integer NOT NULL, unit text NOT NULL, points bigint NOT NULL,
    price_fen bigint NOT NULL, payment_ref text NOT NULL, state text NOT NULL,
    placed_at timestamptz NOT NULL, state_at timestamptz NOT NULL,
    entry_id uuid, effective_on date, earned_in date, expires_on date,
    CONSTRAINT point_purchase_pkey PRIMARY KEY (member_id, purchase_ref),
    CONSTRAINT point_purchase_is_of_something CHECK (points > 0 AND price_fen > 0),
    CONSTRAINT point_purchase_state_known CHECK (
        state IN ('awaiting_payment', 'bought', 'lapsed')),
    CONSTRAINT point_purchase_bought_whole CHECK (
        (state = 'bought') = (entry_id IS NOT NULL)
        AND (state = 'bought') = (effective_on IS NOT NULL)
        AND (state = 'bought') = (earned_in IS NOT NULL)
        AND (state = 'bought') = (expires_on IS NOT NULL)))
    WITH (fillfactor = 80);
CREATE INDEX point_purchase_effective_on_idx ON point_purchase (effective_on);
CREATE INDEX point_purchase_waiting ON point_purchase (placed_at)
    WHERE state = 'awaiting_payment';
CREATE TABLE point_purchase_return (
    member_id bigint NOT NULL, purchase_ref text NOT NULL, nth integer NOT NULL,
    points bigint NOT NULL, fen bigint NOT NULL, entry_id uuid NOT NULL,
    refund_ref text, reason text NOT NULL, effective_on date NOT NULL,
    occurred_at timestamptz NOT NULL, actor text NOT NULL,
    CONSTRAINT point_purchase_return_pkey PRIMARY KEY (member_id, purchase_ref, nth),
    CONSTRAINT point_purchase_return_is_of_something CHECK (points > 0 AND fen >= 0),
    CONSTRAINT point_purchase_return_member_id_purchase_ref_fkey
        FOREIGN KEY (member_id, purchase_ref) REFERENCES point_purchase);
CREATE INDEX point_purchase_return_effective_on_idx
    ON point_purchase_return (effective_on);

CREATE TABLE balance_transaction (
    transaction_id text NOT NULL, type text NOT NULL, source_id text, intent_id text,
    amount_fen bigint NOT NULL, fee_fen bigint NOT NULL, net_fen bigint NOT NULL,
    description text, created_at timestamptz NOT NULL, happened_on date NOT NULL,
    available_on date NOT NULL, effective_on date NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT balance_transaction_pkey PRIMARY KEY (transaction_id),
    CONSTRAINT balance_transaction_adds_up CHECK (net_fen = amount_fen - fee_fen));
CREATE INDEX balance_transaction_effective_on_idx
    ON balance_transaction (effective_on);
CREATE INDEX balance_transaction_happened_on_idx ON balance_transaction (happened_on);
CREATE INDEX balance_transaction_intent_id_idx ON balance_transaction (intent_id);
CREATE INDEX balance_transaction_source_id_idx ON balance_transaction (source_id);
CREATE TABLE payout (
    payout_id text NOT NULL, amount_fen bigint NOT NULL, is_automatic boolean NOT NULL,
    created_at timestamptz NOT NULL, arrives_on date NOT NULL,
    effective_on date NOT NULL, read_at timestamptz NOT NULL,
    CONSTRAINT payout_pkey PRIMARY KEY (payout_id));
CREATE INDEX payout_effective_on_idx ON payout (effective_on);
CREATE TABLE payout_state (
    payout_id text NOT NULL, nth integer NOT NULL, state text NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT payout_state_pkey PRIMARY KEY (payout_id, nth),
    CONSTRAINT payout_state_payout_id_fkey FOREIGN KEY (payout_id) REFERENCES payout,
    CONSTRAINT payout_state_state_known CHECK (
        state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')));
CREATE TABLE payout_line (
    transaction_id text NOT NULL, payout_id text NOT NULL,
    CONSTRAINT payout_line_pkey PRIMARY KEY (transaction_id),
    CONSTRAINT payout_line_transaction_id_fkey
        FOREIGN KEY (transaction_id) REFERENCES balance_transaction,
    CONSTRAINT payout_line_payout_id_fkey FOREIGN KEY (payout_id) REFERENCES payout);
CREATE INDEX payout_line_payout_id_idx ON payout_line (payout_id);
CREATE TABLE payout_arrival (
    payout_id text NOT NULL, nth integer NOT NULL, amount_fen bigint NOT NULL,
    arrived_on date NOT NULL, bank_ref text NOT NULL, actor text NOT NULL,
    noted_at timestamptz NOT NULL,
    CONSTRAINT payout_arrival_pkey PRIMARY KEY (payout_id, nth),
    CONSTRAINT payout_arrival_payout_id_fkey FOREIGN KEY (payout_id) REFERENCES payout,
    CONSTRAINT payout_arrival_is_an_amount CHECK (amount_fen >= 0));
CREATE TABLE provider_reading (
    what text NOT NULL, read_to text, newest text, reached text,
    CONSTRAINT provider_reading_pkey PRIMARY KEY (what));
CREATE TABLE provider_fee (
    version integer NOT NULL, valid_from date NOT NULL, fee_num integer NOT NULL,
    fee_den integer NOT NULL, fixed_fen integer NOT NULL,
    CONSTRAINT provider_fee_pkey PRIMARY KEY (version),
    CONSTRAINT provider_fee_makes_sense CHECK (
        fee_num >= 0 AND fee_den > 0 AND fixed_fen >= 0));
CREATE INDEX payment_intent_id_idx ON payment (intent_id) WHERE intent_id IS NOT NULL;

GRANT SELECT, INSERT ON purchase_terms, point_purchase_return, balance_transaction,
    payout, payout_state, payout_line, payout_arrival, provider_fee TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON point_purchase, provider_reading TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables; draws can spare lots of a class from now on."""
    op.execute(TABLES)
    _let(
        benefits=f"{BENEFITS}, 'points.purchased'",
        subjects=f"{SUBJECTS}, 'stripe'",
        kinds=f"{KINDS}, 'provider'",
    )
    # A database older than this has the function as it was.
    written = (files("ledger") / "sql" / "post.sql").read_text()
    _run(written.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))


def downgrade() -> None:
    """Remove them; the ledger's function serves older revisions as well."""
    op.execute(
        """
        DELETE FROM churn_benefit WHERE benefit = 'points.purchased';
        DELETE FROM statement_break WHERE subject = 'stripe';
        DELETE FROM comparison WHERE subject = 'stripe';
        DELETE FROM partner WHERE kind = 'provider';
        DROP INDEX payment_intent_id_idx;
        DROP TABLE provider_fee, provider_reading, payout_arrival, payout_line,
                   payout_state, payout, balance_transaction, point_purchase_return,
                   point_purchase, purchase_terms;
        """
    )
    _let(benefits=BENEFITS, subjects=SUBJECTS, kinds=KINDS)


def _let(*, benefits: str, subjects: str, kinds: str) -> None:
    """Say which benefits, subjects of comparisons and kinds of partners there are."""
    op.execute(
        f"""
        ALTER TABLE churn_benefit DROP CONSTRAINT churn_benefit_benefit_known,
            ADD CONSTRAINT churn_benefit_benefit_known CHECK (
                benefit IN ({benefits}));
        ALTER TABLE comparison DROP CONSTRAINT comparison_subject_known,
            ADD CONSTRAINT comparison_subject_known CHECK (subject IN ({subjects}));
        ALTER TABLE statement_break DROP CONSTRAINT statement_break_subject_known,
            ADD CONSTRAINT statement_break_subject_known CHECK (
                subject IN ({subjects}));
        ALTER TABLE partner DROP CONSTRAINT partner_kind_known,
            ADD CONSTRAINT partner_kind_known CHECK (kind IN ({kinds}));
        """
    )


def _run(statements: str) -> None:
    """Execute SQL as it stands, percent signs included."""
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statements)

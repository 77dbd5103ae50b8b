"""Terms, catalogue, what earns and spends points, departures, jobs."""

from alembic import op

revision = "0003_programme"
down_revision = "0002_members_feeds"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE programme_terms (
    version integer NOT NULL, expiry_months integer NOT NULL,
    cancel_unpaid_after_days integer NOT NULL, reinstate_within_days integer NOT NULL,
    carrying_fen_num integer NOT NULL, carrying_fen_den integer NOT NULL,
    loaded_at timestamptz NOT NULL,
    CONSTRAINT programme_terms_pkey PRIMARY KEY (version),
    CONSTRAINT programme_terms_makes_sense CHECK (
        expiry_months > 0 AND cancel_unpaid_after_days > 0
        AND reinstate_within_days > 0 AND carrying_fen_num > 0
        AND carrying_fen_den > 0));
CREATE TABLE bill_terms (
    version integer NOT NULL, brand text NOT NULL, points_num integer NOT NULL,
    points_den integer NOT NULL,
    CONSTRAINT bill_terms_pkey PRIMARY KEY (version, brand),
    CONSTRAINT bill_terms_is_a_ratio CHECK (points_num >= 0 AND points_den > 0));
CREATE TABLE activity_terms (
    version integer NOT NULL, partner_kind text NOT NULL, partner text NOT NULL,
    activity text NOT NULL, unit text NOT NULL, points integer NOT NULL,
    per_fen integer NOT NULL,
    CONSTRAINT activity_terms_pkey PRIMARY KEY (
        version, partner_kind, partner, activity),
    CONSTRAINT activity_terms_is_a_rate CHECK (points > 0 AND per_fen > 0));
CREATE TABLE excluded_category (
    version integer NOT NULL, partner text NOT NULL, first text NOT NULL,
    last text NOT NULL,
    CONSTRAINT excluded_category_pkey PRIMARY KEY (version, partner, first),
    CONSTRAINT excluded_category_is_a_range CHECK (first <= last));
CREATE TABLE catalogue_item (
    item_code text NOT NULL, title_zh text NOT NULL, title_en text NOT NULL,
    family text NOT NULL, kind text NOT NULL, points integer NOT NULL,
    market_fen integer NOT NULL, settlement_fen integer NOT NULL, partner text,
    cost_treatment text NOT NULL, account text NOT NULL, channels text[],
    CONSTRAINT catalogue_item_pkey PRIMARY KEY (item_code),
    CONSTRAINT catalogue_item_has_a_family CHECK (
        family IN ('TELECOM', 'NON_TELECOM', 'ALLIANCE')),
    CONSTRAINT catalogue_item_has_a_cost_treatment CHECK (
        cost_treatment IN ('NO_REVENUE_EFFECT', 'POINTS_ACCRUAL', 'CLUB_COST')),
    CONSTRAINT catalogue_item_costs_something CHECK (points > 0),
    CONSTRAINT catalogue_item_has_prices CHECK (
        settlement_fen >= 0 AND market_fen >= 0),
    CONSTRAINT catalogue_item_is_settled_with_someone CHECK (
        settlement_fen = 0 OR partner IS NOT NULL));
CREATE TABLE departure (
    member_id bigint NOT NULL, event_ref text NOT NULL, left_on date NOT NULL,
    reason text NOT NULL, entry_id uuid, booked_at timestamptz NOT NULL,
    reinstated_on date, reinstated_by uuid,
    CONSTRAINT departure_pkey PRIMARY KEY (member_id, event_ref));
CREATE TABLE bill (
    member_id bigint NOT NULL, bill_ref text NOT NULL, msisdn text NOT NULL,
    period date NOT NULL, billed_on date NOT NULL, due_on date NOT NULL,
    amount_fen bigint NOT NULL, due_fen bigint NOT NULL, paid_fen bigint NOT NULL,
    points_num integer NOT NULL, points_den integer NOT NULL,
    rule_version integer NOT NULL, points bigint NOT NULL, standing text NOT NULL,
    standing_on date NOT NULL, latest_on date NOT NULL,
    CONSTRAINT bill_pkey PRIMARY KEY (member_id, bill_ref),
    CONSTRAINT bill_stands_somewhere CHECK (
        standing IN ('none', 'pending', 'available', 'canceled')),
    CONSTRAINT bill_never_below_zero CHECK (due_fen >= 0 AND points >= 0))
    WITH (fillfactor = 80);
CREATE TABLE bill_event (
    member_id bigint NOT NULL, bill_ref text NOT NULL, source text NOT NULL,
    ref text NOT NULL, happened_on date NOT NULL, amount_fen bigint NOT NULL,
    CONSTRAINT bill_event_pkey PRIMARY KEY (member_id, bill_ref, source, ref),
    CONSTRAINT bill_event_has_a_source CHECK (source IN ('payment', 'adjustment')));
CREATE TABLE activity (
    member_id bigint NOT NULL, partner text NOT NULL, partner_ref text NOT NULL,
    activity text NOT NULL, occurred_on date NOT NULL, amount_fen bigint NOT NULL,
    mcc text, original_ref text, unit text NOT NULL, points_per integer NOT NULL,
    per_fen integer NOT NULL, rule_version integer NOT NULL, points bigint NOT NULL,
    refunded_fen bigint NOT NULL,
    CONSTRAINT activity_pkey PRIMARY KEY (member_id, partner, partner_ref),
    CONSTRAINT activity_never_below_zero CHECK (refunded_fen >= 0),
    CONSTRAINT activity_refunds_something CHECK (
        (amount_fen < 0) = (original_ref IS NOT NULL)))
    WITH (fillfactor = 90);
CREATE TABLE redemption (
    member_id bigint NOT NULL, redemption_ref text NOT NULL, item_code text NOT NULL,
    quantity bigint NOT NULL, channel text NOT NULL, occurred_at timestamptz NOT NULL,
    points bigint NOT NULL, settlement_fen bigint NOT NULL, partner text,
    cost_treatment text NOT NULL, entry_id uuid NOT NULL, effective_on date NOT NULL,
    canceled_on date,
    CONSTRAINT redemption_pkey PRIMARY KEY (member_id, redemption_ref),
    CONSTRAINT redemption_buys_something CHECK (quantity > 0 AND points > 0));
CREATE INDEX redemption_effective_on_idx ON redemption (effective_on);
CREATE TABLE job_run (
    id bigint GENERATED BY DEFAULT AS IDENTITY, job text NOT NULL,
    business_date date NOT NULL, started_at timestamptz NOT NULL,
    finished_at timestamptz, outcome text,
    CONSTRAINT job_run_pkey PRIMARY KEY (id));
CREATE INDEX job_run_job_business_date_idx ON job_run (job, business_date);

GRANT SELECT, INSERT ON programme_terms, bill_terms, activity_terms, excluded_category,
    bill_event TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON catalogue_item, departure, bill, activity, redemption,
    job_run TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables of the programme."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE job_run, redemption, activity, bill_event, bill, departure,
                   catalogue_item, excluded_category, activity_terms, bill_terms,
                   programme_terms;
        """
    )

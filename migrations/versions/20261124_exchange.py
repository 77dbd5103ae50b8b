"""Rates, exchanges, blocks paid for in advance, and bound accounts."""

from alembic import op

revision = "0010_exchange"
down_revision = "0009_linking"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE rate_card (
    partner text NOT NULL, direction text NOT NULL, version integer NOT NULL,
    from_unit text NOT NULL, to_unit text NOT NULL, points_num bigint NOT NULL,
    points_den bigint NOT NULL, fee_points bigint NOT NULL, min_units bigint NOT NULL,
    step_units bigint NOT NULL, max_units bigint NOT NULL, member_day_max bigint,
    member_month_max bigint, member_year_max bigint, programme_day_max bigint,
    fen_num bigint NOT NULL, fen_den bigint NOT NULL, service_fen_num bigint NOT NULL,
    service_fen_den bigint NOT NULL, billing text NOT NULL,
    billing_pct integer NOT NULL, wait_hours integer NOT NULL,
    is_irrevocable boolean NOT NULL, valid_from date NOT NULL, valid_to date,
    state text NOT NULL, changed_at timestamptz NOT NULL,
    CONSTRAINT rate_card_pkey PRIMARY KEY (partner, direction, version),
    CONSTRAINT rate_card_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT rate_card_direction_known CHECK (direction IN ('out', 'in')),
    CONSTRAINT rate_card_state_known CHECK (
        state IN ('draft', 'approved', 'withdrawn')),
    CONSTRAINT rate_card_billing_known CHECK (billing IN ('prepaid', 'postpaid')),
    CONSTRAINT rate_card_ratios_make_sense CHECK (
        points_num > 0 AND points_den > 0 AND fen_num >= 0 AND fen_den > 0
        AND service_fen_num >= 0 AND service_fen_den > 0
        AND billing_pct BETWEEN 0 AND 100),
    CONSTRAINT rate_card_steps_are_whole CHECK (
        fee_points >= 0 AND step_units > 0 AND min_units > 0
        AND max_units >= min_units AND min_units % step_units = 0
        AND max_units % step_units = 0 AND step_units * points_num % points_den = 0),
    CONSTRAINT rate_card_begins_before_it_ends CHECK (valid_to >= valid_from));
CREATE TABLE exchange (
    member_id bigint NOT NULL, exchange_ref text NOT NULL, direction text NOT NULL,
    partner text NOT NULL, account_ref text NOT NULL, rate_version integer NOT NULL,
    from_unit text NOT NULL, to_unit text NOT NULL, units_out bigint NOT NULL,
    fee_points bigint NOT NULL, units_in bigint NOT NULL, money_fen bigint NOT NULL,
    service_fen bigint NOT NULL, billing text NOT NULL, content uuid NOT NULL,
    partner_ref text, requested_on date NOT NULL, requested_at timestamptz NOT NULL,
    send_after timestamptz NOT NULL, deadline timestamptz NOT NULL,
    state text NOT NULL, state_at timestamptz NOT NULL,
    is_reversal_wanted boolean NOT NULL DEFAULT false,
    held_by uuid, entry_id uuid, effective_on date,
    CONSTRAINT exchange_pkey PRIMARY KEY (member_id, exchange_ref),
    CONSTRAINT exchange_partner_fkey FOREIGN KEY (partner, direction, rate_version)
        REFERENCES rate_card,
    CONSTRAINT exchange_direction_known CHECK (direction IN ('out', 'in')),
    CONSTRAINT exchange_state_known CHECK (
        state IN ('requested', 'sent', 'confirmed', 'declined', 'disputed')),
    CONSTRAINT exchange_moves_something CHECK (
        units_out > 0 AND units_in > 0 AND fee_points >= 0),
    CONSTRAINT exchange_service_is_a_part CHECK (
        money_fen >= service_fen AND service_fen >= 0))
    WITH (fillfactor = 70);
CREATE INDEX exchange_state_state_at_idx ON exchange (state, state_at);
CREATE INDEX exchange_exchange_ref_idx ON exchange (exchange_ref);
CREATE INDEX exchange_effective_on_idx ON exchange (effective_on);
CREATE INDEX exchange_partner_direction_requested_on_idx
    ON exchange (partner, direction, requested_on);
CREATE TABLE exchange_event (
    member_id bigint NOT NULL, exchange_ref text NOT NULL, nth integer NOT NULL,
    state text NOT NULL, at timestamptz NOT NULL, actor text NOT NULL, reason text,
    CONSTRAINT exchange_event_pkey PRIMARY KEY (member_id, exchange_ref, nth),
    CONSTRAINT exchange_event_member_id_exchange_ref_fkey
        FOREIGN KEY (member_id, exchange_ref) REFERENCES exchange);
CREATE TABLE exchange_attempt (
    member_id bigint NOT NULL, exchange_ref text NOT NULL, attempt_no integer NOT NULL,
    what text NOT NULL, asked_at timestamptz NOT NULL, answered_at timestamptz,
    outcome text, partner_ref text, detail text,
    CONSTRAINT exchange_attempt_pkey PRIMARY KEY (member_id, exchange_ref, attempt_no),
    CONSTRAINT exchange_attempt_member_id_exchange_ref_fkey
        FOREIGN KEY (member_id, exchange_ref) REFERENCES exchange);
CREATE TABLE exchange_reversal (
    member_id bigint NOT NULL, exchange_ref text NOT NULL, points bigint NOT NULL,
    unrecovered_points bigint NOT NULL, money_fen bigint NOT NULL,
    service_fen bigint NOT NULL, unrecovered_fen bigint NOT NULL, cause text NOT NULL,
    entry_id uuid, effective_on date NOT NULL, occurred_at timestamptz NOT NULL,
    CONSTRAINT exchange_reversal_pkey PRIMARY KEY (member_id, exchange_ref),
    CONSTRAINT exchange_reversal_member_id_exchange_ref_fkey
        FOREIGN KEY (member_id, exchange_ref) REFERENCES exchange,
    CONSTRAINT exchange_reversal_takes_back CHECK (
        points >= 0 AND unrecovered_points >= 0 AND money_fen >= 0
        AND service_fen >= 0 AND unrecovered_fen >= 0));
CREATE INDEX exchange_reversal_effective_on_idx ON exchange_reversal (effective_on);
CREATE TABLE point_block (
    block_id bigint GENERATED BY DEFAULT AS IDENTITY, partner text NOT NULL,
    direction text NOT NULL, units_bought bigint NOT NULL, price_fen bigint NOT NULL,
    starts_on date NOT NULL, ends_on date, reorder_units bigint NOT NULL,
    units_left bigint NOT NULL, units_reserved bigint NOT NULL,
    bought_at timestamptz NOT NULL,
    CONSTRAINT point_block_pkey PRIMARY KEY (block_id),
    CONSTRAINT point_block_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT point_block_direction_known CHECK (direction IN ('out', 'in')),
    CONSTRAINT point_block_never_overdrawn CHECK (
        units_bought > 0 AND units_reserved >= 0 AND units_left >= units_reserved
        AND units_left <= units_bought AND reorder_units >= 0 AND price_fen >= 0),
    CONSTRAINT point_block_begins_before_it_ends CHECK (ends_on >= starts_on))
    WITH (fillfactor = 50);
CREATE INDEX point_block_partner_direction_starts_on_idx
    ON point_block (partner, direction, starts_on);
CREATE TABLE block_move (
    reference text NOT NULL, block_id bigint NOT NULL, what text NOT NULL,
    units bigint NOT NULL, at timestamptz NOT NULL,
    CONSTRAINT block_move_pkey PRIMARY KEY (reference, block_id, what),
    CONSTRAINT block_move_block_id_fkey FOREIGN KEY (block_id) REFERENCES point_block,
    CONSTRAINT block_move_what_known CHECK (
        what IN ('reserve', 'release', 'draw', 'return')),
    CONSTRAINT block_move_moves_something CHECK (units > 0));
CREATE TABLE partner_credit (
    partner text NOT NULL, limit_fen bigint, alert_fen bigint, settled_through date,
    changed_at timestamptz NOT NULL,
    CONSTRAINT partner_credit_pkey PRIMARY KEY (partner),
    CONSTRAINT partner_credit_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT partner_credit_limits_something CHECK (
        limit_fen >= 0 AND alert_fen >= 0));
CREATE TABLE bound_account (
    member_id bigint NOT NULL, partner text NOT NULL, nth integer NOT NULL,
    account_ref text NOT NULL, family_name bytea, given_name bytea,
    name_match text NOT NULL, state text NOT NULL, reason text,
    asked_at timestamptz NOT NULL, effective_at timestamptz,
    CONSTRAINT bound_account_pkey PRIMARY KEY (member_id, partner, nth),
    CONSTRAINT bound_account_member_id_fkey FOREIGN KEY (member_id) REFERENCES member,
    CONSTRAINT bound_account_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT bound_account_state_known CHECK (
        state IN ('asked', 'review', 'bound', 'refused')),
    CONSTRAINT bound_account_bound_from_a_time CHECK (
        (state = 'bound') = (effective_at IS NOT NULL)));
CREATE INDEX bound_account_state_asked_at_idx ON bound_account (state, asked_at);

GRANT SELECT, INSERT, UPDATE ON rate_card, exchange, exchange_attempt, point_block,
    partner_credit, bound_account TO jifen_app;
GRANT SELECT, INSERT ON exchange_event, exchange_reversal, block_move TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE bound_account, partner_credit, block_move, point_block,
                   exchange_reversal, exchange_attempt, exchange_event, exchange,
                   rate_card;
        """
    )

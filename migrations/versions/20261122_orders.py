"""Orders of members, the vouchers, deliveries, policies and bookings they bring."""

from alembic import op

revision = "0007_orders"
down_revision = "0006_payments"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE redemption
    DROP CONSTRAINT redemption_buys_something,
    ADD CONSTRAINT redemption_buys_something CHECK (quantity > 0 AND points >= 0),
    ALTER entry_id DROP NOT NULL,
    DROP canceled_on;
CREATE TABLE redemption_return (
    member_id bigint NOT NULL, redemption_ref text NOT NULL, return_ref text NOT NULL,
    quantity bigint NOT NULL, points bigint NOT NULL, settlement_fen bigint NOT NULL,
    entry_id uuid, effective_on date NOT NULL, occurred_at timestamptz NOT NULL,
    CONSTRAINT redemption_return_pkey PRIMARY KEY (
        member_id, redemption_ref, return_ref),
    CONSTRAINT redemption_return_member_id_redemption_ref_fkey
        FOREIGN KEY (member_id, redemption_ref) REFERENCES redemption,
    CONSTRAINT redemption_return_gives_something_back CHECK (
        quantity > 0 AND points >= 0 AND settlement_fen >= 0));
CREATE INDEX redemption_return_effective_on_idx ON redemption_return (effective_on);
CREATE TABLE member_order (
    member_id bigint NOT NULL, order_ref text NOT NULL, item_code text NOT NULL,
    quantity integer NOT NULL, way text NOT NULL, points bigint NOT NULL,
    cash_fen bigint NOT NULL, settlement_fen bigint NOT NULL, partner text,
    cost_treatment text NOT NULL, account text NOT NULL, fulfilment text NOT NULL,
    code_source text NOT NULL, valid_days integer NOT NULL, term_months integer,
    free_look_days integer NOT NULL, channel text NOT NULL,
    service_channel text NOT NULL, staff_id integer,
    tier text, recipient bytea, recipient_hint text, content uuid NOT NULL,
    state text NOT NULL, state_at timestamptz NOT NULL, placed_at timestamptz NOT NULL,
    held_by uuid, redeemed_by uuid, returned_quantity integer NOT NULL DEFAULT 0,
    CONSTRAINT member_order_pkey PRIMARY KEY (member_id, order_ref),
    CONSTRAINT member_order_item_code_fkey
        FOREIGN KEY (item_code) REFERENCES catalogue_item,
    CONSTRAINT member_order_staff_id_fkey FOREIGN KEY (staff_id) REFERENCES staff,
    CONSTRAINT member_order_way_known CHECK (
        way IN ('points', 'points_cash', 'cash')),
    CONSTRAINT member_order_state_known CHECK (
        state IN ('awaiting_review', 'awaiting_payment', 'accepted', 'in_progress',
                  'fulfilled', 'canceled', 'failed', 'returned')),
    CONSTRAINT member_order_service_channel_known CHECK (
        service_channel IN ('CLUB', 'RETENTION_WINDOW')),
    CONSTRAINT member_order_buys_something CHECK (
        quantity > 0 AND points >= 0 AND cash_fen >= 0),
    CONSTRAINT member_order_returns_what_it_has CHECK (
        returned_quantity BETWEEN 0 AND quantity))
    WITH (fillfactor = 70);
CREATE INDEX member_order_state_state_at_idx ON member_order (state, state_at);
CREATE INDEX member_order_member_id_placed_at_idx
    ON member_order (member_id, placed_at);
CREATE INDEX member_order_staff_id_placed_at_idx ON member_order (staff_id, placed_at);
CREATE INDEX member_order_order_ref_idx ON member_order (order_ref);
CREATE TABLE order_event (
    member_id bigint NOT NULL, order_ref text NOT NULL, nth integer NOT NULL,
    state text NOT NULL, at timestamptz NOT NULL, actor text NOT NULL, reason text,
    CONSTRAINT order_event_pkey PRIMARY KEY (member_id, order_ref, nth),
    CONSTRAINT order_event_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order);
CREATE TABLE order_attempt (
    member_id bigint NOT NULL, order_ref text NOT NULL, attempt_no integer NOT NULL,
    what text NOT NULL, asked_at timestamptz NOT NULL, answered_at timestamptz,
    outcome text, detail text,
    CONSTRAINT order_attempt_pkey PRIMARY KEY (member_id, order_ref, attempt_no),
    CONSTRAINT order_attempt_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order);
CREATE TABLE voucher (
    voucher_id uuid NOT NULL, item_code text NOT NULL, code_hash bytea NOT NULL,
    code_sealed bytea NOT NULL, code_tail text NOT NULL, state text NOT NULL,
    batch text NOT NULL, member_id bigint, order_ref text, valid_until date,
    state_at timestamptz NOT NULL,
    CONSTRAINT voucher_pkey PRIMARY KEY (voucher_id),
    CONSTRAINT voucher_code_hash_key UNIQUE (code_hash),
    CONSTRAINT voucher_state_known CHECK (
        state IN ('pool', 'reserved', 'issued', 'used', 'void')),
    CONSTRAINT voucher_item_code_fkey
        FOREIGN KEY (item_code) REFERENCES catalogue_item,
    CONSTRAINT voucher_issued_to_someone CHECK (
        (state = 'pool') = (member_id IS NULL)))
    WITH (fillfactor = 80);
CREATE INDEX voucher_pool_idx ON voucher (item_code, voucher_id)
    WHERE state = 'pool';
CREATE INDEX voucher_member_id_order_ref_idx ON voucher (member_id, order_ref);
CREATE TABLE delivery (
    member_id bigint NOT NULL, order_ref text NOT NULL, state text NOT NULL,
    carrier text, tracking_no text, state_at timestamptz NOT NULL,
    CONSTRAINT delivery_pkey PRIMARY KEY (member_id, order_ref),
    CONSTRAINT delivery_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order,
    CONSTRAINT delivery_state_known CHECK (
        state IN ('packing', 'shipped', 'delivered', 'lost', 'sent_back')),
    CONSTRAINT delivery_can_be_traced CHECK (
        state = 'packing' OR (carrier IS NOT NULL AND tracking_no IS NOT NULL)));
CREATE INDEX delivery_tracking_no_idx ON delivery (tracking_no);
CREATE TABLE policy (
    member_id bigint NOT NULL, order_ref text NOT NULL, insurer text NOT NULL,
    policy_no text NOT NULL, issued_on date NOT NULL, covered_until date NOT NULL,
    free_look_until date, canceled_on date,
    CONSTRAINT policy_pkey PRIMARY KEY (member_id, order_ref),
    CONSTRAINT policy_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order);
CREATE TABLE booking (
    member_id bigint NOT NULL, order_ref text NOT NULL, venue text NOT NULL,
    on_day date NOT NULL, places integer NOT NULL, state text NOT NULL,
    state_at timestamptz NOT NULL,
    CONSTRAINT booking_pkey PRIMARY KEY (member_id, order_ref),
    CONSTRAINT booking_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order,
    CONSTRAINT booking_state_known CHECK (
        state IN ('booked', 'attended', 'missed', 'canceled')));
CREATE TABLE prepaid_credit (
    member_id bigint NOT NULL, order_ref text NOT NULL, msisdn text NOT NULL,
    amount_fen bigint NOT NULL, state text NOT NULL, state_at timestamptz NOT NULL,
    CONSTRAINT prepaid_credit_pkey PRIMARY KEY (member_id, order_ref),
    CONSTRAINT prepaid_credit_member_id_order_ref_fkey
        FOREIGN KEY (member_id, order_ref) REFERENCES member_order,
    CONSTRAINT prepaid_credit_state_known CHECK (
        state IN ('asked', 'credited', 'refused', 'dropped', 'taken_back', 'kept')));


-- Decisions on a member that the books alone do not serialise, such as how often
-- something was bought, are made with the book locked before anything is read.
CREATE FUNCTION ledger.lock_books(member_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
AS $$
BEGIN
    PERFORM FROM book b WHERE b.member_id = ANY (member_ids)
      ORDER BY b.member_id FOR NO KEY UPDATE;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.lock_books FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.lock_books TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON member_order, order_attempt, voucher, delivery, policy,
    booking, prepaid_credit TO jifen_app;
GRANT SELECT, INSERT ON redemption_return, order_event TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP FUNCTION ledger.lock_books;
        DROP TABLE prepaid_credit, booking, policy, delivery, voucher, order_attempt,
                   order_event, member_order, redemption_return;
        ALTER TABLE redemption
            ADD canceled_on date,
            ALTER entry_id SET NOT NULL,
            DROP CONSTRAINT redemption_buys_something,
            ADD CONSTRAINT redemption_buys_something CHECK (
                quantity > 0 AND points > 0);
        """
    )

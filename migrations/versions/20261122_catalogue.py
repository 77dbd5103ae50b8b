"""The life of catalogue items, their stock and tier prices; the ladder of tiers."""

from alembic import op

revision = "0005_catalogue"
down_revision = "0004_access"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE catalogue_item
    ALTER family DROP NOT NULL, ALTER kind DROP NOT NULL,
    ALTER cost_treatment DROP NOT NULL, ALTER account DROP NOT NULL,
    DROP CONSTRAINT catalogue_item_is_settled_with_someone,
    ADD state text NOT NULL DEFAULT 'published',
    ADD owner text NOT NULL DEFAULT 'operator',
    ADD description_zh text NOT NULL DEFAULT '',
    ADD description_en text NOT NULL DEFAULT '',
    ADD script_zh text NOT NULL DEFAULT '',
    ADD script_en text NOT NULL DEFAULT '',
    ADD emblem text NOT NULL DEFAULT 'gift',
    ADD fulfilment text NOT NULL DEFAULT 'VOUCHER',
    ADD code_source text NOT NULL DEFAULT 'GENERATED',
    ADD valid_days integer NOT NULL DEFAULT 365,
    ADD cash_fen integer,
    ADD mix_points integer,
    ADD mix_cash_fen integer,
    ADD brands text[],
    ADD tiers text[],
    ADD segment text,
    ADD entry_rule_zh text,
    ADD entry_rule_en text,
    ADD min_spend_fen integer,
    ADD valid_from date,
    ADD valid_until date,
    ADD stock_is_limited boolean NOT NULL DEFAULT false,
    ADD limit_count integer,
    ADD limit_days integer,
    ADD free_look_days integer NOT NULL DEFAULT 0,
    ADD term_months integer,
    ADD cover_class text,
    ADD priority integer NOT NULL DEFAULT 0,
    ADD changed_at timestamptz,
    ADD CONSTRAINT catalogue_item_state_known CHECK (
        state IN ('draft', 'approved', 'published', 'withdrawn')),
    ADD CONSTRAINT catalogue_item_fulfilment_known CHECK (
        fulfilment IN ('VOUCHER', 'TOP_UP', 'DELIVERY', 'INSURANCE', 'BOOKING')),
    ADD CONSTRAINT catalogue_item_code_source_known CHECK (
        code_source IN ('GENERATED', 'POOL')),
    ADD CONSTRAINT catalogue_item_mix_is_whole CHECK (
        (mix_points IS NULL) = (mix_cash_fen IS NULL)
        AND mix_points > 0 AND mix_points < points AND mix_cash_fen > 0),
    ADD CONSTRAINT catalogue_item_cash_is_positive CHECK (cash_fen > 0),
    ADD CONSTRAINT catalogue_item_limit_is_whole CHECK (
        (limit_count IS NULL) = (limit_days IS NULL)
        AND limit_count > 0 AND limit_days > 0),
    ADD CONSTRAINT catalogue_item_ends_after_it_begins CHECK (
        valid_until >= valid_from),
    ADD CONSTRAINT catalogue_item_counts_make_sense CHECK (
        valid_days > 0 AND free_look_days >= 0 AND min_spend_fen >= 0
        AND term_months > 0),
    ADD CONSTRAINT catalogue_item_is_settled_with_someone CHECK (
        settlement_fen = 0 OR partner IS NOT NULL OR state = 'draft'),
    ADD CONSTRAINT catalogue_item_is_whole_once_approved CHECK (
        state = 'draft' OR (family IS NOT NULL AND kind IS NOT NULL
        AND cost_treatment IS NOT NULL AND account IS NOT NULL)),
    ADD CONSTRAINT catalogue_item_cost_treatment_follows_kind CHECK (
        state = 'draft' OR (
            (cost_treatment = 'NO_REVENUE_EFFECT') = (family = 'TELECOM')
            AND (cost_treatment = 'CLUB_COST') = (kind IN ('SERVICE', 'ACTIVITY')))),
    ADD CONSTRAINT catalogue_item_telecom_needs_no_delivery CHECK (
        state = 'draft' OR family <> 'TELECOM' OR fulfilment <> 'DELIVERY'
        OR kind = 'TERMINAL'),
    ADD CONSTRAINT catalogue_item_insurance_is_small CHECK (
        state = 'draft' OR fulfilment <> 'INSURANCE' OR (settlement_fen <= 10000
        AND term_months <= 12 AND cover_class IN ('ACCIDENT', 'HEALTH')));
CREATE TABLE item_tier_price (
    item_code text NOT NULL, tier text NOT NULL, points integer NOT NULL,
    CONSTRAINT item_tier_price_pkey PRIMARY KEY (item_code, tier),
    CONSTRAINT item_tier_price_item_code_fkey
        FOREIGN KEY (item_code) REFERENCES catalogue_item,
    CONSTRAINT item_tier_price_never_negative CHECK (points >= 0));
CREATE TABLE item_stock (
    item_code text NOT NULL, units_left integer NOT NULL,
    CONSTRAINT item_stock_pkey PRIMARY KEY (item_code),
    CONSTRAINT item_stock_item_code_fkey
        FOREIGN KEY (item_code) REFERENCES catalogue_item,
    CONSTRAINT item_stock_never_oversold CHECK (units_left >= 0))
    WITH (fillfactor = 50);
CREATE TABLE catalogue_change (
    item_code text NOT NULL, effective_on date NOT NULL, facts jsonb NOT NULL,
    approval_id bigint NOT NULL, applied_at timestamptz, dropped_at timestamptz,
    CONSTRAINT catalogue_change_pkey PRIMARY KEY (approval_id),
    CONSTRAINT catalogue_change_item_code_fkey
        FOREIGN KEY (item_code) REFERENCES catalogue_item);
CREATE INDEX catalogue_change_effective_on_idx ON catalogue_change (effective_on)
    WHERE applied_at IS NULL AND dropped_at IS NULL;
CREATE UNIQUE INDEX catalogue_change_one_waiting_idx ON catalogue_change (item_code)
    WHERE applied_at IS NULL AND dropped_at IS NULL;
CREATE TABLE tier_terms (
    version integer NOT NULL, tier text NOT NULL, rank integer NOT NULL,
    spend_fen bigint NOT NULL, months integer NOT NULL,
    CONSTRAINT tier_terms_pkey PRIMARY KEY (version, tier),
    CONSTRAINT tier_terms_version_rank_key UNIQUE (version, rank),
    CONSTRAINT tier_terms_makes_sense CHECK (
        rank > 0 AND spend_fen > 0 AND months > 0));
CREATE TABLE tier_grant (
    member_id bigint NOT NULL, tier text NOT NULL, granted_on date NOT NULL,
    until date NOT NULL, reason text NOT NULL, actor text NOT NULL,
    approval_id bigint,
    CONSTRAINT tier_grant_pkey PRIMARY KEY (member_id, tier, granted_on),
    CONSTRAINT tier_grant_ends_after_it_begins CHECK (until >= granted_on));

GRANT SELECT, INSERT, UPDATE, DELETE ON item_tier_price TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON item_stock, catalogue_change TO jifen_app;
GRANT SELECT, INSERT ON tier_terms, tier_grant TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE tier_grant, tier_terms, catalogue_change, item_stock,
                   item_tier_price;
        DELETE FROM catalogue_item WHERE state = 'draft';
        ALTER TABLE catalogue_item
            DROP state, DROP owner, DROP description_zh, DROP description_en,
            DROP script_zh, DROP script_en, DROP emblem, DROP fulfilment,
            DROP code_source, DROP valid_days, DROP cash_fen, DROP mix_points,
            DROP mix_cash_fen, DROP brands, DROP tiers, DROP segment,
            DROP entry_rule_zh, DROP entry_rule_en, DROP min_spend_fen,
            DROP valid_from, DROP valid_until,
            DROP stock_is_limited, DROP limit_count, DROP limit_days,
            DROP free_look_days, DROP term_months, DROP cover_class, DROP priority,
            DROP changed_at,
            ALTER family SET NOT NULL, ALTER kind SET NOT NULL,
            ALTER cost_treatment SET NOT NULL, ALTER account SET NOT NULL,
            ADD CONSTRAINT catalogue_item_is_settled_with_someone CHECK (
                settlement_fen = 0 OR partner IS NOT NULL);
        """
    )

"""Communities and clubs, who belongs to them, and what belonging brings."""

from alembic import op

revision = "0021_clubs"
down_revision = "0020_churn"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE community_terms (
    version integer NOT NULL, community text NOT NULL, rank integer NOT NULL,
    title_zh text NOT NULL, title_en text NOT NULL,
    CONSTRAINT community_terms_pkey PRIMARY KEY (version, community),
    CONSTRAINT community_terms_version_rank_key UNIQUE (version, rank));
CREATE TABLE club_terms (
    version integer NOT NULL, club text NOT NULL, community text NOT NULL,
    title_zh text NOT NULL, title_en text NOT NULL, description_zh text NOT NULL,
    description_en text NOT NULL, emblem text NOT NULL, ways text[] NOT NULL,
    tiers text[], item_code text, term_months integer NOT NULL,
    renew_days integer NOT NULL, refund text NOT NULL, refund_days integer NOT NULL,
    on_churn text NOT NULL,
    CONSTRAINT club_terms_pkey PRIMARY KEY (version, club),
    CONSTRAINT club_terms_version_community_fkey FOREIGN KEY (version, community)
        REFERENCES community_terms,
    CONSTRAINT club_terms_version_item_code_key UNIQUE (version, item_code),
    CONSTRAINT club_terms_ways_known CHECK (
        ways <@ ARRAY['tier', 'invitation', 'fee', 'points']
        AND cardinality(ways) > 0),
    CONSTRAINT club_terms_tier_says_which CHECK (
        ('tier' = ANY (ways)) = (tiers IS NOT NULL)),
    CONSTRAINT club_terms_sale_says_what CHECK (
        (ways && ARRAY['fee', 'points']) = (item_code IS NOT NULL)),
    CONSTRAINT club_terms_makes_sense CHECK (
        term_months > 0 AND renew_days >= 0 AND refund_days >= 0),
    CONSTRAINT club_terms_refund_known CHECK (
        refund IN ('unused_months', 'full_within', 'none')),
    CONSTRAINT club_terms_on_churn_known CHECK (on_churn IN ('end', 'keep')));
CREATE TABLE entitlement_terms (
    version integer NOT NULL, club text NOT NULL, entitlement text NOT NULL,
    rank integer NOT NULL, title_zh text NOT NULL, title_en text NOT NULL,
    per_term integer, cost_fen integer NOT NULL,
    CONSTRAINT entitlement_terms_pkey PRIMARY KEY (version, club, entitlement),
    CONSTRAINT entitlement_terms_version_club_rank_key UNIQUE (version, club, rank),
    CONSTRAINT entitlement_terms_version_club_fkey FOREIGN KEY (version, club)
        REFERENCES club_terms,
    CONSTRAINT entitlement_terms_makes_sense CHECK (per_term > 0 AND cost_fen >= 0));

CREATE TABLE club_membership (
    member_id bigint NOT NULL, membership_ref text NOT NULL, club text NOT NULL,
    terms_version integer NOT NULL, way text NOT NULL, order_ref text,
    starts_on date NOT NULL, ends_on date NOT NULL, state text NOT NULL,
    state_at timestamptz NOT NULL, joined_at timestamptz NOT NULL,
    ended_on date, ended_by text, was text,
    refund_months integer NOT NULL DEFAULT 0, refund_state text,
    CONSTRAINT club_membership_pkey PRIMARY KEY (member_id, membership_ref),
    CONSTRAINT club_membership_terms_version_fkey FOREIGN KEY (terms_version, club)
        REFERENCES club_terms,
    CONSTRAINT club_membership_way_known CHECK (
        way IN ('tier', 'invitation', 'fee', 'points')),
    CONSTRAINT club_membership_sold_by_order CHECK (
        (way IN ('fee', 'points')) = (order_ref IS NOT NULL)),
    CONSTRAINT club_membership_ends_after_it_begins CHECK (ends_on >= starts_on),
    CONSTRAINT club_membership_state_known CHECK (
        state IN ('waiting', 'active', 'lapsed', 'ended', 'refunded')),
    CONSTRAINT club_membership_ended_whole CHECK (
        (state IN ('ended', 'refunded')) = (ended_on IS NOT NULL)
        AND (ended_on IS NULL) = (ended_by IS NULL)
        AND (ended_on IS NULL) = (was IS NULL)),
    CONSTRAINT club_membership_refund_whole CHECK (
        refund_months >= 0 AND (refund_months > 0) = (refund_state IS NOT NULL)
        AND refund_state IN ('due', 'paid')
        AND (refund_state IS NULL OR order_ref IS NOT NULL)
        AND (refund_state IS NOT DISTINCT FROM 'paid') = (state = 'refunded')))
    WITH (fillfactor = 80);
CREATE UNIQUE INDEX club_membership_one_live_idx ON club_membership (member_id, club)
    WHERE state = 'active';
CREATE UNIQUE INDEX club_membership_one_next_idx
    ON club_membership (member_id, club, starts_on) WHERE state = 'waiting';
CREATE INDEX club_membership_open_idx ON club_membership (ends_on)
    WHERE state IN ('waiting', 'active');
CREATE INDEX club_membership_refund_idx ON club_membership (state_at)
    WHERE refund_state = 'due';
CREATE INDEX club_membership_club_idx ON club_membership (club, starts_on);
CREATE TABLE club_event (
    member_id bigint NOT NULL, membership_ref text NOT NULL, nth integer NOT NULL,
    state text NOT NULL, at timestamptz NOT NULL, actor text NOT NULL, reason text,
    CONSTRAINT club_event_pkey PRIMARY KEY (member_id, membership_ref, nth),
    CONSTRAINT club_event_member_id_fkey FOREIGN KEY (member_id, membership_ref)
        REFERENCES club_membership);
CREATE TABLE club_invitation (
    member_id bigint NOT NULL, invitation_ref text NOT NULL, club text NOT NULL,
    invited_at timestamptz NOT NULL, until date NOT NULL, actor text NOT NULL,
    used_by text,
    CONSTRAINT club_invitation_pkey PRIMARY KEY (member_id, invitation_ref));
CREATE UNIQUE INDEX club_invitation_one_open_idx ON club_invitation (member_id, club)
    WHERE used_by IS NULL;
CREATE TABLE club_notice (
    member_id bigint NOT NULL, membership_ref text NOT NULL, kind text NOT NULL,
    claimed_at timestamptz NOT NULL, outcome text,
    CONSTRAINT club_notice_pkey PRIMARY KEY (member_id, membership_ref, kind),
    CONSTRAINT club_notice_member_id_fkey FOREIGN KEY (member_id, membership_ref)
        REFERENCES club_membership);

CREATE TABLE club_benefit (
    member_id bigint NOT NULL, membership_ref text NOT NULL, entitlement text NOT NULL,
    per_term integer, used integer NOT NULL DEFAULT 0,
    CONSTRAINT club_benefit_pkey PRIMARY KEY (member_id, membership_ref, entitlement),
    CONSTRAINT club_benefit_member_id_fkey FOREIGN KEY (member_id, membership_ref)
        REFERENCES club_membership,
    CONSTRAINT club_benefit_never_overdrawn CHECK (used >= 0 AND used <= per_term))
    WITH (fillfactor = 80);
CREATE TABLE benefit_code (
    code_hash bytea NOT NULL, code_sealed bytea NOT NULL, code_tail text NOT NULL,
    member_id bigint NOT NULL, membership_ref text NOT NULL, entitlement text NOT NULL,
    state text NOT NULL, issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, state_at timestamptz NOT NULL,
    CONSTRAINT benefit_code_pkey PRIMARY KEY (code_hash),
    CONSTRAINT benefit_code_state_known CHECK (state IN ('issued', 'used', 'void')),
    CONSTRAINT benefit_code_expires_later CHECK (expires_at > issued_at));
CREATE UNIQUE INDEX benefit_code_one_good_idx
    ON benefit_code (member_id, membership_ref, entitlement) WHERE state = 'issued';
CREATE TABLE benefit_use (
    member_id bigint NOT NULL, use_ref text NOT NULL, membership_ref text NOT NULL,
    entitlement text NOT NULL, club text NOT NULL, reverses text,
    used_at timestamptz NOT NULL, actor text NOT NULL, channel text NOT NULL,
    cost_fen integer NOT NULL, reason text,
    CONSTRAINT benefit_use_pkey PRIMARY KEY (member_id, use_ref),
    CONSTRAINT benefit_use_member_id_fkey
        FOREIGN KEY (member_id, membership_ref, entitlement) REFERENCES club_benefit,
    CONSTRAINT benefit_use_reversed_once UNIQUE (member_id, reverses),
    CONSTRAINT benefit_use_reverses_fkey FOREIGN KEY (member_id, reverses)
        REFERENCES benefit_use);
CREATE INDEX benefit_use_club_idx ON benefit_use (club, used_at);

ALTER TABLE catalogue_item ADD COLUMN clubs text[],
    DROP CONSTRAINT catalogue_item_fulfilment_known,
    ADD CONSTRAINT catalogue_item_fulfilment_known CHECK (fulfilment IN (
        'VOUCHER', 'TOP_UP', 'DELIVERY', 'INSURANCE', 'BOOKING', 'CLUB')),
    ADD CONSTRAINT catalogue_item_club_place_is_a_service CHECK (
        state = 'draft' OR fulfilment <> 'CLUB' OR kind = 'SERVICE');

GRANT SELECT, INSERT ON community_terms, club_terms, entitlement_terms, club_event,
    benefit_use TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON club_membership, club_invitation, club_notice,
    club_benefit, benefit_code TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        ALTER TABLE catalogue_item
            DROP CONSTRAINT catalogue_item_club_place_is_a_service,
            DROP CONSTRAINT catalogue_item_fulfilment_known,
            ADD CONSTRAINT catalogue_item_fulfilment_known CHECK (fulfilment IN (
                'VOUCHER', 'TOP_UP', 'DELIVERY', 'INSURANCE', 'BOOKING')),
            DROP COLUMN clubs;
        DROP TABLE benefit_use, benefit_code, club_benefit, club_notice,
                   club_invitation, club_event, club_membership, entitlement_terms,
                   club_terms, community_terms;
        """
    )

"""Points of a coalition, given on bills: on which terms, and what became of each."""

from alembic import op

revision = "0045_coalitions"
down_revision = "0044_kept_names"
branch_labels = None
depends_on = None

PARTNERS = (
    "'bank', 'airline', 'insurer', 'merchant', 'venue', 'telecom', {more}'provider'"
)
LINES = (
    "'accrued', 'reversed', 'exchanged_in', 'exchange_in_reversed', 'fee', 'purchase',"
    " {honored}'redeemed', 'returned', 'exchanged_out', 'exchange_out_reversed',"
    " 'club_cost', {given}'adjustment', 'dispute'"
)

TABLES = """
CREATE TABLE coalition_terms (
    partner text NOT NULL, valid_from date NOT NULL, brands text[] NOT NULL,
    points_num integer NOT NULL, points_den integer NOT NULL,
    price_thousand_fen integer NOT NULL, worth_thousand_fen integer NOT NULL,
    honors_thousand_fen integer NOT NULL, billing text NOT NULL,
    approved_at timestamptz NOT NULL,
    CONSTRAINT coalition_terms_pkey PRIMARY KEY (partner, valid_from),
    CONSTRAINT coalition_terms_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT coalition_terms_billing_known CHECK (
        billing IN ('prepaid', 'postpaid')),
    CONSTRAINT coalition_terms_makes_sense CHECK (
        points_num > 0 AND points_den > 0 AND price_thousand_fen >= 0
        AND worth_thousand_fen >= 0 AND honors_thousand_fen >= 0));
CREATE TABLE coalition_points (
    member_id bigint NOT NULL, bill_ref text NOT NULL, nth integer NOT NULL,
    what text NOT NULL, reference text NOT NULL, partner text NOT NULL,
    valid_from date NOT NULL, units bigint NOT NULL, price_fen bigint NOT NULL,
    is_prepaid boolean NOT NULL, occurred_on date NOT NULL, effective_on date NOT NULL,
    CONSTRAINT coalition_points_pkey PRIMARY KEY (member_id, bill_ref, nth),
    CONSTRAINT coalition_points_member_id_reference_key UNIQUE (member_id, reference),
    CONSTRAINT coalition_points_member_id_bill_ref_fkey
        FOREIGN KEY (member_id, bill_ref) REFERENCES bill,
    CONSTRAINT coalition_points_partner_valid_from_fkey
        FOREIGN KEY (partner, valid_from) REFERENCES coalition_terms,
    CONSTRAINT coalition_points_what_known CHECK (
        what IN ('given', 'adjusted', 'canceled', 'revived')),
    CONSTRAINT coalition_points_moves_something CHECK (
        CASE WHEN what IN ('given', 'revived') THEN units > 0 ELSE units < 0 END));
CREATE INDEX coalition_points_effective_on_idx ON coalition_points (effective_on);
CREATE INDEX coalition_points_partner_idx ON coalition_points (partner);
ALTER TABLE bill ADD COLUMN coalition text, ADD COLUMN coalition_from date,
    ADD CONSTRAINT bill_coalition_by_terms CHECK (
        (coalition IS NULL) = (coalition_from IS NULL)),
    ADD CONSTRAINT bill_coalition_coalition_from_fkey
        FOREIGN KEY (coalition, coalition_from) REFERENCES coalition_terms;

GRANT SELECT, INSERT ON coalition_terms, coalition_points TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables; a bill keeps whose points it gives."""
    op.execute(TABLES)
    _let(
        partners=PARTNERS.format(more="'coalition', "),
        uses="'out', 'in', 'earn', 'give'",
        lines=LINES.format(
            honored="'honored', 'honor_returned', ", given="'given', 'taken_back', "
        ),
    )


def downgrade() -> None:
    """Remove them; what stands on statements of coalitions stays as it is."""
    op.execute(
        """
        ALTER TABLE bill DROP COLUMN coalition_from, DROP COLUMN coalition;
        DROP TABLE coalition_points, coalition_terms;
        """
    )
    _let(
        partners=PARTNERS.format(more=""),
        uses="'out', 'in', 'earn'",
        lines=LINES.format(honored="", given=""),
        valid=" NOT VALID",
    )


def _let(*, partners: str, uses: str, lines: str, valid: str = "") -> None:
    """Say which kinds of partners, uses of blocks and lines of statements there are."""
    op.execute(
        f"""
        ALTER TABLE partner DROP CONSTRAINT partner_kind_known,
            ADD CONSTRAINT partner_kind_known CHECK (kind IN ({partners})){valid};
        ALTER TABLE point_block DROP CONSTRAINT point_block_direction_known,
            ADD CONSTRAINT point_block_direction_known CHECK (
                direction IN ({uses})){valid};
        ALTER TABLE statement_line DROP CONSTRAINT statement_line_kind_known,
            ADD CONSTRAINT statement_line_kind_known CHECK (kind IN ({lines})){valid};
        """
    )

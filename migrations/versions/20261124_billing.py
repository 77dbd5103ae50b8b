"""How partners pay for accruals, and blocks that serve them."""

from alembic import op

revision = "0022_billing"
down_revision = "0021_clubs"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE accrual_billing (
    partner text NOT NULL, valid_from date NOT NULL, billing text NOT NULL,
    thousand_fen bigint, billing_pct integer NOT NULL,
    approved_at timestamptz NOT NULL,
    CONSTRAINT accrual_billing_pkey PRIMARY KEY (partner, valid_from),
    CONSTRAINT accrual_billing_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT accrual_billing_billing_known CHECK (
        billing IN ('prepaid', 'postpaid', 'none')),
    CONSTRAINT accrual_billing_has_a_price CHECK (
        (billing = 'postpaid') = (thousand_fen IS NOT NULL)),
    CONSTRAINT accrual_billing_makes_sense CHECK (
        thousand_fen >= 0 AND billing_pct BETWEEN 0 AND 100));
CREATE TABLE accrual_owed (
    partner text NOT NULL, valid_from date NOT NULL, owed_on date NOT NULL,
    units bigint NOT NULL,
    CONSTRAINT accrual_owed_pkey PRIMARY KEY (partner, valid_from, owed_on),
    CONSTRAINT accrual_owed_partner_valid_from_fkey
        FOREIGN KEY (partner, valid_from) REFERENCES accrual_billing)
    WITH (fillfactor = 50);
ALTER TABLE activity ADD COLUMN billed_from date;
ALTER TABLE point_block DROP CONSTRAINT point_block_direction_known,
    ADD CONSTRAINT point_block_direction_known CHECK (
        direction IN ('out', 'in', 'earn'));

GRANT SELECT, INSERT ON accrual_billing TO jifen_app;
GRANT SELECT, INSERT, UPDATE ON accrual_owed TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        ALTER TABLE point_block DROP CONSTRAINT point_block_direction_known,
            ADD CONSTRAINT point_block_direction_known CHECK (
                direction IN ('out', 'in')) NOT VALID;
        ALTER TABLE activity DROP COLUMN billed_from;
        DROP TABLE accrual_owed, accrual_billing;
        """
    )

"""What members' accounts at partners hold, as the partners say."""

from alembic import op

revision = "0019_partner_balances"
down_revision = "0018_contests"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE partner_balance (
    member_id bigint NOT NULL, partner text NOT NULL, account_ref text NOT NULL,
    unit text NOT NULL, units bigint NOT NULL, expiring jsonb NOT NULL,
    as_of timestamptz NOT NULL, asked_at timestamptz NOT NULL,
    CONSTRAINT partner_balance_pkey PRIMARY KEY (member_id, partner, account_ref),
    CONSTRAINT partner_balance_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT partner_balance_nothing_owed CHECK (units >= 0));

GRANT SELECT, INSERT, UPDATE, DELETE ON partner_balance TO jifen_app;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE partner_balance")

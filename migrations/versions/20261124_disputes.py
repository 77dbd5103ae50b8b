"""What partners dispute."""

from alembic import op

revision = "0013_disputes"
down_revision = "0012_webhooks"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE dispute (
    dispute_id text NOT NULL, partner text NOT NULL, period date NOT NULL,
    partner_ref text, break_code text NOT NULL, reason text NOT NULL,
    state text NOT NULL DEFAULT 'open', raised_at timestamptz NOT NULL,
    raised_by text NOT NULL,
    CONSTRAINT dispute_pkey PRIMARY KEY (dispute_id),
    CONSTRAINT dispute_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT dispute_state_known CHECK (
        state IN ('open', 'answered', 'accepted', 'rejected', 'settled')),
    CONSTRAINT dispute_break_known CHECK (
        break_code IN ('MISSING_OURS', 'MISSING_THEIRS', 'UNITS_DIFF', 'RATE_DIFF',
                       'DUPLICATE', 'LATE', 'REJECT_NAME', 'REJECT_NUMBER',
                       'REJECT_CLOSED', 'REVERSED_ONE_SIDE')));
CREATE INDEX dispute_partner_period_idx ON dispute (partner, period);

GRANT SELECT, INSERT, UPDATE ON dispute TO jifen_app;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE dispute")

"""How far the operator's billing was read."""

from alembic import op

revision = "0028_billing_lines"
down_revision = "0027_club_notices"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE billing_cursor (
    source text NOT NULL, cursor text, read_at timestamptz NOT NULL,
    CONSTRAINT billing_cursor_pkey PRIMARY KEY (source));

GRANT SELECT, INSERT, UPDATE ON billing_cursor TO jifen_app;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE billing_cursor")

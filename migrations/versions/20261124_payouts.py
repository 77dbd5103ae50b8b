"""When the payment provider's lists were last read to the end."""

from alembic import op

revision = "0040_payouts"
down_revision = "0039_yearly_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep it: what was not told by then is not there."""
    op.execute("ALTER TABLE provider_reading ADD COLUMN whole_at timestamptz")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE provider_reading DROP COLUMN whole_at")

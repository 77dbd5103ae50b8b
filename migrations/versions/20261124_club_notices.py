"""When members were told of their memberships."""

from alembic import op

revision = "0027_club_notices"
down_revision = "0026_comparisons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say when it was told, for nothing is claimed beforehand."""
    op.execute("ALTER TABLE club_notice RENAME COLUMN claimed_at TO at")


def downgrade() -> None:
    """Call it what it was called."""
    op.execute("ALTER TABLE club_notice RENAME COLUMN at TO claimed_at")

"""What is not true any more before it was told is not told."""

from alembic import op

revision = "0030_overtaken"
down_revision = "0029_leavings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a notice end without being sent, when the next has overtaken it."""
    op.execute(
        """
        ALTER TABLE churn_notice DROP CONSTRAINT churn_notice_told_somehow;
        ALTER TABLE churn_notice ADD CONSTRAINT churn_notice_told_somehow CHECK (
            (how IS NULL) = (told_at IS NULL)
            AND how IN ('sent', 'unreachable', 'overtaken'));
        """
    )


def downgrade() -> None:
    """Say of those that nobody could be reached, which is as near as there is."""
    op.execute(
        """
        UPDATE churn_notice SET how = 'unreachable' WHERE how = 'overtaken';
        ALTER TABLE churn_notice DROP CONSTRAINT churn_notice_told_somehow;
        ALTER TABLE churn_notice ADD CONSTRAINT churn_notice_told_somehow CHECK (
            (how IS NULL) = (told_at IS NULL) AND how IN ('sent', 'unreachable'));
        """
    )

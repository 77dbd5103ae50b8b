"""Leavings are listed by when they happened, and alarms are few among many steps."""

from alembic import op

revision = "0029_leavings"
down_revision = "0028_billing_lines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let lists of leavings, and alarms, be read without all the others."""
    op.execute(
        """
        CREATE INDEX departure_newest ON departure (left_at, member_id, event_ref);
        CREATE INDEX churn_step_alarmed ON churn_step (member_id, departure_ref)
            WHERE state = 'alarmed';
        """
    )


def downgrade() -> None:
    """Read all of them again."""
    op.execute("DROP INDEX churn_step_alarmed; DROP INDEX departure_newest;")

"""Who leaves waits for who earns, and not for each other."""

from alembic import op

revision = "0032_coming_and_going"
down_revision = "0031_estimates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table whose locks keep earning and leaving apart; it stays empty."""
    op.execute(
        """
        CREATE TABLE coming_and_going (
            nothing smallint NOT NULL,
            CONSTRAINT coming_and_going_pkey PRIMARY KEY (nothing),
            CONSTRAINT coming_and_going_stays_empty CHECK (false));
        GRANT SELECT, UPDATE ON coming_and_going TO jifen_app;
        """
    )


def downgrade() -> None:
    """Let leavers take turns again."""
    op.execute("DROP TABLE coming_and_going")

"""Questions whether somebody can be insured."""

from alembic import op

revision = "0024_insurer"
down_revision = "0023_partners_heard"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE insurer_question (
    member_id bigint NOT NULL, question_id uuid NOT NULL, item_code text NOT NULL,
    asked_at timestamptz NOT NULL, answered_at timestamptz, outcome text, detail text,
    CONSTRAINT insurer_question_pkey PRIMARY KEY (member_id, question_id));

GRANT SELECT, INSERT, UPDATE ON insurer_question TO jifen_app;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE insurer_question")

"""How far banks were read, and which of their lines were not booked."""

from alembic import op

revision = "0014_card_lines"
down_revision = "0013_disputes"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE partner_cursor (
    partner text NOT NULL, cursor text, read_at timestamptz NOT NULL,
    CONSTRAINT partner_cursor_pkey PRIMARY KEY (partner),
    CONSTRAINT partner_cursor_partner_fkey FOREIGN KEY (partner) REFERENCES partner);
CREATE TABLE card_line_reject (
    batch_id integer NOT NULL, nth integer NOT NULL, partner_ref text,
    reason text NOT NULL,
    CONSTRAINT card_line_reject_pkey PRIMARY KEY (batch_id, nth),
    CONSTRAINT card_line_reject_batch_id_fkey
        FOREIGN KEY (batch_id) REFERENCES partner_batch);

GRANT SELECT, INSERT, UPDATE ON partner_cursor TO jifen_app;
GRANT SELECT, INSERT ON card_line_reject TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE card_line_reject, partner_cursor")

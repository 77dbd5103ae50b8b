"""Calls of partners' machines, and the lines they bring."""

from alembic import op

revision = "0011_api"
down_revision = "0010_exchange"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE api_call (
    client_id text NOT NULL, key text NOT NULL, content bytea NOT NULL,
    called_at timestamptz NOT NULL, status integer, body bytea, location text,
    CONSTRAINT api_call_pkey PRIMARY KEY (client_id, key));
CREATE INDEX api_call_called_at_idx ON api_call (called_at);
CREATE UNLOGGED TABLE api_rate (
    client_id text NOT NULL, minute timestamptz NOT NULL, calls integer NOT NULL,
    CONSTRAINT api_rate_pkey PRIMARY KEY (client_id));
CREATE SEQUENCE partner_batch_id_seq AS bigint INCREMENT -1 START -1
    MINVALUE -2147483648 MAXVALUE -1;
CREATE TABLE partner_batch (
    batch_id integer NOT NULL DEFAULT nextval('partner_batch_id_seq'),
    client_id text NOT NULL, partner text NOT NULL, batch_ref text,
    lines integer NOT NULL, called_at timestamptz NOT NULL,
    CONSTRAINT partner_batch_pkey PRIMARY KEY (batch_id),
    CONSTRAINT partner_batch_is_no_file CHECK (batch_id < 0));

GRANT SELECT, INSERT, UPDATE, DELETE ON api_call, api_rate TO jifen_app;
GRANT SELECT, INSERT ON partner_batch TO jifen_app;
GRANT USAGE ON SEQUENCE partner_batch_id_seq TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE partner_batch, api_rate, api_call;
        DROP SEQUENCE partner_batch_id_seq;
        """
    )

"""What partners asked and told: names they checked, notices, disputes answered."""

from alembic import op

revision = "0023_partners_heard"
down_revision = "0022_billing"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE member_validation (
    validation_id text NOT NULL, partner text NOT NULL, client_id text NOT NULL,
    account_hash bytea NOT NULL, member_id bigint, status text NOT NULL,
    asked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    CONSTRAINT member_validation_pkey PRIMARY KEY (validation_id),
    CONSTRAINT member_validation_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT member_validation_client_id_fkey FOREIGN KEY (client_id)
        REFERENCES partner_client,
    CONSTRAINT member_validation_status_known CHECK (
        status IN ('valid', 'invalid', 'review')));
CREATE INDEX member_validation_partner_account_hash_asked_at_idx
    ON member_validation (partner, account_hash, asked_at);
CREATE INDEX member_validation_member_id_asked_at_idx
    ON member_validation (member_id, asked_at);
GRANT SELECT, INSERT, UPDATE ON member_validation TO jifen_app;

CREATE UNLOGGED TABLE heard_nonce (
    partner text NOT NULL, nonce text NOT NULL, heard_at timestamptz NOT NULL,
    CONSTRAINT heard_nonce_pkey PRIMARY KEY (partner, nonce));
GRANT SELECT, INSERT, DELETE ON heard_nonce TO jifen_app;

ALTER TABLE dispute ADD COLUMN answer text, ADD COLUMN answered_at timestamptz,
    ADD COLUMN answered_by text;
ALTER TABLE dispute ADD CONSTRAINT dispute_answered_whole CHECK (
    (state = 'open') = (answer IS NULL) AND (answer IS NULL) = (answered_at IS NULL)
    AND (answer IS NULL) = (answered_by IS NULL));
CREATE INDEX dispute_state_raised_at_idx ON dispute (state, raised_at);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        "ALTER TABLE dispute DROP answer, DROP answered_at, DROP answered_by;"
        " DROP INDEX dispute_state_raised_at_idx;"
        " DROP TABLE heard_nonce; DROP TABLE member_validation"
    )

"""What members let partners have and do."""

from alembic import op

revision = "0009_linking"
down_revision = "0008_clients"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE link_consent (
    consent_ref text NOT NULL, partner text NOT NULL, client_id text NOT NULL,
    member_id bigint, account_hash bytea, account_sealed bytea, kinds text[] NOT NULL,
    purpose_version integer NOT NULL,
    state text NOT NULL DEFAULT 'awaiting_authorization',
    asked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    granted_at timestamptz, channel text, source text, ended_at timestamptz,
    reason text,
    CONSTRAINT link_consent_pkey PRIMARY KEY (consent_ref),
    CONSTRAINT link_consent_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT link_consent_client_id_fkey FOREIGN KEY (client_id)
        REFERENCES partner_client,
    CONSTRAINT link_consent_state_known CHECK (
        state IN ('awaiting_authorization', 'authorized', 'rejected', 'revoked',
                  'expired')),
    CONSTRAINT link_consent_given_by_somebody CHECK (
        state NOT IN ('authorized', 'revoked')
        OR member_id IS NOT NULL AND granted_at IS NOT NULL),
    CONSTRAINT link_consent_ends_whole CHECK (
        (state IN ('awaiting_authorization', 'authorized')) = (ended_at IS NULL)));
CREATE UNIQUE INDEX link_consent_one_per_account
    ON link_consent (partner, account_hash) WHERE state = 'authorized';
CREATE INDEX link_consent_member_id_partner_idx ON link_consent (member_id, partner);

-- Whoever asks members tells them how to be reached (PIPL Art. 23).
ALTER TABLE partner_client ADD COLUMN contact text NOT NULL DEFAULT '';
ALTER TABLE partner_client ALTER COLUMN contact DROP DEFAULT;

GRANT SELECT, INSERT, UPDATE ON link_consent TO jifen_app;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE link_consent; ALTER TABLE partner_client DROP contact")

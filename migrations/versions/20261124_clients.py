"""Partners' machines, our signing keys, and what was given out."""

from alembic import op

revision = "0008_clients"
down_revision = "0007_orders"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE partner_client (
    client_id text NOT NULL, partner text NOT NULL, name text NOT NULL,
    auth_method text NOT NULL, secret_hash bytea, jwks jsonb,
    redirect_uris text[] NOT NULL, scopes text[] NOT NULL,
    require_dpop boolean NOT NULL, require_par boolean NOT NULL,
    created_at timestamptz NOT NULL, disabled_at timestamptz,
    CONSTRAINT partner_client_pkey PRIMARY KEY (client_id),
    CONSTRAINT partner_client_partner_fkey FOREIGN KEY (partner) REFERENCES partner,
    CONSTRAINT partner_client_auth_method_known CHECK (
        auth_method IN ('private_key_jwt', 'client_secret_basic')),
    CONSTRAINT partner_client_proves_itself_one_way CHECK (
        CASE auth_method WHEN 'private_key_jwt' THEN secret_hash IS NULL
                         ELSE jwks IS NULL END),
    CONSTRAINT partner_client_may_do_something CHECK (cardinality(scopes) > 0));
CREATE INDEX partner_client_partner_idx ON partner_client (partner);
CREATE TABLE oauth_key (
    kid text NOT NULL, state text NOT NULL, sealed bytea NOT NULL,
    public jsonb NOT NULL, made_at timestamptz NOT NULL, current_at timestamptz,
    retired_at timestamptz,
    CONSTRAINT oauth_key_pkey PRIMARY KEY (kid),
    CONSTRAINT oauth_key_state_known CHECK (state IN ('next', 'current', 'retired')),
    CONSTRAINT oauth_key_retired_whole CHECK (
        (state = 'retired') = (retired_at IS NOT NULL)));
CREATE UNIQUE INDEX oauth_key_one_of_a_kind ON oauth_key (state)
    WHERE state <> 'retired';
CREATE TABLE oauth_used_once (
    key bytea NOT NULL, expires_at timestamptz NOT NULL,
    CONSTRAINT oauth_used_once_pkey PRIMARY KEY (key));
CREATE INDEX oauth_used_once_expires_at_idx ON oauth_used_once (expires_at);
CREATE TABLE oauth_revoked_token (
    jti text NOT NULL, expires_at timestamptz NOT NULL,
    CONSTRAINT oauth_revoked_token_pkey PRIMARY KEY (jti));
CREATE INDEX oauth_revoked_token_expires_at_idx ON oauth_revoked_token (expires_at);
CREATE TABLE oauth_pushed_request (
    request_hash bytea NOT NULL, client_id text NOT NULL, asked jsonb NOT NULL,
    consent_ref text NOT NULL, expires_at timestamptz NOT NULL, used_at timestamptz,
    CONSTRAINT oauth_pushed_request_pkey PRIMARY KEY (request_hash),
    CONSTRAINT oauth_pushed_request_client_id_fkey FOREIGN KEY (client_id)
        REFERENCES partner_client);
CREATE INDEX oauth_pushed_request_expires_at_idx
    ON oauth_pushed_request (expires_at);
CREATE TABLE oauth_grant (
    grant_id uuid NOT NULL, client_id text NOT NULL, consent_ref text NOT NULL,
    scopes text[] NOT NULL, granted_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, revoked_at timestamptz, revoke_reason text,
    CONSTRAINT oauth_grant_pkey PRIMARY KEY (grant_id),
    CONSTRAINT oauth_grant_client_id_fkey FOREIGN KEY (client_id)
        REFERENCES partner_client);
CREATE INDEX oauth_grant_consent_ref_idx ON oauth_grant (consent_ref);
CREATE TABLE oauth_code (
    code_hash bytea NOT NULL, grant_id uuid NOT NULL, redirect_uri text NOT NULL,
    code_challenge text NOT NULL, dpop_jkt text, expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT oauth_code_pkey PRIMARY KEY (code_hash),
    CONSTRAINT oauth_code_grant_id_fkey FOREIGN KEY (grant_id)
        REFERENCES oauth_grant);
CREATE INDEX oauth_code_expires_at_idx ON oauth_code (expires_at);
CREATE TABLE oauth_refresh_token (
    token_hash bytea NOT NULL, grant_id uuid NOT NULL,
    issued_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT oauth_refresh_token_pkey PRIMARY KEY (token_hash),
    CONSTRAINT oauth_refresh_token_grant_id_fkey FOREIGN KEY (grant_id)
        REFERENCES oauth_grant);
CREATE INDEX oauth_refresh_token_expires_at_idx ON oauth_refresh_token (expires_at);

GRANT SELECT, INSERT, UPDATE ON partner_client, oauth_grant TO jifen_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_key, oauth_pushed_request, oauth_code,
    oauth_refresh_token TO jifen_app;
GRANT SELECT, INSERT, DELETE ON oauth_used_once, oauth_revoked_token TO jifen_app;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TABLE oauth_refresh_token, oauth_code, oauth_grant,
                   oauth_pushed_request, oauth_revoked_token, oauth_used_once,
                   oauth_key, partner_client;
        """
    )

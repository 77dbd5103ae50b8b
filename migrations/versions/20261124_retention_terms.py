"""What keeping a member may cost: segments and caps as terms."""

from alembic import op

revision = "0043_retention_terms"
down_revision = "0042_accounting_days"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE retention_terms (
    version integer NOT NULL, valid_from date NOT NULL, bill_months integer NOT NULL,
    group_members integer NOT NULL, high_num bigint NOT NULL, high_den bigint NOT NULL,
    mid_num bigint NOT NULL, mid_den bigint NOT NULL, loaded_at timestamptz NOT NULL,
    CONSTRAINT retention_terms_pkey PRIMARY KEY (version),
    CONSTRAINT retention_terms_makes_sense CHECK (
        bill_months > 0 AND group_members > 1 AND mid_num >= 0 AND mid_den > 0
        AND high_den > 0 AND high_num * mid_den >= mid_num * high_den),
    CONSTRAINT retention_terms_begins_with_a_month CHECK (
        extract(day FROM valid_from) = 1));
CREATE TABLE retention_cap (
    version integer NOT NULL, segment text NOT NULL, rank integer NOT NULL,
    share_num integer NOT NULL, share_den integer NOT NULL,
    CONSTRAINT retention_cap_pkey PRIMARY KEY (version, segment),
    CONSTRAINT retention_cap_version_fkey FOREIGN KEY (version)
        REFERENCES retention_terms (version),
    CONSTRAINT retention_cap_segment_known CHECK (
        segment IN ('HIGH', 'MID', 'LOW', 'GROUP')),
    CONSTRAINT retention_cap_makes_sense CHECK (share_num >= 0 AND share_den > 0));
GRANT SELECT, INSERT ON retention_terms, retention_cap TO jifen_app;
"""


def upgrade() -> None:
    """Make the tables; `jifen init` loads the first terms."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE retention_cap, retention_terms")

"""Keep what accounts are called with each journal, and on which day payouts move.

A payout that failed after its month was kept is undone on a day of its own; one whose
failure was known by then was never in a journal, and both its days are one.
"""

from alembic import op

revision = "0044_kept_names"
down_revision = "0043_retention_terms"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE run_mapping (
    run_id bigint NOT NULL, view text NOT NULL, account text NOT NULL,
    gl_account text NOT NULL, cost_center text,
    CONSTRAINT run_mapping_pkey PRIMARY KEY (run_id, view, account),
    CONSTRAINT run_mapping_run_id_fkey FOREIGN KEY (run_id) REFERENCES journal_run);
INSERT INTO run_mapping
SELECT r.run_id, c.view, c.account, c.gl_account, c.cost_center
  FROM journal_run r CROSS JOIN chart_mapping c;
GRANT SELECT, INSERT ON run_mapping TO jifen_app;

ALTER TABLE payout_state ADD effective_on date;
UPDATE payout_state s
   SET effective_on = CASE
       WHEN s.state = 'paid' OR EXISTS (
            SELECT FROM journal_run j
             WHERE j.period = date_trunc('month', p.effective_on)
               AND j.kept_at > s.read_at) THEN p.effective_on
       ELSE greatest(CAST(s.read_at AS date), p.effective_on, coalesce((
            SELECT max(last_day) + 1 FROM ledger.period
             WHERE closed_at IS NOT NULL), '-infinity')) END
  FROM payout p WHERE p.payout_id = s.payout_id;
ALTER TABLE payout_state ALTER effective_on SET NOT NULL;
CREATE INDEX payout_state_effective_on_idx ON payout_state (effective_on);
"""


def upgrade() -> None:
    """Add both, as they were."""
    op.execute(TABLES)


def downgrade() -> None:
    """Remove them; exports are called as accounts are called now."""
    op.execute("DROP TABLE run_mapping; ALTER TABLE payout_state DROP effective_on")

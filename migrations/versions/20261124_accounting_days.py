"""Keep the accounting day of bills, of what is paid and credited, and of clubs' costs.

What a month that is closed did not have in its journal belongs to the first open one.
"""

from alembic import op

revision = "0042_accounting_days"
down_revision = "0041_statement_guards"
branch_labels = None
depends_on = None

_OPEN = (
    "coalesce((SELECT max(last_day) + 1 FROM ledger.period"
    " WHERE closed_at IS NOT NULL), '-infinity')"
)
# Of what the ledger has an entry, the day is the entry's.
_ENTRY = """
    SELECT min(t.effective_on) FROM ledger.reference r
      JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id
     WHERE r.member_id = f.member_id AND r.reference = {reference}
"""
DAYS = f"""
ALTER TABLE bill ADD effective_on date;
UPDATE bill f SET effective_on = coalesce(
    ({_ENTRY.format(reference="'bill:' || f.bill_ref")}), greatest(billed_on, {_OPEN}));
ALTER TABLE bill ALTER effective_on SET NOT NULL;
CREATE INDEX bill_without_points_idx ON bill (effective_on) WHERE standing = 'none';

ALTER TABLE bill_event ADD effective_on date;
UPDATE bill_event f SET effective_on = CASE source
    WHEN 'adjustment' THEN coalesce(
        ({_ENTRY.format(reference="'adjustment:' || f.ref")}),
        greatest(happened_on, {_OPEN}))
    ELSE happened_on END;
ALTER TABLE bill_event ALTER effective_on SET NOT NULL;
CREATE INDEX bill_event_adjustment_idx ON bill_event (effective_on)
 WHERE source = 'adjustment';

-- What a kept journal has, or might have had, stays where it is.
ALTER TABLE club_cost ADD effective_on date;
UPDATE club_cost SET effective_on = incurred_on;
ALTER TABLE club_cost ALTER effective_on SET NOT NULL;
DROP INDEX club_cost_incurred_on_idx;
CREATE INDEX club_cost_effective_on_idx ON club_cost (effective_on);
"""
UNDO = """
DROP INDEX club_cost_effective_on_idx;
CREATE INDEX club_cost_incurred_on_idx ON club_cost (incurred_on);
ALTER TABLE club_cost DROP effective_on;
ALTER TABLE bill_event DROP effective_on;
ALTER TABLE bill DROP effective_on;
"""


def upgrade() -> None:
    """Add the days, and find out what they were."""
    op.execute(DAYS)


def downgrade() -> None:
    """Remove them."""
    op.execute(UNDO)

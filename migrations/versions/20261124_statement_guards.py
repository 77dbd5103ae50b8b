"""Let no statement skip a state, be issued by one, or change once it is issued."""

from alembic import op

revision = "0041_statement_guards"
down_revision = "0040_payouts"
branch_labels = None
depends_on = None

GUARDS = """
CREATE FUNCTION statement_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    states CONSTANT text[] := ARRAY['draft', 'issued', 'in_dispute_window', 'agreed',
                                    'netted', 'paid', 'closed'];
BEGIN
    IF array_position(states, new.state) - array_position(states, old.state)
       NOT IN (0, 1) THEN
        RAISE EXCEPTION 'statement % does not go from % to %', old.statement_id,
            old.state, new.state USING ERRCODE = 'check_violation';
    END IF;
    IF old.state = 'draft' AND new.state = 'issued' AND NOT EXISTS (
           SELECT FROM approval a
            WHERE a.approval_id = new.approval_id AND a.state = 'approved'
              AND a.action = 'settlement.issue'
              AND a.subject = CAST(new.statement_id AS text)) THEN
        RAISE EXCEPTION 'statement % is issued by two', old.statement_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF old.state <> 'draft'
       AND (old.partner, old.currency, old.period, old.nth, old.first_on, old.last_on,
            old.lines, old.opening_fen, old.receivable_fen, old.payable_fen,
            old.adjusted_fen, old.disputed_fen, old.due_fen, old.remainder_parts,
            old.approval_id, old.issued_at, old.disputable_until)
           IS DISTINCT FROM
           (new.partner, new.currency, new.period, new.nth, new.first_on, new.last_on,
            new.lines, new.opening_fen, new.receivable_fen, new.payable_fen,
            new.adjusted_fen, new.disputed_fen, new.due_fen, new.remainder_parts,
            new.approval_id, new.issued_at, new.disputable_until) THEN
        RAISE EXCEPTION 'statement % is issued', old.statement_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER statement_moves_on BEFORE UPDATE ON settlement_statement
    FOR EACH ROW EXECUTE FUNCTION statement_moves_on();
CREATE FUNCTION statement_lines_join_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT statement_id FROM added) a
                 JOIN settlement_statement s USING (statement_id)
                WHERE s.state <> 'draft') THEN
        RAISE EXCEPTION 'a statement that is issued has all its lines'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER statement_lines_join_drafts AFTER INSERT ON statement_line
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION statement_lines_join_drafts();
"""


def upgrade() -> None:
    """Create the guards."""
    op.execute(GUARDS)


def downgrade() -> None:
    """Remove them."""
    op.execute(
        """
        DROP TRIGGER statement_lines_join_drafts ON statement_line;
        DROP FUNCTION statement_lines_join_drafts();
        DROP TRIGGER statement_moves_on ON settlement_statement;
        DROP FUNCTION statement_moves_on();
        """
    )

"""The ledger kernel: its tables, its functions, and who may touch them."""

from importlib.resources import files

from alembic import op

revision = "0001_ledger"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE ledger.unit (
    code text NOT NULL, draw_rank integer NOT NULL,
    CONSTRAINT unit_pkey PRIMARY KEY (code));
CREATE TABLE ledger.account_class (
    class text NOT NULL, owner text NOT NULL, normal_side text NOT NULL,
    by_partner boolean NOT NULL,
    CONSTRAINT account_class_pkey PRIMARY KEY (class),
    CONSTRAINT account_class_is_someones CHECK (owner IN ('member', 'programme')),
    CONSTRAINT account_class_has_a_side CHECK (normal_side IN ('debit', 'credit')));
CREATE TABLE ledger.entry_kind (
    kind text NOT NULL, spends boolean NOT NULL, shortfall text NOT NULL,
    CONSTRAINT entry_kind_pkey PRIMARY KEY (kind),
    CONSTRAINT entry_kind_has_a_policy CHECK (shortfall IN ('refuse', 'owe', 'floor')));
CREATE TABLE ledger.entry_leg (
    kind text NOT NULL, debit text NOT NULL, credit text NOT NULL,
    spends boolean NOT NULL,
    CONSTRAINT entry_leg_pkey PRIMARY KEY (kind, debit, credit));
CREATE TABLE ledger.period (
    month date NOT NULL, last_day date NOT NULL, closed_at timestamptz,
    CONSTRAINT period_pkey PRIMARY KEY (month));
CREATE TABLE ledger.book (
    member_id bigint NOT NULL, gate text NOT NULL, opened_on date NOT NULL,
    CONSTRAINT book_pkey PRIMARY KEY (member_id),
    CONSTRAINT book_gate_is_known CHECK (gate IN ('open', 'suspended', 'closed')))
    WITH (fillfactor = 80);
CREATE TABLE ledger.balance (
    member_id bigint NOT NULL, unit text NOT NULL,
    available bigint NOT NULL DEFAULT 0, pending bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0, owed bigint NOT NULL DEFAULT 0,
    CONSTRAINT balance_pkey PRIMARY KEY (member_id, unit),
    CONSTRAINT balance_never_below_zero CHECK (
        available >= 0 AND pending >= 0 AND held >= 0 AND owed >= 0))
    WITH (fillfactor = 70);
CREATE TABLE ledger.lot (
    member_id bigint NOT NULL, unit text NOT NULL, expires_on date NOT NULL,
    issuer text NOT NULL, earned_in date NOT NULL, funding text NOT NULL,
    cost_class text NOT NULL, origin_on date NOT NULL,
    units_issued bigint NOT NULL, units_left bigint NOT NULL,
    CONSTRAINT lot_pkey PRIMARY KEY (member_id, unit, expires_on, issuer, earned_in,
                                     funding, cost_class, origin_on),
    CONSTRAINT lot_never_overdrawn CHECK (units_left BETWEEN 0 AND units_issued))
    WITH (fillfactor = 80);
CREATE TABLE ledger.transfer (
    member_id bigint NOT NULL, id uuid NOT NULL, line smallint NOT NULL,
    kind text NOT NULL, debit text NOT NULL, credit text NOT NULL,
    unit text NOT NULL, amount bigint NOT NULL, available_after bigint NOT NULL,
    draws ledger.draw[], effective_on date NOT NULL, occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL, actor text NOT NULL, rule_version integer,
    reverses uuid,
    CONSTRAINT transfer_pkey PRIMARY KEY (member_id, id, line),
    CONSTRAINT transfer_moves_something CHECK (amount > 0),
    CONSTRAINT transfer_goes_somewhere CHECK (debit <> credit));
CREATE INDEX transfer_reverses_idx ON ledger.transfer (member_id, reverses)
 WHERE reverses IS NOT NULL;
CREATE TABLE ledger.reference (
    member_id bigint NOT NULL, reference text NOT NULL, input_hash uuid NOT NULL,
    entry_id uuid NOT NULL,
    CONSTRAINT reference_pkey PRIMARY KEY (member_id, reference));
"""

# PostgreSQL 18 makes version 7 itself; before, the time goes over a random one:
# 48 bits of milliseconds, 12 bits of the fraction, so that ids sort within one.
NEW_ID_BEFORE_18 = """
encode(
    overlay(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6)
        PLACING int2send((28672 + (extract(microseconds FROM clock_timestamp())::bigint
                                   % 1000 * 4096 / 1000))::smallint) FROM 7 FOR 2),
    'hex')::uuid
"""


def upgrade() -> None:
    """Create the kernel."""
    sql = files("ledger") / "sql"
    bind = op.get_bind()
    new_id = (
        "uuidv7()"
        if (bind.dialect.server_version_info or (0,)) >= (18,)
        else NEW_ID_BEFORE_18
    )
    op.execute("CREATE SCHEMA ledger")
    _run((sql / "types.sql").read_text())
    _run(TABLES)
    _run((sql / "functions.sql").read_text().replace("{new_id}", new_id))
    for name in ("settle", "post_one", "post", "prove", "views"):
        _run((sql / f"{name}.sql").read_text())
    _run(
        """
        GRANT SELECT ON alembic_version TO jifen_app;
        GRANT USAGE ON SCHEMA ledger TO jifen_app;
        GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO jifen_app;
        REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO jifen_app;
        """
    )


def downgrade() -> None:
    """Remove the kernel, and every book in it."""
    op.execute("DROP SCHEMA ledger CASCADE")


def _run(statements: str) -> None:
    """Execute SQL as it stands, several statements and percent signs included."""
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statements)

"""What became a member's own is taken back by draws alone, and so only once."""

from importlib.resources import files

from alembic import op

revision = "0046_settling_once"
down_revision = "0045_coalitions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the ledger's function in place of the one that older databases have."""
    written = (files("ledger") / "sql" / "settle.sql").read_text()
    _run(written.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))


def downgrade() -> None:
    """Leave the function; it serves older revisions as well."""


def _run(statements: str) -> None:
    """Execute SQL as it stands, percent signs included."""
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statements)

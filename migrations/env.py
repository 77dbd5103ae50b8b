"""What Alembic runs for every command, from a checkout or from a wheel."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.sql.schema import SchemaItem

from loyalty.database import Database
from loyalty.migrate import target_metadata
from loyalty.settings import Settings

# Tables that come and go with a load; no revision describes them.
UNTRACKED_SCHEMAS = {"staging"}


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out what no revision describes, before it is read."""
    return not (kind == "schema" and name in UNTRACKED_SCHEMAS)


def include_object(
    item: SchemaItem,
    _name: str | None,
    _kind: str,
    _reflected: bool,
    _compare_to: SchemaItem | None,
) -> bool:
    """Leave out declared tables that no revision describes."""
    return getattr(item, "schema", None) not in UNTRACKED_SCHEMAS


def run(connection: Connection) -> None:
    """Run the command, each revision in a transaction of its own."""
    context.configure(
        connection=connection,
        target_metadata=target_metadata(),
        transaction_per_migration=True,
        compare_server_default=True,
        include_schemas=True,
        include_name=include_name,
        include_object=include_object,
    )
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    with (
        Database.open(Settings.from_environment()) as database,
        database.owner_engine.connect() as owner_connection,
    ):
        run(owner_connection)

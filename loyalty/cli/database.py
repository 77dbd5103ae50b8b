"""Commands that prepare the database."""

import click

from loyalty.cli.opening import with_database
from loyalty.database import Database
from loyalty.migrate import current_revision
from loyalty.migrate import migrate as migrate_to


@click.command()
@with_database
def migrate(database: Database) -> None:
    """Bring the schema to the newest revision."""
    _migrate(database)


@click.command()
@with_database
def init(database: Database) -> None:
    """Prepare a database for use; safe to run again."""
    _migrate(database)


def _migrate(database: Database) -> None:
    migrate_to(database)
    with database.engine.connect() as connection:
        revision = current_revision(connection)
    click.echo(f"schema at revision {revision or 'none'}")

"""Commands that prepare the database."""

import click

from loyalty.adjustments.governance import load_reasons
from loyalty.catalogue.operations import load_items
from loyalty.cli.opening import needs, with_database
from loyalty.clock import now
from loyalty.database import Database
from loyalty.migrate import current_revision
from loyalty.migrate import migrate as migrate_to
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.staff.rules import Permission


@click.command()
@needs(Permission.OPERATE)
@with_database
def migrate(database: Database) -> None:
    """Bring the schema to the newest revision."""
    _migrate(database)


@click.command()
@needs(Permission.OPERATE)
@with_database
def init(database: Database) -> None:
    """Prepare a database for use, with its starting terms; safe to run again."""
    _migrate(database)
    terms = starting_terms()
    with database.unit_of_work() as session:
        load_terms(session, terms=terms, at=now())
        load_items(session, items=terms["item"])
        load_reasons(session, terms=terms, at=now())
    click.echo(f"terms of version {terms['version']} in force")


def _migrate(database: Database) -> None:
    migrate_to(database)
    with database.engine.connect() as connection:
        revision = current_revision(connection)
    click.echo(f"schema at revision {revision or 'none'}")

"""The command that exports the money journal."""

from datetime import date, timedelta
from pathlib import Path

import click

from loyalty.cli import months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import business_date
from loyalty.database import Database
from loyalty.journal.export import FORMS, export, yuan
from loyalty.journal.measures import VIEWS
from loyalty.staff.rules import Permission


@click.command()
@click.option(
    "--period",
    type=months.month,
    metavar=months.METAVAR,
    help="A closed month; by default the last one over.",
)
@click.option(
    "--view",
    type=click.Choice(VIEWS),
    default="D",
    show_default=True,
    help="C: the decks' accrual of cost; D: the deferral of CAS 14.",
)
@click.option("--form", type=click.Choice(FORMS), default=FORMS[0], show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write, or a folder; by default standard output.",
)
@needs(Permission.READ)
@with_database
def gl(
    database: Database, *, period: date | None, view: str, form: str, out: Path | None
) -> None:
    """R7: export the kept money journal of a month, the same run as the same file."""
    if period is None:
        period = (business_date().replace(day=1) - timedelta(days=1)).replace(day=1)
    with database.unit_of_work() as session:
        made = export(session, period=period, view=view, form=form)
    if out is None:
        click.echo(made.body.encode(), nl=False)
        return
    path = out / made.file_name if out.is_dir() else out
    try:
        path.write_bytes(made.body.encode())
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    click.echo(
        f"written: {path}: {made.file_id}, {made.postings:,} postings,"
        f" {yuan(made.debit_fen)} yuan on either side"
    )

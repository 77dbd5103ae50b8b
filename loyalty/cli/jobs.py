"""Commands that run jobs, now or by the clock."""

from datetime import date, datetime

import click

from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.jobs.running import run_job as run
from loyalty.jobs.scheduler import scheduler as make_scheduler
from loyalty.staff.rules import Permission


@click.command("run-job")
@click.argument("name")
@click.argument("business_date", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]))
@needs(Permission.OPERATE)
@with_database
def run_job(database: Database, name: str, business_date: datetime) -> None:
    """Run the job NAME for the business DATE; running it again does no harm."""
    click.echo(
        f"{name}: {run(database, name, date.fromisoformat(f'{business_date:%F}'))}"
    )


@click.command()
@needs(Permission.OPERATE)
@with_database
def scheduler(database: Database) -> None:
    """Run the jobs by the clock until interrupted."""
    blocking = make_scheduler(database)
    for job in blocking.get_jobs():
        click.echo(f"{job.id}: {job.trigger}", err=True)
    blocking.start()

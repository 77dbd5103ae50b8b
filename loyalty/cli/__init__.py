"""The command line: `jifen`, one file per family of commands."""

import sys

import click
import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from loyalty.cli import (
    bench,
    churn,
    clients,
    closing,
    database,
    demo,
    feeds,
    jobs,
    ledger,
    matching,
    members,
    reports,
    sandbox,
    serving,
    staff,
    statements,
)
from loyalty.database import first_line
from loyalty.errors import LoyaltyError

INTERRUPTED = 130  # what shells report for Ctrl-C


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jifen")
def jifen() -> None:
    """Keep the points of an alliance, and the books of those points."""


jifen.add_command(bench.bench)
jifen.add_command(churn.churn)
jifen.add_command(clients.client)
jifen.add_command(database.init)
jifen.add_command(database.migrate)
jifen.add_command(demo.demo)
jifen.add_command(feeds.load)
jifen.add_command(jobs.run_job)
jifen.add_command(jobs.scheduler)
jifen.add_command(ledger.ledger)
jifen.add_command(matching.match)
jifen.add_command(members.member)
jifen.add_command(sandbox.partner_sandbox)
jifen.add_command(closing.close)
reports.report.add_command(statements.statement)
jifen.add_command(reports.report)
jifen.add_command(serving.serve)
jifen.add_command(staff.staff)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; answer bad input with one line, and exit non-zero."""
    try:
        code = jifen.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output had enough; Python must not flush into it again.
        sys.stderr.close()
        sys.exit(1)
    except (
        LoyaltyError,
        OSError,
        UnicodeDecodeError,
        SQLAlchemyError,
        psycopg.Error,
    ) as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        click.echo(f"jifen: {sentence}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _sentence(error: Exception) -> str | None:
    """Say in one line what went wrong; None: nothing a person could put right."""
    match error:
        case LoyaltyError():
            sentence = str(error)
        case UnicodeDecodeError():
            sentence = f"the input is not {error.encoding} text, at byte {error.start}"
        case OSError(strerror=str(reason), filename=None):
            sentence = reason
        case OSError(strerror=str(reason)):
            sentence = f"{error.filename}: {reason}"
        case SQLAlchemyError() | psycopg.Error():
            return _database_sentence(error)
        case _:
            return None
    return " ".join(sentence.split())


def _database_sentence(error: SQLAlchemyError | psycopg.Error) -> str | None:
    """Say in one line what is wrong with the database; None: rather with us."""
    said = _said(error)
    match said:
        case psycopg.errors.UndefinedTable():
            return "the database is not prepared: run jifen init"
        case psycopg.errors.InsufficientPrivilege():
            return f"the database forbids it: {first_line(said)}"
        case psycopg.OperationalError(sqlstate=None):
            return f"the database does not answer: {first_line(said)}"
        case psycopg.OperationalError():
            return f"the database cannot go on: {first_line(said)}"
        case _:
            return None


def _said(error: BaseException) -> BaseException:
    """Return what the driver said; also where our own tidying up failed after it."""
    if isinstance(error, psycopg.Error):
        return error
    before = error.orig if isinstance(error, DBAPIError) else error.__context__
    return error if before is None else _said(before)

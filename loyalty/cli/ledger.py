"""Commands that prove the books, and hand them to somebody else's programs."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from ledger.book import Book
from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.finance.export import DETAILS, FORMS, export
from loyalty.staff.rules import Permission

_DAY = click.DateTime(["%Y-%m-%d"])
_FINDINGS_SHOWN = 20


@click.group()
def ledger() -> None:
    """Prove and export the books."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@needs(Permission.READ)
@with_database
def prove(database: Database, as_json: bool) -> int:
    """Recompute every book from its transfers; exit 1 if anything differs."""
    with database.unit_of_work() as session:
        findings = Book(session).prove()
    if as_json:
        found = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"proved": not found, "findings": found}))
    elif not findings:
        click.echo("the books are proved")
    else:
        for finding in findings[:_FINDINGS_SHOWN]:
            click.echo(
                f"{finding.finding}: member {finding.member_id or 'any'},"
                f" unit {finding.unit or 'any'}: {finding.detail}"
            )
        if len(findings) > _FINDINGS_SHOWN:
            click.echo(f"and {len(findings) - _FINDINGS_SHOWN:,} more: see --json")
        click.echo(f"jifen: the proof has {len(findings):,} findings", err=True)
    return 1 if findings else 0


@ledger.command("export")
@click.option("--format", "form", type=click.Choice([*FORMS]), required=True)
@click.option(
    "--detail",
    type=click.Choice(DETAILS),
    default=DETAILS[0],
    show_default=True,
    help="A transaction for every entry, or one per day and kind.",
)
@click.option("--from", "since", type=_DAY, metavar="DATE", help="First day.")
@click.option("--to", "until", type=_DAY, metavar="DATE", help="Last day.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; by default standard output.",
)
@needs(Permission.READ)
@with_database
def write(
    database: Database,
    *,
    form: str,
    detail: str,
    since: datetime | None,
    until: datetime | None,
    output: Path | None,
) -> None:
    """Write the books as a journal, by effective day."""
    if since and until and since > until:
        raise click.UsageError("--from lies after --to.")
    with database.unit_of_work() as session, _opened(output) as file:
        # Every statement of an export must see the same books.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for piece in export(
            session,
            form=form,
            detail=detail,
            since=since.date() if since else None,
            until=until.date() if until else None,
        ):
            file.write(piece)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """Give a file that takes the path's place only once it is complete."""
    if path is None:
        # UTF-8 whatever the terminal's language.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as file:
            yield file
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise

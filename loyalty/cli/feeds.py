"""Commands that take files in."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

import click

from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import WORKERS
from loyalty.feeds.loading import load as load_file
from loyalty.staff.rules import Permission

_FILE = click.Path(path_type=Path)
# Each feed is a paragraph of its own; the mark keeps its lines as they are.
_COLUMNS = "\n\n".join(
    f"\b\n{feed.name}:\n"
    + fill(
        ", ".join(column.name for column in feed.columns),
        width=70,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    for feed in FEEDS.values()
)


@click.command(epilog=f"Columns of the feeds:\n\n{_COLUMNS}")
@click.argument("feed", type=click.Choice(sorted(FEEDS)))
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
@click.option("--progress", is_flag=True, help="Tell how far it is, to any stderr.")
@click.option(
    "--workers", default=WORKERS, show_default=True, type=click.IntRange(1, 16)
)
@needs(Permission.OPERATE)
@with_database
def load(  # noqa: PLR0917 - click hands its options over by keyword
    database: Database,
    feed: str,
    file: Path,
    as_json: bool,
    progress: bool,
    workers: int,
) -> None:
    """Load FILE of a FEED, checked whole against FILE.manifest.json.

    Lines that cannot be booked go to FILE.rejects.csv with a reason. Loading a file
    again posts nothing twice, and completes what was interrupted.
    """
    shown = progress or sys.stderr.isatty()
    answer = load_file(
        database,
        FEEDS[feed],
        file,
        workers=workers,
        progress=_tell if shown else None,
    )
    if shown:
        click.echo(err=True)
    click.echo(json.dumps(asdict(answer)) if as_json else str(answer))


def _tell(answered: int, lines: int) -> None:
    click.echo(f"\r{answered:,} of {lines:,} lines", nl=False, err=True)

"""Commands about leaving the network."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.feeds.dry_run import Foretold, table
from loyalty.feeds.dry_run import dry_run as foretell
from loyalty.staff.rules import Permission

_FILE = click.Path(path_type=Path)


@click.group()
def churn() -> None:
    """Look at what leaving the network does."""


@churn.command("dry-run")
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
@click.option("--out", type=_FILE, help="Write a row for each member and reject here.")
@needs(Permission.READ)
@with_database
def dry_run(database: Database, file: Path, as_json: bool, out: Path | None) -> None:
    """Show what FILE of subscription-events would do, and write nothing.

    It says who would lose what at which cost, whom the policy spares and why, and
    which lines would be rejected. FILE needs no manifest.
    """
    with file.open("rb") as lines:
        told = foretell(database, lines)
    if out is not None:
        with out.open("w", encoding="utf-8", newline="") as written:
            csv.writer(written).writerows(table(told))
    if as_json:
        click.echo(json.dumps(asdict(told), ensure_ascii=False, default=str))
    else:
        click.echo("\n".join(_page(told)))


def _page(told: Foretold) -> Iterator[str]:
    yield (
        f"{told.lines:,} lines: {told.booked:,} would be booked,"
        f" {told.already_booked:,} are booked already, {len(told.rejected):,} rejected"
    )
    totals = told.totals
    yield ""
    yield f"{totals.members:,} members would lose:"
    for part in totals.points:
        yield (
            f"  {part.points:>14,} {part.unit} of {part.issuer} ({part.cost_class}),"
            f" carried at {_yuan(part.fen)} yuan"
        )
    for unit, points in totals.pending.items():
        yield f"  {points:>14,} {unit} pending"
    for benefit, count in totals.benefits.items():
        if count:
            yield f"  {count:>14,} {benefit}"
    yield f"  {_yuan(totals.fen):>14} yuan in all"
    for unit, points in totals.held.items():
        yield f"  {points:>14,} {unit} held stay until they settle"
    yield ""
    yield f"{len(told.spared):,} members are spared:"
    reasons = [one.why for one in told.spared]
    for why in dict.fromkeys(sorted(reasons)):
        yield f"  {reasons.count(why):>14,} {why.replace('_', ' ')}"
    for line in told.rejected:
        yield f"Line {line.line_no} would be rejected: {line.reason}"


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"

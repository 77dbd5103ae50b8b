"""The command that matches a partner's month."""

import json
from datetime import date

import click

from loyalty.cli import months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import now
from loyalty.database import Database, retrying
from loyalty.matching.operations import Matched
from loyalty.matching.operations import match as match_month
from loyalty.matching.queries import Total
from loyalty.staff.rules import Permission


@click.command()
@click.argument("partner")
@click.option(
    "--period",
    type=months.month,
    metavar=months.METAVAR,
    required=True,
    help="The month.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, money in fen.")
@needs(Permission.FINANCE_MAKE)
@with_database
def match(database: Database, partner: str, period: date, as_json: bool) -> None:
    """Match what PARTNER tells of a month, line by line, with what we have.

    Matching again looks only at what is still open.
    """
    done = retrying(
        database,
        lambda session: match_month(
            session, partner=partner, period=period, actor="command", at=now()
        ),
    )
    if as_json:
        click.echo(json.dumps(_facts(done)))
        return
    rate = "none" if done.percent is None else f"{done.percent} %"
    click.echo(f"{partner} {period:%Y-%m}: {rate} matched, {done.breaks:,} breaks open")
    click.echo(f"  ours:   {_line(done.sides.ours)}")
    click.echo(f"  theirs: {_line(done.sides.theirs)}")
    for code, count in done.codes.items():
        click.echo(f"  {code}: {count:,}")


def _facts(done: Matched) -> dict[str, object]:
    return {
        "matched_percent": done.percent,
        "breaks": done.codes,
        "ours": done.sides.ours.as_json(),
        "theirs": done.sides.theirs.as_json(),
    }


def _line(total: Total) -> str:
    yuan = f"{abs(total.fen) // 100:,}.{abs(total.fen) % 100:02d}"
    sign = "-" if total.fen < 0 else ""
    return f"{total.lines:,} lines, {total.units:,} units, {sign}{yuan} yuan"

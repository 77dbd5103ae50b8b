"""The command that prints what is settled with a partner for a month."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import click

from loyalty.alliance.queries import partner as partner_of
from loyalty.cli import months
from loyalty.cli.opening import needs, with_database
from loyalty.cli.reports import yuan
from loyalty.clock import business_date
from loyalty.database import Database
from loyalty.settlement import reading
from loyalty.settlement.models import SettlementStatement
from loyalty.settlement.reading import Sum
from loyalty.staff.rules import Permission

_LABEL = 34
_COLUMN = 16
_SUMS = (
    ("unpaid before", "opening_fen"),
    ("they owe us", "receivable_fen"),
    ("we owe them", "payable_fen"),
    ("adjusted", "adjusted_fen"),
    ("disputed", "disputed_fen"),
    ("net due", "due_fen"),
)


@click.command()
@click.argument("partner")
@click.option(
    "--period",
    type=months.month,
    metavar=months.METAVAR,
    help="The month; by default the last one over.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, money in fen.")
@needs(Permission.READ)
@with_database
def statement(
    database: Database, partner: str, period: date | None, as_json: bool
) -> None:
    """Print the statements of a partner that end in a month, with their sums."""
    if period is None:
        period = (business_date().replace(day=1) - timedelta(days=1)).replace(day=1)
    with database.unit_of_work() as session:
        partner_of(session, code=partner)
        found = [
            (one, reading.sums(session, statement_id=one.statement_id))
            for one in reading.statements(session, partner=partner, period=period)
        ]
    if as_json:
        told = [_as_json(one, sums) for one, sums in reversed(found)]
        click.echo(
            json.dumps(
                {
                    "partner": partner,
                    "period": f"{period:%Y-%m}",
                    "statements": told,
                }
            )
        )
    elif not found:
        click.echo(f"No statement of {partner} ends in {period:%Y-%m}.")
    else:
        for one, sums in reversed(found):
            click.echo("\n".join(_page(one, sums)))


def _as_json(one: SettlementStatement, sums: Sequence[Sum]) -> dict[str, object]:
    return {
        "nth": one.nth,
        "from": one.first_on.isoformat(),
        "to": one.last_on.isoformat(),
        "state": one.state,
        "lines": one.lines,
        **{name: getattr(one, name) for _, name in _SUMS},
        "sums": [
            {
                "kind": each.kind,
                "unit": each.unit,
                "rate_version": each.rate_version,
                "lines": each.lines,
                "units": each.units,
                "fen": each.fen,
            }
            for each in sums
        ],
    }


def _page(one: SettlementStatement, sums: Sequence[Sum]) -> Iterator[str]:
    yield (
        f"{one.partner} {one.period:%Y-%m}, number {one.nth}:"
        f" {one.first_on} to {one.last_on}, {one.state.replace('_', ' ')}"
    )
    rule = "-" * (_LABEL + 3 * _COLUMN)
    yield _row("Kind", "lines", "units", "yuan")
    yield rule
    for each in sums:
        name = " ".join(word for word in (each.kind, each.unit) if word)
        units = f"{each.units:,}" if each.unit else ""
        yield _row(name, f"{each.lines:,}", units, yuan(each.fen))
    yield rule
    for label, name in _SUMS:
        yield _row(label, "", "", yuan(getattr(one, name)))
    yield "What is above zero the partner owes us."


def _row(label: str, *cells: str) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)

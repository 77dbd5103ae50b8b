"""Commands that report a month."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import click

from loyalty.cli import figures, gl, months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import business_date
from loyalty.database import Database
from loyalty.finance.queries import month_report
from loyalty.staff.rules import Permission

_LABEL = 28
_COLUMN = 18
_FLOWS = (
    ("+", "issued", "issued"),
    ("-", "clawed back", "clawed_back"),
    ("-", "redeemed: telecom", "telecom"),
    ("-", "redeemed: product", "product"),
    ("-", "redeemed: service", "service"),
    ("-", "redeemed: merchant", "merchant"),
    ("+", "exchanged in", "exchanged_in"),
    ("-", "exchanged out", "exchanged_out"),
    ("-", "expired", "expired"),
    ("-", "voided", "voided"),
    ("-", "forfeited", "forfeited"),
    ("+", "reinstated", "reinstated"),
    ("+", "adjusted", "adjusted"),
)


@click.group()
def report() -> None:
    """Report what the books say."""


for one in figures.commands():
    report.add_command(one)
report.add_command(gl.gl)


@report.command()
@click.option(
    "--period",
    type=months.month,
    metavar=months.METAVAR,
    help="The month; by default the last one over.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, money in fen.")
@needs(Permission.READ)
@with_database
def month(database: Database, period: date | None, as_json: bool) -> None:
    """Report a month: the roll-forward of points, payables and cost."""
    if period is None:
        period = (business_date().replace(day=1) - timedelta(days=1)).replace(day=1)
    with database.unit_of_work() as session:
        figures = month_report(session, period)
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
    else:
        click.echo("\n".join(_page(figures)))


def _page(figures: dict[str, Any]) -> Iterator[str]:
    units = {code: _flat(unit) for code, unit in figures["units"].items()}

    def row(sign: str, label: str, name: str) -> str:
        numbers = [unit[name] for unit in units.values()]
        return _row(f"{sign} {label}", [f"{n:,}" for n in [*numbers, sum(numbers)]])

    rule = "-" * (_LABEL + _COLUMN * (len(units) + 1))
    yield f"Month {figures['period']}"
    yield ""
    yield _row("Points", [*units, "all"])
    yield rule
    yield row(" ", "opening", "opening")
    for flow in _FLOWS:
        yield row(*flow)
    yield rule
    yield row("=", "closing", "closing")
    yield row(" ", "pending besides", "pending")
    yield ""
    yield _row("Payable to partners", ["yuan"])
    payable = figures["payable"]
    for partner, fen in payable.items():
        yield _row(f"  {partner}", [yuan(fen)])
    yield _row("= all" if payable else "  nobody", [yuan(sum(payable.values()))])
    yield ""
    cost = figures["cost"]
    percent = cost["utilisation_percent"]
    yield _row("Cost at the carrying rate", ["yuan"])
    yield _row("  available", [yuan(cost["available"])])
    yield _row("- redeemed", [yuan(cost["redeemed"])])
    yield _row("= idle", [yuan(cost["idle"])])
    yield _row("  utilisation", ["none" if percent is None else f"{percent} %"])
    yield ""
    yield (
        "The books are proved."
        if figures["proved"]
        else "THE BOOKS DO NOT PROVE: see jifen ledger prove."
    )


def _flat(unit: dict[str, Any]) -> dict[str, int]:
    return {**unit, **unit["redeemed"]}


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)


def yuan(fen: int) -> str:
    """Write fen as yuan, with thousands separators."""
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{cents:02}"

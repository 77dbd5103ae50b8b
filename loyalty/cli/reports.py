"""Commands that report a month, and close it."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import click

from loyalty.cli import figures, gl, months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import business_date
from loyalty.database import Database
from loyalty.finance.operations import check_begun, close_month, is_closed
from loyalty.finance.queries import month_report
from loyalty.finance.rules import next_month
from loyalty.jobs.running import run_job
from loyalty.staff.rules import Permission

DUE_AT_CLOSE = ("expire-points", "cancel-unpaid")

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


@click.command("close-month")
@click.argument("period", type=months.month, metavar=months.METAVAR)
@needs(Permission.FINANCE_CHECK)
@with_database
def close(database: Database, period: date) -> None:
    """Run the jobs due, prove the books, and close a month and all before it."""
    name = f"{period:%Y-%m}"
    last_day = next_month(period) - timedelta(days=1)
    with database.unit_of_work() as session:
        check_begun(session, period=period, today=business_date())
        was_closed = is_closed(session, period=period)
    if not was_closed:
        for job in DUE_AT_CLOSE:
            click.echo(f"{job} {last_day}: {run_job(database, job, last_day)}")
        with database.unit_of_work() as session:
            was_closed = close_month(session, period=period).was_closed
    with database.unit_of_work() as session:
        figures = month_report(session, period)
    click.echo(f"{name}: {'was closed already' if was_closed else 'closed'}")
    click.echo(f"{name}: {_line(figures)}")


def _line(figures: dict[str, Any]) -> str:
    """Return the month in one line, over all units."""
    units = [_flat(unit) for unit in figures["units"].values()]
    redeemed = sum(sum(u["redeemed"].values()) for u in figures["units"].values())
    opening, issued, closing = (
        sum(unit[name] for unit in units) for name in ("opening", "issued", "closing")
    )
    return (
        f"opening {opening:,}, issued {issued:,}, redeemed {redeemed:,},"
        f" closing {closing:,} points"
    )


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

"""The command that closes a month, or says what stands in the way."""

import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import click

from blueprints.wording.terms import TERMS
from loyalty.cli import months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import business_date, now
from loyalty.closing.operations import check_begun, close_month
from loyalty.closing.queries import (
    Checklist,
    StepState,
    checklist,
    is_closed,
    late_count,
)
from loyalty.database import Database
from loyalty.finance.queries import month_report
from loyalty.finance.rules import next_month
from loyalty.jobs.running import run_job
from loyalty.staff.rules import Permission

DUE_AT_CLOSE = ("expire-points", "cancel-unpaid")


@click.command("close-month")
@click.argument("period", type=months.month, metavar=months.METAVAR)
@click.option(
    "--check",
    is_flag=True,
    help="Print the checklist and close nothing; exit 1 if something blocks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checklist as JSON.")
@needs(Permission.FINANCE_CHECK)
@with_database
def close(database: Database, period: date, check: bool, as_json: bool) -> None:
    """Run the jobs due, prove the books, and close a month and all before it."""
    if as_json and not check:
        raise click.UsageError("--json goes with --check.")
    with database.unit_of_work() as session:
        check_begun(session, period=period, today=business_date())
        was_closed = is_closed(session, period=period)
    if check:
        _check(database, period, as_json=as_json)
        return
    name = f"{period:%Y-%m}"
    last_day = next_month(period) - timedelta(days=1)
    if not was_closed:
        for job in DUE_AT_CLOSE:
            click.echo(f"{job} {last_day}: {run_job(database, job, last_day)}")
        with database.unit_of_work() as session:
            was_closed = close_month(
                session, period=period, actor="cli", at=now()
            ).was_closed
    with database.unit_of_work() as session:
        figures = month_report(session, period)
        found = checklist(session, period=period, at=now())
    click.echo(f"{name}: {'was closed already' if was_closed else 'closed'}")
    if found.sign_off is None and found.unticked:
        click.echo(f"{name}: not ticked off in the console: {_names(found)}")
    click.echo(f"{name}: {_line(figures)}")


def _check(database: Database, period: date, *, as_json: bool) -> None:
    with database.unit_of_work() as session:
        found = checklist(session, period=period, at=now())
        late = late_count(session, period=period)
    if as_json:
        click.echo(json.dumps(_as_json(found, late), ensure_ascii=False))
    else:
        click.echo("\n".join(_page(found, late)))
    if found.blocking:
        sys.exit(1)


def _page(found: Checklist, late: int) -> Iterator[str]:
    state = "closed" if found.is_closed else "open"
    yield f"Month {found.period:%Y-%m}: {state}"
    yield ""
    for one in found.steps:
        yield f"{one.due_on}  {one.state:<8} {_title(one)}"
        for wrong in one.evidence.findings:
            words = TERMS["close_finding"][wrong.code][1]
            mark = "blocks: " if wrong.blocks else ""
            yield f"{'':21} {mark}{wrong.count:,} {words}"
    yield ""
    yield f"entries about days before the month, booked in it: {late:,}"


def _as_json(found: Checklist, late: int) -> dict[str, Any]:
    return {
        "period": f"{found.period:%Y-%m}",
        "closed": found.is_closed,
        "signed_off": found.sign_off is not None,
        "late_entries": late,
        "blocking": [one.code for one in found.blocking],
        "steps": [
            {
                "step": one.step.code,
                "due_on": one.due_on.isoformat(),
                "owner": one.step.owner.value,
                "state": one.state.value,
                "hash": one.evidence.hash,
                **one.evidence.as_json(),
            }
            for one in found.steps
        ],
    }


def _names(found: Checklist) -> str:
    return ", ".join(_title(one).lower() for one in found.unticked)


def _title(one: StepState) -> str:
    return TERMS["close_step"][one.step.code][1]


def _line(figures: dict[str, Any]) -> str:
    """Return the month in one line, over all units."""
    units = [{**unit, **unit["redeemed"]} for unit in figures["units"].values()]
    redeemed = sum(sum(u["redeemed"].values()) for u in figures["units"].values())
    opening, issued, closing = (
        sum(unit[name] for unit in units) for name in ("opening", "issued", "closing")
    )
    return (
        f"opening {opening:,}, issued {issued:,}, redeemed {redeemed:,},"
        f" closing {closing:,} points"
    )

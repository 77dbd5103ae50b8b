"""Commands that measure, against a reference measured beside."""

import json

import click

from loyalty.bench import churn as leavings
from loyalty.bench import feed as feeds
from loyalty.bench import ledger as postings
from loyalty.bench import matching as matches
from loyalty.bench.measuring import Report
from loyalty.cli.opening import needs
from loyalty.settings import Settings
from loyalty.staff.rules import Permission

# Of benches that load whole files; the reference runs beside them.
_ROUNDS = click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1, 100)
)
_SECONDS = click.option(
    "--seconds",
    default=5,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Of the reference in every round.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure in scratch databases; without a name, everything there is."""
    if context.invoked_subcommand is None:
        context.invoke(ledger)
        click.echo()
        context.invoke(feed)
        click.echo()
        context.invoke(churn)
        click.echo()
        context.invoke(matching)


@bench.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--seconds",
    default=10,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Of every case in every round.",
)
@click.option("--clients", default=8, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--accounts",
    default=10_000,
    show_default=True,
    type=click.IntRange(1, 10_000_000),
    help="Members who hold points.",
)
@_JSON
@needs(Permission.OPERATE)
def ledger(
    *, rounds: int, seconds: int, clients: int, accounts: int, as_json: bool
) -> None:
    """Measure postings and redemptions, one call each."""
    size = postings.Size(rounds, seconds, clients, accounts)
    settings = Settings.from_environment()
    _print(postings.bench_ledger(settings, size, say=_say), as_json=as_json)


@bench.command()
@click.option(
    "--bills", default=100_000, show_default=True, type=click.IntRange(1, 10_000_000)
)
@_ROUNDS
@_SECONDS
@_JSON
@needs(Permission.OPERATE)
def feed(*, bills: int, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure how fast files of bills and payments are booked."""
    size = feeds.Size(bills, rounds, seconds)
    settings = Settings.from_environment()
    _print(feeds.bench_feed(settings, size, say=_say), as_json=as_json)


@bench.command()
@click.option(
    "--members", default=50_000, show_default=True, type=click.IntRange(1, 10_000_000)
)
@_ROUNDS
@_SECONDS
@_JSON
@needs(Permission.OPERATE)
def churn(*, members: int, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure how fast a file of members who leave is booked."""
    size = leavings.Size(members, rounds, seconds)
    settings = Settings.from_environment()
    _print(leavings.bench_churn(settings, size, say=_say), as_json=as_json)


@bench.command()
@click.option(
    "--lines", default=100_000, show_default=True, type=click.IntRange(1, 10_000_000)
)
@_ROUNDS
@_SECONDS
@_JSON
@needs(Permission.OPERATE)
def matching(*, lines: int, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure how fast a partner's lines are matched with as many of ours."""
    size = matches.Size(lines, rounds, seconds)
    settings = Settings.from_environment()
    _print(matches.bench_matching(settings, size, say=_say), as_json=as_json)


def _say(words: str) -> None:
    click.echo(words, err=True)


def _print(report: Report, *, as_json: bool) -> None:
    click.echo(json.dumps(report.as_json()) if as_json else str(report))

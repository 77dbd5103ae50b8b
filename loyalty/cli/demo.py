"""The command that shows it all: write an alliance, play it, serve it."""

import fcntl
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import click
from sqlalchemy import text

from loyalty.cli.months import METAVAR, month
from loyalty.cli.opening import needs
from loyalty.cli.serving import claim
from loyalty.clock import now, wall
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.demo.accounting import Team, account_for
from loyalty.demo.adjusting import adjust
from loyalty.demo.cashing import cash
from loyalty.demo.chance import month_after
from loyalty.demo.clubbing import let_play
from loyalty.demo.flying import agree, fly, take_in
from loyalty.demo.leaving import end_what_is_left
from loyalty.demo.playing import play, rejects
from loyalty.demo.sandboxes import StripeTwin, partners, stripe
from loyalty.demo.shopkeeping import VISITS_DAYS as DAYS
from loyalty.demo.shopkeeping import Shopkeeper, pays
from loyalty.demo.shopping import AIRLINE
from loyalty.demo.summary import rejects_summary, summary
from loyalty.demo.welcome import (
    as_they_are_now,
    employ,
    guests,
    keys,
    leavers,
    welcome,
)
from loyalty.demo.writing import Plan, Script, write
from loyalty.embedded import EmbeddedDatabaseFailed, EmbeddedServer
from loyalty.errors import Refused
from loyalty.keyring import Keyring
from loyalty.settings import Settings
from loyalty.staff.rules import Permission

MARKER = ".jifen-demo"  # what lies beside it may be wiped by the next demo
HOST = "127.0.0.1"

_TABLES = text(
    """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.objid = c.oid AND d.deptype = 'e')
    """
)


class NotTheDemosFolder(Refused):
    """The folder holds something that no demo has written."""

    code = "not_the_demos_folder"

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder=folder)


class DemoRunning(Refused):
    """Another demo is still using the folder."""

    code = "demo_running"

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder=folder)


class DatabaseNotEmpty(Refused):
    """A demo plays in an empty database only, and JIFEN_DATABASE_URL names another."""

    code = "database_not_empty"

    def __init__(self, *, tables: int) -> None:
        super().__init__(tables=tables)


@click.command()
@click.option(
    "--members", default=20_000, show_default=True, type=click.IntRange(10, 2_000_000)
)
@click.option("--months", default=3, show_default=True, type=click.IntRange(1, 24))
@click.option(
    "--start", default="2007-10", show_default=True, metavar=METAVAR, type=month
)
@click.option(
    "--merchants", default=300, show_default=True, type=click.IntRange(1, 9999)
)
@click.option("--seed", default=2007, show_default=True, type=click.IntRange(0))
@click.option(
    "--files",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write the feed files.  [default: in the demo's own folder]",
)
@click.option("--no-serve", is_flag=True, help="Stop after the summary.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535))
@needs(Permission.OPERATE)
def demo(
    *,
    members: int,
    months: int,
    start: date,
    merchants: int,
    seed: int,
    files: Path | None,
    no_serve: bool,
    port: int,
) -> None:
    """Play a made-up alliance month by month, sum it up, and serve it."""
    if not no_serve:
        claim(HOST, port)
    settings = Settings.from_environment()
    if settings.database_url is not None:
        _refuse_what_is_used(settings)
    folder = settings.data_dir / "demo"
    _make_fresh(folder)
    # The commands that are played read their settings where all commands do.
    os.environ["JIFEN_DATA_DIR"] = str(folder)
    directory = files or folder / "files"
    if files is not None:
        _make_fresh(files)
    address = f"http://{HOST}:{port}"
    with Database.open(replace(settings, data_dir=folder)) as database:
        plan = Plan(members, start, months, merchants, seed)
        script = _write(directory, plan)
        played = play(script, database=database, run=_run, say=click.echo)
        click.echo(f"\n{summary(played)}\n")
        click.echo(f"{rejects_summary(rejects(database))}\n")
        hook = None if no_serve else f"{address}/hooks/stripe"
        with (
            stripe(webhook_url=hook) as twin,
            partners(folder, site=None if no_serve else address) as alliance,
        ):
            told = _live(database, plan, address, twin, alliance)
            click.echo(_run("ledger", "prove").strip())
            click.echo(f"feed files and rejects: {directory}")
            if not no_serve:
                click.echo(f"\n{told}\n")
                _main("serve", "--host", HOST, "--port", str(port))


def _write(directory: Path, plan: Plan) -> Script:
    click.echo(f"writing {plan.members:,} members, {plan.months} months", nl=False)
    began = time.perf_counter()
    script = write(directory, plan)
    click.echo(f": {time.perf_counter() - began:.1f} s")
    return script


def _live(
    database: Database,
    plan: Plan,
    address: str,
    twin: StripeTwin | None,
    alliance: Mapping[str, str],
) -> str:
    """Let the shop live for two weeks; return what a visitor wants to know."""
    today = month_after(plan.first_month, plan.months) + timedelta(days=DAYS)
    # From here on the programme lives there: its points are good, its month is open.
    os.environ["JIFEN_CLOCK_DAYS_BACK"] = str((wall().date() - today).days)
    if twin is not None:
        os.environ.update(twin.environment)
    settings = Settings.from_environment()
    keyring, shared = Keyring.open(settings), keys()
    connections = Connections.open(settings)
    keeper = Shopkeeper(
        database,
        connections,
        keyring,
        today=today,
        seed=plan.seed,
        address=address,
    )
    began = time.perf_counter()
    with database.unit_of_work() as session:
        staff = employ(session, shared=shared, keyring=keyring, at=now())
    keeper.open(clerk=staff["lin.dan"], maker=staff["chen.jing"])
    lived = keeper.live(None if twin is None else pays)
    states = ", ".join(f"{n} {name}" for name, n in sorted(lived.by_state.items()))
    click.echo(
        f"the shop lived for {DAYS} days: {lived.orders} orders ({states}); cards paid"
        f" {lived.paid_fen // 100:,}.{lived.paid_fen % 100:02d} yuan through Stripe's"
        f" twin: {time.perf_counter() - began:.1f} s"
        if twin is not None
        else f"the shop lived for {DAYS} days: {lived.orders} orders ({states});"
        " localstripe is not installed, so nobody paid by card"
    )
    with database.unit_of_work() as session:
        members = guests(session)
        agree(
            session,
            maker=staff["huang.wei"],
            checker=staff["wu.min"],
            at=now() - timedelta(days=DAYS),
        )
    played = let_play(
        database,
        keyring,
        guests=[guest.member_id for guest in members],
        actor=f"staff:{staff['guan.tian']}",
        at=now(),
    )
    click.echo(f"{played.memberships} memberships of clubs are under way")
    click.echo(
        f"{played.places} places are booked at the table-tennis hall and"
        f" {played.waiting} wait for one; {played.players} play in a tournament"
    )
    with database.unit_of_work() as session:
        by_hand = adjust(
            session,
            staff=staff,
            members=[guest.member_id for guest in members],
            keyring=keyring,
            at=now(),
        )
    click.echo(
        f"points were changed by hand {by_hand.changed} times, by two people each;"
        f" {by_hand.waiting} requests wait for somebody to agree"
    )
    for guest in members:
        take_in(alliance[AIRLINE], guest, guest.flyer)
    # One who is suspended may have more, but can spend nothing.
    flyer = max(members[:3], key=lambda guest: guest.points)
    flown = fly(
        database,
        connections,
        keyring,
        guest=flyer,
        number=flyer.flyer,
        at=now() - timedelta(days=4),
    )
    click.echo(
        f"an exchange of {flown.units_out:,} points for {flown.units_in:,} miles is"
        f" {flown.state}, at an airline that answers over HTTP"
    )
    if twin is not None:
        cashed = cash(
            database,
            connections,
            guests=[guest.member_id for guest in members[:4]],
            payer=pays,
            address=twin.address,
            site=address,
            at=now(),
        )
        click.echo(
            f"{cashed.bought:,} points were bought by card; of {cashed.movements}"
            f" movements at Stripe's twin, paid out, {cashed.differences} differs"
        )
    left = end_what_is_left(
        database,
        connections,
        keyring,
        alliance=alliance,
        messages=settings.data_dir / "told.jsonl",
        at=now(),
    )
    click.echo(f"who left the network: {left}")
    accounted = account_for(
        database,
        Team(maker=staff["huang.wei"], checker=staff["wu.min"]),
        folder=settings.data_dir / "told",
        period=month_after(plan.first_month, plan.months - 1),
        at=now(),
    )
    click.echo(f"finance: {accounted}")
    with database.unit_of_work() as session:
        members = as_they_are_now(session, members) + leavers(session, today=today)
    return welcome(address, members, shared, takes_cards=twin is not None)


def _run(*arguments: str) -> str:
    """Run a command as the shell would; return what it printed."""
    printed = StringIO()
    with redirect_stdout(printed):
        _main(*arguments)
    return printed.getvalue()


def _main(*arguments: str) -> None:
    root = click.get_current_context().find_root().command
    code = root.main(list(arguments), prog_name="jifen", standalone_mode=False)
    if code:
        raise click.ClickException(f"jifen {' '.join(arguments)} ended with {code}")


def _refuse_what_is_used(settings: Settings) -> None:
    """Refuse a database that anything is in: it may be somebody's own."""
    with Database.open(settings) as database, database.engine.connect() as connection:
        tables = connection.execute(_TABLES).scalar_one()
    if tables:
        raise DatabaseNotEmpty(tables=tables)


def _make_fresh(folder: Path) -> None:
    """Make an empty folder with our mark; wipe one only if it bears the mark."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise NotTheDemosFolder(folder=folder)
        _refuse_what_runs(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def _refuse_what_runs(folder: Path) -> None:
    """Refuse a folder whose database somebody uses; stop one that nobody does."""
    users = folder / "users.lock"
    if not users.exists():
        return
    with users.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoRunning(folder=folder) from error
    if (folder / "postgresql" / "postmaster.pid").exists():
        # A demo that was killed has left its server behind.
        server = EmbeddedServer(folder)
        with suppress(EmbeddedDatabaseFailed):
            server.start()
        server.stop()

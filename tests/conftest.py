"""What every test may ask for: a database, a session, the command line."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Entry, Lot, Posted, Scope, Transfer
from loyalty.database import Database, embedded_url
from loyalty.embedded import EmbeddedServer
from loyalty.migrate import migrate
from tests.sandboxes import Sandbox, running_stripe

TEMPLATE = "jifen_template"


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One embedded server per worker, gone with it."""
    # Not pytest's own folder, which is closed to the server's system user.
    data_dir = Path(tempfile.mkdtemp(prefix="jifen-test-"))
    data_dir.chmod(0o755)
    server = EmbeddedServer(data_dir)
    try:
        server.start()
        # Tests end processes, never the machine: nothing has to outlive a power cut.
        set_fsync(server, "off")
        yield server
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated database that nobody is connected to, to copy."""
    _statement(server, f"CREATE DATABASE {TEMPLATE}")
    with Database(embedded_url(server, TEMPLATE)) as database:
        migrate(database)
    return TEMPLATE


@pytest.fixture(scope="session")
def database(server: EmbeddedServer, template: str) -> Iterator[Database]:
    """A migrated database that tests share, and in which none may commit."""
    with _copy(server, template) as database:
        yield database


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose commits stay inside a transaction that is rolled back."""
    with database.engine.connect() as connection:
        transaction = connection.begin()
        with Session(
            connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        ) as session:
            yield session
        transaction.rollback()


@pytest.fixture
def fresh_database(server: EmbeddedServer, template: str) -> Iterator[Database]:
    """A migrated database of one's own, for tests that commit."""
    with _copy(server, template) as database:
        yield database


@pytest.fixture
def empty_database(server: EmbeddedServer) -> Iterator[Database]:
    """A database of one's own that nobody has migrated."""
    with _copy(server, "template1") as database:
        yield database


@pytest.fixture(scope="session")
def run_jifen() -> Callable[..., Result]:
    """Run `jifen` with the settings given as keywords, and no others."""
    return _run_jifen


@pytest.fixture
def cli(fresh_database: Database) -> Callable[..., Result]:
    """Run `jifen` on the fresh database, as a person would at a terminal."""
    return lambda *arguments, **environment: _run_jifen(
        *arguments,
        JIFEN_DATABASE_URL=fresh_database.dsn,
        **environment,
    )


def _run_jifen(*arguments: object, **environment: str) -> Result:
    """Run `jifen` in a process of its own, with nothing of Jifen's set but this."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
    done = subprocess.run(
        [sys.executable, "-c", "from loyalty.cli import main; main()"]
        + [str(argument) for argument in arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=inherited | environment,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextmanager
def _copy(server: EmbeddedServer, template: str) -> Iterator[Database]:
    """Give a copy of a database on the server, dropped at the end."""
    name = f"t_{uuid4().hex}"
    _statement(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        with Database(embedded_url(server, name)) as database:
            yield database
    finally:
        _statement(server, f"DROP DATABASE {name} WITH (FORCE)")


def set_fsync(server: EmbeddedServer, state: str) -> None:
    """Have a server wait for its disk, or not; it does when this returns."""
    _statement(server, f"ALTER SYSTEM SET fsync = {state}")
    _statement(server, "SELECT pg_reload_conf()")
    with Database(embedded_url(server)) as maintenance:
        for _ in range(1_000):
            with maintenance.owner_engine.connect() as connection:
                if connection.scalar(text("SHOW fsync")) == state:
                    return
            time.sleep(0.01)
    raise AssertionError("the server did not read its settings again")


def _statement(server: EmbeddedServer, statement: str) -> None:
    """Execute what may not run inside a transaction."""
    with Database(embedded_url(server)) as maintenance:
        engine = maintenance.owner_engine.execution_options(
            isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture
def random_books(session: Session) -> Callable[[int], list[int]]:
    """Keep books of a few members at random, late facts included, in 2026."""
    return lambda seed: _keep_books(session, random.Random(seed))  # noqa: S311 - games


def _keep_books(session: Session, chance: random.Random) -> list[int]:
    book = Book(session)
    members = [7, 8, 9]
    book.open(members, opened_on=date(2026, 1, 1))
    posted: dict[str, list[tuple[int, Posted]]] = {}
    for number in range(400):
        member = chance.choice(members)
        kind = chance.choice(
            ["opening", "bill_accrual", "bill_release", "bill_bounce", "bill_cancel"]
            + ["activity_accrual"] * 6
            + ["redemption", "hold", "capture"] * 3
            + ["activity_refund", "redemption_reversal", "release", "expiry"]
            + ["churn_void", "reinstatement", "late_refund"]
        )
        undone = {
            "redemption_reversal": "redemption",
            "release": "hold",
            "capture": "hold",
            "reinstatement": "churn_void",
            "late_refund": "churn_void",
        }.get(kind)
        reverses = None
        if undone is not None:
            if not posted.get(undone):
                continue
            member, original = chance.choice(posted[undone])
            reverses = original.id
        # Facts come in any order: a day may lie long before the last one.
        day = date(2026, 2, 1) + timedelta(days=chance.randrange(100))
        (answer,) = book.post_many(
            [
                Entry(
                    member_id=member,
                    reference=f"random:{number}",
                    kind={"late_refund": "activity_refund"}.get(kind, kind),
                    transfers=_random_transfers(kind, chance),
                    effective_on=day,
                    occurred_at=datetime.now(UTC),
                    actor="test",
                    reverses=reverses,
                )
            ]
        )
        if isinstance(answer, Posted):
            posted.setdefault(kind, []).append((member, answer))
    assert len(posted) == 16, f"some kind was never posted: {sorted(posted)}"
    assert book.prove() == []
    return members


def _random_transfers(kind: str, chance: random.Random) -> tuple[Transfer, ...]:
    issuer = chance.choice(["CEB", "bank of 广东", "TT-CLUB"])
    unit = (chance.choice(["CUP", "UNI"]),)
    amount = chance.randrange(1, 500)
    lot = Lot(
        issuer,
        issuer,
        "standard",
        date(2026, chance.randrange(1, 4), 1),
        chance.choice([date(2026, 3, 31), date(2026, 12, 31), None]),
    )
    partner = f"issued.partner:{issuer}"
    scope = chance.choice([Scope.LOTS, None])
    to = chance.choice(["redeemed.product", "redeemed.merchant:TT club"])
    back = (Transfer(None, None, None, chance.choice([amount, None])),)
    void = "voided.churn"
    possible = {
        "opening": (Transfer(partner, "available", unit, amount, lot),),
        "bill_accrual": (Transfer("issued", "pending", unit, amount),),
        "bill_release": (Transfer("pending", "available", unit, amount, lot),),
        "bill_bounce": (Transfer("available", "pending", unit, amount),),
        "bill_cancel": (Transfer("pending", "issued", unit, amount),),
        "activity_accrual": (Transfer(partner, "available", unit, amount, lot),),
        "activity_refund": (Transfer("available", partner, unit, amount, lot),),
        "late_refund": (Transfer(void, partner, unit, amount, scope=scope),),
        "redemption": (Transfer("available", to, ("CUP", "UNI"), amount),),
        "redemption_reversal": back,
        "hold": (Transfer("available", "held", unit, amount),),
        "capture": (Transfer("held", "redeemed.service", None, None),),
        "release": back,
        "expiry": (Transfer("available", "expired", unit, None, lot, Scope.EXPIRED),),
        "churn_void": (
            Transfer("available", void, unit, None),
            Transfer("pending", void, unit, None),
        ),
        "reinstatement": back,
    }
    return possible[kind]


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """One sandbox of Stripe per worker."""
    with running_stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe_sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox of Stripe that behaves, and is told to again afterwards."""
    running_sandbox.behave()
    yield running_sandbox
    running_sandbox.behave()

"""Databases to measure in: made for it, and gone afterwards.

Without JIFEN_DATABASE_URL an embedded server of its own is started; else scratch
databases are made on the server that the variable names.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ledger.book import Book
from loyalty.bench.errors import BooksUnproved, NotDurable
from loyalty.database import Database, embedded_url
from loyalty.embedded import EmbeddedServer
from loyalty.migrate import migrate
from loyalty.settings import Settings

# What a confirmed posting rests on. Some waiting for a replica is more, not less.
DURABLE = {
    "fsync": {"on"},
    "synchronous_commit": {"on", "remote_apply"},
    "full_page_writes": {"on"},
}


@dataclass(frozen=True, slots=True)
class Scratch:
    """A server on which scratch databases can be made."""

    url: URL
    owner_url: URL
    bin_dir: Path | None  # None: not ours, look in PATH
    version: str

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[Database]:
        """Give a copy of a template that nobody is connected to."""
        name = f"jifen_bench_{uuid4().hex}"
        _statement(self.owner_url, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            with Database(
                self.url.set(database=name), owner_url=self.owner_url.set(database=name)
            ) as database:
                yield database
        finally:
            _statement(self.owner_url, f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def migrated(self) -> Iterator[Database]:
        """Give a migrated database."""
        with self.database() as database:
            migrate(database)
            yield database


@contextmanager
def scratch(settings: Settings) -> Iterator[Scratch]:
    """Give a server to measure on, whose durability is beyond doubt."""
    if settings.database_url is not None:
        with Database.open(settings) as database:
            yield Scratch(
                database.engine.url, database.owner_engine.url, None, _checked(database)
            )
        return
    # Where the server's system user can reach it, whoever we are.
    data_dir = Path(tempfile.mkdtemp(prefix="jifen-bench-"))
    data_dir.chmod(0o755)
    server = EmbeddedServer(data_dir)
    try:
        server.start()
        url = embedded_url(server)
        with Database(url) as database:
            version = _checked(database)
        yield Scratch(url, url, server.bin_dir, version)
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)


def settle(database: Database) -> None:
    """Write out what earlier work has left, so that it is not measured with ours."""
    engine = database.owner_engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, suppress(DBAPIError):  # for some only
        connection.execute(text("CHECKPOINT"))


def prove(database: Database) -> None:
    """Raise `BooksUnproved` unless the books prove."""
    with database.unit_of_work() as session:
        findings = Book(session).prove()
    if findings:
        raise BooksUnproved(findings=len(findings), first=str(findings[0]))


def _checked(database: Database) -> str:
    """Return the version of a server that keeps what it confirms."""
    for engine in (database.engine, database.owner_engine):
        with engine.connect() as connection:
            for setting, values in DURABLE.items():
                value = str(connection.scalar(text(f"SHOW {setting}")))
                if value not in values:
                    raise NotDurable(setting=setting, value=value)
            version = str(connection.scalar(text("SHOW server_version")))
    return version


def _statement(url: URL, statement: str) -> None:
    """Execute what may not run inside a transaction."""
    with Database(url) as maintenance:
        engine = maintenance.owner_engine.execution_options(
            isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(statement))

"""The database: where it is, who we are there, and units of work."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import psycopg
from sqlalchemy import DateTime, MetaData, Text, create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from loyalty.embedded import DATABASE, SUPERUSER, EmbeddedServer
from loyalty.errors import Refused, Unavailable
from loyalty.settings import TIME_ZONE_NAME, Settings

T = TypeVar("T")

APPLICATION_ROLE = "jifen_app"
_DRIVER = "postgresql+psycopg"
_ATTEMPTS_MAX = 6
_BACK_OFF_SECONDS = 0.02
_BACK_OFF_SECONDS_MAX = 2.0

# What another try may cure. Everything else is deterministic, and flies at once.
_TRANSIENT = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
        "57P01",  # the server is shutting down
        "57P02",  # the server crashed
        "57P03",  # the server is starting
    }
)
_CONNECTION_CLASS = "08"

# The role is taken by a query, so that an installation without it works as well.
_GREETING = f"""
SELECT set_config('TimeZone', '{TIME_ZONE_NAME}', false),
       set_config('jit', 'off', false),
       (SELECT set_config('role', rolname, false)
          FROM pg_roles
         WHERE rolname = '{APPLICATION_ROLE}'
           AND pg_has_role(session_user, oid, 'MEMBER'))
"""
_OWNER_GREETING = f"SELECT set_config('TimeZone', '{TIME_ZONE_NAME}', false)"


class Base(DeclarativeBase):
    """Every table of the programme; the ledger kernel keeps its own."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
    }


class BadDatabaseURL(Refused):
    """The database address cannot be understood."""

    code = "bad_database_url"

    def __init__(self, *, variable: str) -> None:
        super().__init__(variable=variable)


class DatabaseSilent(Unavailable):
    """The database does not answer."""

    code = "database_silent"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class Database:
    """An open database: connections of the application, and of the schema's owner."""

    def __init__(
        self,
        url: URL,
        *,
        owner_url: URL | None = None,
        server: EmbeddedServer | None = None,
    ) -> None:
        self.server = server
        self.engine = self._engine(url, greeting=_GREETING)
        self.owner_engine = self._engine(owner_url or url, greeting=_OWNER_GREETING)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the database of the settings, starting the embedded one if none is."""
        if settings.database_url is not None:
            url = _parsed(settings.database_url, variable="JIFEN_DATABASE_URL")
            owner_url = url
            if settings.owner_database_url is not None:
                owner_url = _parsed(
                    settings.owner_database_url, variable="JIFEN_OWNER_DATABASE_URL"
                )
            return cls(url, owner_url=owner_url)
        server = EmbeddedServer(settings.data_dir)
        server.start()
        return cls(embedded_url(server), server=server)

    @property
    def is_embedded(self) -> bool:
        """Whether the server is our own, and stops when its last user leaves."""
        return self.server is not None

    @property
    def bin_dir(self) -> Path | None:
        """Where psql and pgbench are; None: the server is not ours, look in PATH."""
        return self.server.bin_dir if self.server is not None else None

    @property
    def dsn(self) -> str:
        """The address as libpq's programs and psycopg want it, password included."""
        return libpq_dsn(self.engine.url)

    @property
    def owner_dsn(self) -> str:
        """The owner's address as libpq's programs want it, password included."""
        return libpq_dsn(self.owner_engine.url)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """Give a session whose work is committed at the end, or not done at all."""
        with self._sessions.begin() as session:
            yield session

    def check(self) -> None:
        """Make sure that the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise DatabaseSilent(reason=first_line(error)) from error

    def close(self) -> None:
        """Close all connections, and let go of the embedded server."""
        self.engine.dispose()
        self.owner_engine.dispose()
        if self.server is not None:
            self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _engine(self, url: URL, *, greeting: str) -> Engine:
        engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)

        @event.listens_for(engine, "connect")
        def _greet(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            cursor = connection.cursor()
            cursor.execute(greeting)
            cursor.close()
            connection.commit()

        @event.listens_for(engine, "do_connect")
        def _connect(
            dialect: Dialect,
            _: ConnectionPoolEntry,
            arguments: tuple[Any, ...],
            keywords: dict[str, Any],
        ) -> DBAPIConnection:
            try:
                return dialect.connect(*arguments, **keywords)
            except psycopg.OperationalError:
                # An embedded server that was killed has nobody but us to wake it.
                if self.server is None:
                    raise
                self.server.ensure_running()
                return dialect.connect(*arguments, **keywords)

        return engine


def retrying(
    database: Database,
    work: Callable[[Session], T],
    *,
    attempts_max: int = _ATTEMPTS_MAX,
) -> T:
    """Do the work in a unit of work, again if what failed was passing.

    The work may run several times, and a connection lost during the commit leaves
    open whether it was done: it must be safe to repeat, as postings are by their
    references. After the last attempt the error flies.
    """
    for attempt in range(1, attempts_max):
        try:
            with database.unit_of_work() as session:
                return work(session)
        except (DBAPIError, psycopg.Error) as error:
            if not is_transient(error):
                raise
        pause = min(_BACK_OFF_SECONDS * 2**attempt, _BACK_OFF_SECONDS_MAX)
        # Chance keeps two rivals from meeting again at once; no secret is made.
        time.sleep(pause * (0.5 + random.random()))  # noqa: S311
    with database.unit_of_work() as session:
        return work(session)


def is_transient(error: BaseException) -> bool:
    """Tell whether another try may succeed where this one failed."""
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:  # no answer at all: the connection failed or broke
        return isinstance(cause, psycopg.OperationalError)
    return cause.sqlstate in _TRANSIENT or cause.sqlstate.startswith(_CONNECTION_CLASS)


def embedded_url(server: EmbeddedServer, database: str = DATABASE) -> URL:
    """Return the address of a database on an embedded server."""
    return URL.create(
        _DRIVER,
        username=SUPERUSER,
        database=database,
        query={"host": str(server.socket_dir)},
    )


def libpq_dsn(url: URL) -> str:
    """Return an address as libpq's programs understand it, password included."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def first_line(error: DBAPIError | psycopg.Error) -> str:
    """Return what the database said, without statement and parameters."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().split("\n", maxsplit=1)[0]


def _parsed(address: str, *, variable: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise BadDatabaseURL(variable=variable) from error
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise BadDatabaseURL(variable=variable)
    return url.set(drivername=_DRIVER)

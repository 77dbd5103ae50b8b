"""A programme that is worked on by commands in processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import TextClause, text

from loyalty.database import Database

DEADLINE_SECONDS = 60
IS_WAITING = text(
    """
    SELECT count(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
     WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted
    """
)
IS_WORKING = text(
    """
    SELECT count(*) > 0 FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND state <> 'idle'
    """
)


class Installation:
    """A programme on a database, worked on by commands in processes of their own."""

    def __init__(self, database: Database, **settings: str) -> None:
        self.database = database
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
        self._environment = inherited | settings

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        program = "from loyalty.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def run(self, *arguments: object) -> str:
        """Run a command that succeeds without a word on stderr."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=300)
        assert (process.returncode, stderr) == (0, "")
        return stdout


class Held(Installation):
    """An installation whose commands can be held at the database, and killed there.

    Triggers of the test wait for `hashtext` of what is about to be written.
    """

    def wait_until(
        self, what: Callable[[], object], process: subprocess.Popen[str] | None = None
    ) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not what():
            assert time.monotonic() < deadline
            assert process is None or process.poll() is None, process.communicate()
            time.sleep(0.005)

    def asks(self, question: TextClause) -> bool:
        with self.database.engine.connect() as connection:
            return bool(connection.scalar(question))

    @contextmanager
    def held(self, what: str) -> Iterator[None]:
        """Hold whoever is about to write something."""
        with self.database.engine.connect() as connection:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": what}
            )
            yield
            connection.rollback()

"""Loads whose process, database or both are killed, and that are loaded again."""

import json
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from loyalty.database import Database
from loyalty.demo.files import write_feed
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load
from loyalty.settings import Settings
from tests.journeys.conftest import PARTNERS, line_of
from tests.journeys.installation import Installation

MEMBERS, LINES = 1_000, 3_000
SEED = 2007
# The files in their order; who is killed while each of them is loaded.
ROUNDS = {
    ("bills", 1): "load",
    ("payments", 1): "server",
    ("bills", 2): "server",
    ("payments", 2): "both",
    ("bills", 3): "both",
    ("payments", 3): "load",
}
IS_LOADING = text(
    """
    SELECT count(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
     WHERE d.datname = current_database() AND l.locktype = 'advisory'
    """
)


@pytest.fixture
def data_dir():
    """A data folder that the server's system user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="jifen-kills-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def written(directory):
    """Write the files: of each hundred lines one is unknown, one said twice."""
    numbers = [f"133{n:08d}" for n in range(MEMBERS)]
    rows: dict[tuple[str, int], Sequence[tuple[object, ...]]] = {
        ("partners", 1): list(PARTNERS),
        ("subscribers", 1): [
            line_of(f"M-{number}", number, brand="worldwind") for number in numbers
        ],
    }
    for sequence in (1, 2, 3):
        refs = [f"{sequence}-{n}" for n in range(LINES)]
        bills = [
            (ref, numbers[n % MEMBERS], "2007-10", "2007-10-05", "2007-10-25", "80.00")
            for n, ref in enumerate(refs)
        ]
        payments = [
            (f"P-{ref}", ref, "2007-10-20", "80.00" if n % 3 else "79.99")
            for n, ref in enumerate(refs)
        ]
        for n in range(0, LINES, 100):
            bills[n] = (f"U-{n}", "13999999999", *bills[n][2:])
            bills[n + 1] = bills[n + 2]
            payments[n + 3] = payments[n + 4]
        rows["bills", sequence], rows["payments", sequence] = bills, payments
    return {key: write_feed(directory, *key, lines) for key, lines in rows.items()}


class Loads(Installation):
    """An installation whose loads can be watched."""

    def loading(self, feed: str, path: Path) -> subprocess.Popen[str]:
        """Start to load a file, and wait until it is under way, or over."""
        process = self.start("load", feed, path)
        deadline = time.monotonic() + 120
        with self.database.engine.connect() as connection:
            while not connection.scalar(IS_LOADING) and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
        return process

    def report(self) -> object:
        return json.loads(self.run("report", "month", "--period", "2007-10", "--json"))


@pytest.fixture
def undisturbed(fresh_database, tmp_path):
    """Load all files in peace; give them, and what was answered and how fast."""
    files = written(tmp_path)
    installation = Loads(fresh_database, JIFEN_DATABASE_URL=fresh_database.dsn)
    installation.run("init")
    answers, seconds = {}, {}
    for key, path in files.items():
        began = time.monotonic()
        answers[key] = str(load(fresh_database, FEEDS[key[0]], path))
        seconds[key] = time.monotonic() - began
    return files, answers, seconds, installation.report()


@pytest.fixture
def embedded(data_dir):
    """An installation on an embedded database of its own."""
    with Database.open(Settings(data_dir=data_dir)) as database:
        yield Loads(database, JIFEN_DATA_DIR=str(data_dir))


def kill_server(data_dir):
    """Kill the database server and all its processes at once."""
    pid_file = data_dir / "postgresql" / "postmaster.pid"
    server = psutil.Process(int(pid_file.read_text().split()[0]))
    server.suspend()  # so that it makes no more of them
    for process in [*server.children(), server]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_what_was_killed_is_completed_exactly_once(undisturbed, embedded, data_dir):
    files, answers, seconds, report = undisturbed
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    embedded.run("init")
    completed = []

    for (feed, sequence), path in files.items():
        victims = ROUNDS.get((feed, sequence))
        if victims is not None:
            process = embedded.loading(feed, path)
            time.sleep(chance.uniform(0, seconds[feed, sequence]))
            if victims in {"load", "both"}:
                process.kill()
            if victims in {"server", "both"}:
                kill_server(data_dir)
            _, stderr = process.communicate(timeout=300)
            if process.returncode == 1:
                assert re.fullmatch(r"jifen: .+\n", stderr), stderr
            completed.append(process.returncode == 0)
            embedded.database.engine.dispose()

        answer = answers[feed, sequence]
        assert embedded.run("load", feed, path) == f"{answer}\n"
        assert str(load(embedded.database, FEEDS[feed], path)) == answer

    assert not all(completed)
    assert embedded.run("ledger", "prove") == "the books are proved\n"
    assert embedded.report() == report

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from loyalty.database import Database
from loyalty.embedded import EmbeddedDatabaseFailed, EmbeddedServer
from loyalty.settings import Settings


@pytest.fixture
def data_dir():
    """A data folder that the server's system user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="jifen-embedded-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def embedded(data_dir):
    """An embedded database with one row to lose."""
    with Database.open(Settings(data_dir=data_dir)) as database:
        with database.owner_engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept (n int)"))
            connection.execute(text("INSERT INTO kept VALUES (42)"))
        yield database


def kept(database: Database) -> object:
    with database.engine.connect() as connection:
        return connection.scalar(text("SELECT n FROM kept"))


def postmaster(data_dir: Path) -> int:
    pid_file = data_dir / "postgresql" / "postmaster.pid"
    return int(pid_file.read_text().split()[0])


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_killed_server_comes_back_with_what_was_committed(embedded, data_dir):
    assert kept(embedded) == 42

    os.kill(postmaster(data_dir), signal.SIGKILL)

    embedded.engine.dispose()
    assert kept(embedded) == 42


def test_a_stale_pid_file_that_names_a_stranger_does_not_hinder(data_dir):
    with Database.open(Settings(data_dir=data_dir)):
        pass
    pid_file = data_dir / "postgresql" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{data_dir}\n")

    with Database.open(Settings(data_dir=data_dir)) as database:
        database.check()


def test_a_cluster_that_was_half_made_is_made_anew(data_dir):
    half = data_dir / "postgresql.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with Database.open(Settings(data_dir=data_dir)) as database:
        database.check()


def test_the_server_stays_until_the_last_user_leaves(embedded, data_dir):
    pid = postmaster(data_dir)
    second = Database.open(Settings(data_dir=data_dir))

    second.close()

    assert is_alive(pid)
    assert kept(embedded) == 42
    embedded.close()
    assert not is_alive(pid)


def test_a_killed_user_does_not_keep_the_server_for_ever(data_dir):
    program = (
        "import sys, time; from pathlib import Path;"
        "from loyalty.database import Database; from loyalty.settings import Settings;"
        f"d = Database.open(Settings(data_dir=Path({str(data_dir)!r})));"
        "print('open', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"open\n"
        user.kill()

    pid = postmaster(data_dir)
    assert is_alive(pid)
    with Database.open(Settings(data_dir=data_dir)) as database:
        database.check()
    assert not is_alive(pid)


def test_durability_is_never_traded_for_speed(embedded):
    with embedded.engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.scalar(text(f"SHOW {setting}")) == "on"
        assert connection.scalar(text("SHOW wal_level")) == "replica"
        assert connection.scalar(text("SHOW listen_addresses")) == ""


def test_a_long_path_gets_its_socket_elsewhere(data_dir):
    deep = data_dir / ("d" * 90) / "jifen"

    with Database.open(Settings(data_dir=deep)) as database:
        database.check()
        assert database.server is not None
        assert database.server.socket_dir != database.server.cluster_dir
        socket_dir = database.server.socket_dir
    shutil.rmtree(socket_dir)


def test_a_folder_that_cannot_be_made_is_one_clear_error(data_dir):
    occupied = data_dir / "file"
    occupied.write_text("in the way")

    with pytest.raises(EmbeddedDatabaseFailed):
        EmbeddedServer(occupied / "data").start()

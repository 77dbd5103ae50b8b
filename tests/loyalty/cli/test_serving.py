"""The web server as a process: what is left of it when it is killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from loyalty.database import Database
from loyalty.settings import Settings

PATIENCE_SECONDS = 60


@pytest.fixture
def data_dir():
    """A data folder that the server's system user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="jifen-serving-"))
    folder.chmod(0o755)
    yield folder
    # The database server outlives users that were killed; the next one stops it.
    with Database.open(Settings(data_dir=folder)):
        pass
    shutil.rmtree(folder)


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number: int = taken.getsockname()[1]
    return number


@pytest.fixture
def serving(data_dir, port):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
    program = "from loyalty.cli import main; main()"
    options = ("--port", str(port), "--workers", "2")
    with subprocess.Popen(
        [sys.executable, "-c", program, "serve", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=inherited | {"JIFEN_DATA_DIR": str(data_dir)},
    ) as process:
        try:
            wait_until(lambda: answers(port))
            yield process
        finally:
            process.kill()


def answers(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers_of(process):
    return [
        child
        for child in psutil.Process(process.pid).children()
        if child.name() != "postgres"
    ]


def is_gone(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_the_workers_end_with_their_server(serving, port, ended_by):
    workers = workers_of(serving)
    assert len(workers) >= 2

    serving.send_signal(ended_by)
    serving.wait(timeout=PATIENCE_SECONDS)

    wait_until(lambda: all(is_gone(worker) for worker in workers))
    assert not answers(port)
    # Nobody holds the port any more.
    socket.create_server(("127.0.0.1", port)).close()

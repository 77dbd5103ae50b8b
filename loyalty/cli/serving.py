"""Commands that keep running and serve."""

import multiprocessing
import os
import signal
import socket
import time
from importlib import import_module
from threading import Thread
from typing import Any

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.staff.rules import Permission

# Per worker. They wait for the database more than they compute, but more of them
# than this only stand in each other's way.
THREADS = 2 * (os.cpu_count() or 1) + 1
WATCH_SECONDS = 0.5
GRACE_SECONDS = 10  # for requests under way when the server ends or is killed


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@needs(Permission.OPERATE)
@with_database
def serve(database: Database, host: str, port: int, workers: int) -> None:
    """Serve the web, until interrupted."""
    # Held here for as long as the workers run, which open it again on their own.
    database.check()
    claim(host, port)
    click.echo(f"serving on http://{host}:{port}/")
    Granian(
        "wsgi:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=THREADS * 4,
        workers_kill_timeout=GRACE_SECONDS,
        log_level=LogLevels.warning,
        websockets=False,
    ).serve(target_loader=load_watched)


def load_watched(target: str) -> Any:
    """Load the application in a worker, which ends when its server is killed.

    Nobody else would end it, and it would hold the port and the data folder.
    """
    server = multiprocessing.parent_process()
    assert server is not None, "only workers load the application"
    Thread(target=_end_after, args=[server.pid], daemon=True).start()
    module, name = target.split(":")
    return getattr(import_module(module), name)


def _end_after(server_pid: int | None) -> None:
    while os.getppid() == server_pid:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def claim(host: str, port: int) -> None:
    """Fail in one line, rather than in each worker, if the port is taken."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}"
        ) from error

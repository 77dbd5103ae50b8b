"""localstripe as a process of its own: a stateful Stripe that is ours alone.

It runs on loopback and keeps everything in memory; left to itself it would listen
everywhere and write what it knows, card numbers included, to a file in /tmp.
"""

import importlib.util
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Self

HOST = "127.0.0.1"
START_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 60, 30, 5
WATCH_SECONDS = 0.5
_HANDED_ON = ("Authorization", "Content-Type")


class LocalStripeMissing(Exception):
    """localstripe is not installed: pip install 'jifen[sandbox]'."""


class LocalStripeFailed(Exception):
    """localstripe did not start, or does not answer."""


class LocalStripe:
    """A running localstripe; it ends with us, however we end."""

    def __init__(self) -> None:
        if importlib.util.find_spec("localstripe") is None:
            raise LocalStripeMissing
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for us to pass on
        )
        try:
            self.port = self._told_port()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process, for whoever wants to see it end."""
        return self._process.pid

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Hand a request on; return status and body of the answer.

        Raises `LocalStripeFailed`.
        """
        handed_on = {
            name: value
            for name, value in (headers or {}).items()
            if name.title() in _HANDED_ON
        }
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, handed_on)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            raise LocalStripeFailed(str(error)) from error
        finally:
            connection.close()

    def stop(self) -> None:
        """End the process, gently first."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _told_port(self) -> int:
        """Wait until it listens: it tells its port, or ends."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line.strip().isdigit():
            raise LocalStripeFailed
        return int(line)


def end_with(parent: int) -> None:
    """End this process gently when its parent is gone, in a thread beside."""
    Thread(target=_watch, args=[parent], daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def main(parent: int) -> None:
    """Run localstripe in this process, on a free port that is told on stdout."""
    # Only this process needs them, and they are there in development only.
    from aiohttp import web  # noqa: PLC0415
    from localstripe import resources, server  # noqa: PLC0415

    end_with(parent)
    resources.Store.dump_to_disk = lambda _: None
    with socket.create_server((HOST, 0)) as listening:
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        web.run_app(server.app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))

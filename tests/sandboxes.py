"""Sandboxes of partners as processes of their own, and who listens to them."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

PATIENCE_SECONDS = 60
KEY = "sk_test_of_the_tests"
SECRET = "whsec_of_the_tests"
_OPENER = build_opener(ProxyHandler({}))


class Sandbox:
    """A sandbox of Stripe that is running."""

    def __init__(self, address: str) -> None:
        self.address = address

    def tell(self, what: str, **told: object) -> dict[str, Any]:
        """Make it do something; return its state."""
        request = Request(  # noqa: S310 - our own server
            f"{self.address}/_sandbox/{what}",
            json.dumps(told).encode(),
            {"Content-Type": "application/json"},
        )
        with _OPENER.open(request, timeout=PATIENCE_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def behave(self) -> None:
        """Make it well-behaved again, and tell nobody of anything."""
        self.tell("forget")
        self.tell("balance", forget=True)
        self.tell("webhooks", url=None, secret=None)
        self.tell(
            "faults",
            duplicate=False,
            delay_seconds=0,
            refund_state="succeeded",
            lose_answers=0,
            unavailable=0,
            silent_seconds=0,
        )
        self.tell("release")
        self.tell("clock", ahead_seconds=0)

    def events(self) -> list[str]:
        """The types of all events so far."""
        return [event["type"] for event in self.tell("state")["events"]]


@contextmanager
def running(partner: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `jifen partner-sandbox` for a partner, on a free port."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
    program = (sys.executable, "-c", "from loyalty.cli import main; main()")
    command = ("partner-sandbox", partner, "--port", "0")
    with subprocess.Popen(
        [*program, *command, "--parent", str(os.getpid()), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=inherited,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def last_word(process: "subprocess.Popen[str]") -> str:
    """Return the last word of the next line that a sandbox says."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    assert ready, "the sandbox did not start"
    return process.stdout.readline().split()[-1]


@contextmanager
def running_stripe(*options: str) -> Iterator[Sandbox]:
    """Run a sandbox of Stripe on a free port."""
    with running("stripe", "--webhook-secret", SECRET, *options) as process:
        yield Sandbox(last_word(process))


class Listener:
    """Takes webhooks in, and answers as it is told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []  # the next ones; 200 when there are no more
        self.heard: list[tuple[bytes, str]] = []
        self._changed = Condition()

    def take(self, payload: bytes, signature: str) -> int:
        with self._changed:
            self.heard.append((payload, signature))
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many have come; return the events."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while len(self.heard) < count:
                assert time.monotonic() < deadline, f"only {len(self.heard)} came"
                self._changed.wait(1)
            return [json.loads(payload) for payload, _ in self.heard]


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen for webhooks on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            status = listener.take(payload, self.headers["Stripe-Signature"])
            self.send_response(status)
            if status in range(300, 400):
                self.send_header("Location", listener.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener = Listener(f"http://127.0.0.1:{server.server_address[1]}/hook")
        thread = Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()

"""Run the sandboxes of partners beside the demo, as processes that end with it."""

import importlib.util
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex

from loyalty.errors import Unavailable

START_SECONDS, STOP_SECONDS = 60, 10


class SandboxSilent(Unavailable):
    """A sandbox of the demo did not start."""

    code = "sandbox_silent"

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)


@dataclass(frozen=True, slots=True)
class StripeTwin:
    """A Stripe on loopback, and the settings that lead to it."""

    address: str
    key: str
    webhook_secret: str

    @property
    def environment(self) -> dict[str, str]:
        """What a command must find in its environment to take cards there."""
        return {
            "JIFEN_STRIPE_ADDRESS": self.address,
            "JIFEN_STRIPE_KEY": self.key,
            "JIFEN_STRIPE_WEBHOOK_SECRET": self.webhook_secret,
        }


@contextmanager
def stripe(*, webhook_url: str | None) -> Iterator[StripeTwin | None]:
    """Play Stripe as long as the block runs; None: localstripe is not installed.

    Raises `SandboxSilent`.
    """
    if importlib.util.find_spec("localstripe") is None:
        yield None
        return
    secret = f"whsec_{token_hex(16)}"
    told = [] if webhook_url is None else ["--webhook-url", webhook_url]
    command = (
        *(sys.executable, "-c", "from loyalty.cli import main; main()"),
        *("partner-sandbox", "stripe", "--port", "0", "--parent", str(os.getpid())),
        *("--webhook-secret", secret, *told),
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
            said = process.stdout.readline() if ready else ""
            if not said:
                raise SandboxSilent(name="stripe")
            yield StripeTwin(said.split()[-1], f"sk_test_{token_hex(16)}", secret)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

"""Run the sandboxes of partners beside the demo, as processes that end with it."""

import importlib.util
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.request import ProxyHandler, Request, build_opener

from loyalty.errors import Unavailable

START_SECONDS, STOP_SECONDS, ANSWER_SECONDS = 60, 10, 30
# The partners of the demo that answer over HTTP, and what plays each.
PLAYED = {"MU": "airline", "CEB": "bank", "PINGAN": "insurer", "BOSS": "operator"}
_OPENER = build_opener(ProxyHandler({}))  # on this machine, whatever proxies there are


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
    with _running("stripe", "--webhook-secret", secret, *told) as address:
        yield StripeTwin(address, f"sk_test_{token_hex(16)}", secret)


@contextmanager
def partners(folder: Path, *, site: str | None) -> Iterator[dict[str, str]]:
    """Play the other partners; give their addresses, by code.

    The file of settings that leads to them is written into the folder and named in the
    environment. Raises `SandboxSilent`.
    """
    path = folder / "partners.toml"
    with ExitStack() as stack:
        addresses, tables = {}, []
        for code, name in PLAYED.items():
            secret = token_hex(16)
            told = (
                []
                if site is None
                else ["--webhook-url", f"{site}/hooks/partners/{code}"]
            )
            address = stack.enter_context(
                _running(name, "--code", code, "--secret", secret, *told)
            )
            addresses[code] = address
            tables.append(
                f'[{code}]\nadapter = "{name}"\naddress = "{address}"\n'
                f'secret = "{secret}"\nallow_loopback = true\n'
            )
        path.touch(mode=0o600)
        path.write_text("\n".join(tables), encoding="utf-8")
        os.environ["JIFEN_PARTNERS"] = str(path)
        yield addresses


def tell(address: str, what: str, **told: object) -> None:
    """Tell a partner that is played something at its control door."""
    request = Request(  # noqa: S310 - our own process, on loopback
        f"{address}/_sandbox/{what}", json.dumps(told).encode()
    )
    with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
        answer.read()


@contextmanager
def _running(name: str, *options: str) -> Iterator[str]:
    """Run `jifen partner-sandbox` on a free port; give its address."""
    command = (
        *(sys.executable, "-c", "from loyalty.cli import main; main()"),
        *("partner-sandbox", name, "--port", "0", "--parent", str(os.getpid())),
        *options,
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
            said = process.stdout.readline() if ready else ""
            if not said:
                raise SandboxSilent(name=name)
            yield said.split()[-1]
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

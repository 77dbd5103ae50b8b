"""Commands that play our partners, for development, tests and the demo."""

import json
import secrets
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, Protocol

import click

from loyalty.cli.opening import needs
from loyalty.staff.rules import Permission
from partners.sandbox.airline_server import AirlineSandbox
from partners.sandbox.bank_server import BankSandbox
from partners.sandbox.insurer_server import InsurerSandbox
from partners.sandbox.manners import Manner
from partners.sandbox.merchant_server import MerchantSandbox
from partners.sandbox.operator_server import OperatorSandbox
from partners.sandbox.partner_server import PartnerSandbox
from partners.sandbox.stripe_localstripe import (
    LocalStripeFailed,
    LocalStripeMissing,
    end_with,
)
from partners.sandbox.stripe_server import StripeSandbox
from partners.signing import SECRET_LENGTH_MIN

STRIPE_PORT = 8420
AIRLINE_PORT = 8421
BANK_PORT = 8422
INSURER_PORT = 8423
MERCHANT_PORT = 8424
OPERATOR_PORT = 8425
FILES_PORT = 8426
_PURCHASE = ("CEB-CHEN-1", "card", "2007-12-09", "100.00", "CNY", "5411", "")


class _Running(Protocol):
    @property
    def address(self) -> str: ...


@click.group("partner-sandbox")
def partner_sandbox() -> None:
    """Play a partner on loopback, for development; nothing real happens."""


_PARENT = click.option(
    "--parent",
    type=click.IntRange(1),
    help="End when this process is gone.",
    hidden=True,
)


def _port(default: int) -> Callable[..., Any]:
    return click.option(
        "--port",
        default=default,
        show_default=True,
        type=click.IntRange(0, 65_535),
        help="0: any that is free.",
    )


@partner_sandbox.command()
@_port(STRIPE_PORT)
@click.option(
    "--webhook-url", help="Who is told, such as http://127.0.0.1:8000/hooks/stripe."
)
@click.option("--webhook-secret", help="What signs it.  [default: made up and shown]")
@_PARENT
@needs(Permission.OPERATE)
def stripe(
    *,
    port: int,
    webhook_url: str | None,
    webhook_secret: str | None,
    parent: int | None,
) -> None:
    """Play Stripe: API, payment page and webhooks, until interrupted.

    What it keeps is gone when it ends. Only test cards are taken.
    """
    secret = webhook_secret or f"whsec_{secrets.token_hex(16)}"
    over = _until_interrupted(parent)
    try:
        sandbox = StripeSandbox(
            port=port, webhook_url=webhook_url, webhook_secret=secret
        )
    except LocalStripeMissing as error:
        raise click.ClickException(
            "localstripe is not installed: pip install 'jifen[sandbox]'"
        ) from error
    except LocalStripeFailed as error:
        raise click.ClickException("localstripe did not start") from error
    shown = {} if webhook_secret else {"webhook secret": secret}
    _play("Stripe", sandbox, over, shown)


def _partner(
    name: str, *, port: int, code: str, sandbox: type[PartnerSandbox], help_: str
) -> click.Command:
    """Return the command that plays a partner which shares a secret with us."""

    @partner_sandbox.command(name, help=help_)
    @_port(port)
    @click.option("--code", default=code, show_default=True, help="The partner's code.")
    @click.option(
        "--webhook-url",
        help=f"Who is told, such as http://127.0.0.1:8000/hooks/partners/{code}.",
    )
    @click.option("--secret", help="What signs.  [default: made up and shown]")
    @_PARENT
    @needs(Permission.OPERATE)
    def play(
        *,
        port: int,
        code: str,
        webhook_url: str | None,
        secret: str | None,
        parent: int | None,
    ) -> None:
        over = _until_interrupted(parent)
        shared = secret or secrets.token_hex(16)
        if len(shared) < SECRET_LENGTH_MIN:
            raise click.BadParameter(
                f"has fewer than {SECRET_LENGTH_MIN} characters", param_hint="--secret"
            )
        try:
            running = sandbox(
                code=code, secret=shared, port=port, webhook_url=webhook_url
            )
        except OSError as error:
            raise click.ClickException(f"port {port} is taken") from error
        _play(name.capitalize(), running, over, {} if secret else {"secret": shared})

    return play


airline = _partner(
    "airline",
    port=AIRLINE_PORT,
    code="MU",
    sandbox=AirlineSandbox,
    help_="Play an airline: members, miles and late answers, until interrupted.",
)
bank = _partner(
    "bank",
    port=BANK_PORT,
    code="CEB",
    sandbox=BankSandbox,
    help_="Play a bank: card lines, card functions and a desk, until interrupted.",
)
insurer = _partner(
    "insurer",
    port=INSURER_PORT,
    code="PINGAN",
    sandbox=InsurerSandbox,
    help_="Play an insurer: policies, certificates and bills, until interrupted.",
)
merchant = _partner(
    "merchant",
    port=MERCHANT_PORT,
    code="SHOP",
    sandbox=MerchantSandbox,
    help_="Play a merchant's back office: the totals of its days, until interrupted.",
)
operator = _partner(
    "operator",
    port=OPERATOR_PORT,
    code="BOSS",
    sandbox=OperatorSandbox,
    help_="Play the billing system: prepaid balances and lines, until interrupted.",
)


@partner_sandbox.command()
@_port(FILES_PORT)
@click.option("--code", default="CEB", show_default=True, help="The partner's code.")
@click.option(
    "--provider", default="CEBA", show_default=True, help="In the names of its files."
)
@click.option(
    "--bring",
    "manners",
    type=click.Choice([manner.value for manner in Manner]),
    multiple=True,
    help="Put a file there, in this manner. May be repeated.",
)
@_PARENT
@needs(Permission.OPERATE)
def files(
    *,
    port: int,
    code: str,
    provider: str,
    manners: tuple[str, ...],
    parent: int | None,
) -> None:
    """Play a partner that brings files over SFTP, until interrupted.

    Its keys are made up and shown, as the settings of the adapter `sftp`.
    """
    # The SFTP library takes long to import; no other command needs it.
    from partners.sandbox.files_server import FilesSandbox  # noqa: PLC0415

    over = _until_interrupted(parent)
    sandbox = FilesSandbox(code=code, provider=provider, port=port)
    for number, manner in enumerate(manners, start=1):
        sandbox.bring([(f"SANDBOX-{number}", *_PURCHASE)], Manner(manner))
    try:
        with sandbox as running:
            click.echo(f"Files sandbox on {running.address}")
            click.echo(f"settings: {json.dumps(running.settings)}")
            over.wait()
    except OSError as error:
        raise click.ClickException(f"port {port} is taken") from error


def _until_interrupted(parent: int | None) -> Event:
    """Return what is set when somebody ends this process, or its parent is gone."""
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if parent is not None:
        end_with(parent)
    return over


def _play(
    name: str,
    sandbox: AbstractContextManager[_Running],
    over: Event,
    shown: dict[str, str],
) -> None:
    with sandbox as running:
        click.echo(f"{name} sandbox on {running.address}")
        for what, value in shown.items():
            click.echo(f"{what}: {value}")
        over.wait()

"""Commands that play our partners, for development, tests and the demo."""

import secrets
import signal
from threading import Event

import click

from loyalty.cli.opening import needs
from loyalty.staff.rules import Permission
from partners.sandbox.stripe_localstripe import (
    LocalStripeFailed,
    LocalStripeMissing,
    end_with,
)
from partners.sandbox.stripe_server import StripeSandbox

STRIPE_PORT = 8420


@click.group("partner-sandbox")
def partner_sandbox() -> None:
    """Play a partner on loopback, for development; nothing real happens."""


@partner_sandbox.command()
@click.option(
    "--port",
    default=STRIPE_PORT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="0: any that is free.",
)
@click.option(
    "--webhook-url", help="Who is told, such as http://127.0.0.1:8000/hooks/stripe."
)
@click.option("--webhook-secret", help="What signs it.  [default: made up and shown]")
@click.option(
    "--parent",
    type=click.IntRange(1),
    help="End when this process is gone.",
    hidden=True,
)
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
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if parent is not None:
        end_with(parent)
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
    with sandbox:
        click.echo(f"Stripe sandbox on {sandbox.address}")
        if webhook_secret is None:
            click.echo(f"webhook secret: {secret}")
        over.wait()

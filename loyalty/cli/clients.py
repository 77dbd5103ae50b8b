"""Commands about partners' machines, and about the keys that sign their tokens."""

import json
from collections.abc import Sequence
from getpass import getuser
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import click
from sqlalchemy.orm import Session

from loyalty.audit.operations import record
from loyalty.cli.opening import needs, with_database
from loyalty.clients import operations, queries, signing
from loyalty.clients.models import PartnerClient
from loyalty.clients.operations import Profile
from loyalty.clients.rules import AUTH_METHODS, KINDS, SCOPES
from loyalty.clock import now, wall
from loyalty.database import Database
from loyalty.keyring import Keyring
from loyalty.settings import Settings
from loyalty.staff.rules import Permission

_REQUEST_BYTES = 15
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def client() -> None:
    """Look after the machines of partners."""


@client.command()
@click.argument("partner")
@click.option("--name", required=True, help="What people call the machine.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([*SCOPES, *KINDS]),
    help="What it may do; may be given several times.",
)
@click.option(
    "--method",
    default="client_secret_basic",
    show_default=True,
    type=click.Choice(AUTH_METHODS),
    help="How it proves itself.",
)
@click.option("--keys", type=_FILE, help="Its public keys, a JSON Web Key Set.")
@click.option(
    "--redirect",
    "redirect_uris",
    multiple=True,
    help="Where a member's browser goes back to; may be given several times.",
)
@click.option("--contact", default="", help="How members reach it; needed to ask them.")
@click.option("--dpop", is_flag=True, help="Bind its tokens to a key (RFC 9449).")
@click.option("--no-par", is_flag=True, help="Let it ask members without pushing.")
@needs(Permission.CLIENT_MAKE)
@with_database
def add(
    database: Database,
    *,
    partner: str,
    name: str,
    scopes: Sequence[str],
    method: str,
    keys: Path | None,
    redirect_uris: Sequence[str],
    contact: str,
    dpop: bool,
    no_par: bool,
) -> None:
    """Let a machine of PARTNER in; print its secret, once, unless it has keys."""
    profile = Profile(
        partner=partner,
        name=name,
        auth_method=method,
        scopes=scopes,
        redirect_uris=redirect_uris,
        contact=contact,
        require_dpop=dpop,
        require_par=not no_par,
    )
    with database.unit_of_work() as session:
        made = operations.add(session, profile=profile, at=now())
        secret = _credential(session, made, keys)
        _note(session, "client.add", made)
    _hand_over(made, secret)


@client.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@needs(Permission.READ)
@with_database
def show(database: Database, *, as_json: bool) -> None:
    """List the machines of partners, and those that were."""
    with database.unit_of_work() as session:
        found = [_facts(one) for one in queries.clients(session)]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        left = f", disabled {one['disabled_at']}" if one["disabled_at"] else ""
        click.echo(
            f"{one['client_id']} {one['partner']} {one['name']}:"
            f" {one['auth_method']}; {', '.join(one['scopes'])}{left}"
        )
    if not found:
        click.echo("none yet: jifen client add")


@client.command()
@click.argument("client_id")
@needs(Permission.CLIENT_MAKE)
@with_database
def disable(database: Database, *, client_id: str) -> None:
    """Let a machine in no more; its tokens are refused at once."""
    with database.unit_of_work() as session:
        found = operations.disable(session, client_id=client_id, at=wall())
        _note(session, "client.disable", found)
    click.echo(f"{client_id} is let in no more")


@client.command()
@click.argument("client_id")
@click.option("--keys", type=_FILE, help="Its public keys, a JSON Web Key Set.")
@needs(Permission.CLIENT_MAKE)
@with_database
def rotate(database: Database, *, client_id: str, keys: Path | None) -> None:
    """Give a machine a new secret, or other keys; the old ones are worth nothing."""
    with database.unit_of_work() as session:
        found = queries.client(session, client_id=client_id)
        secret = _credential(session, found, keys)
        _note(session, "client.rotate", found)
    _hand_over(found, secret)


@client.command("rotate-keys")
@needs(Permission.CLIENT_MAKE)
@with_database
def rotate_keys(database: Database) -> None:
    """Sign tokens with our next key from now on; the job does so every 90 days."""
    keyring = Keyring.open(Settings.from_environment())
    with database.unit_of_work() as session:
        current = signing.rotate(session, keyring=keyring, at=wall())
        record(
            session,
            at=now(),
            actor=_actor(),
            roles=[],
            source="command line",
            action="client.rotate_keys",
            object_=f"oauth_key:{current.kid}",
            request_id=token_urlsafe(_REQUEST_BYTES),
        )
    click.echo(f"tokens are signed with {current.kid}")


def _credential(
    session: Session, found: PartnerClient, keys: Path | None
) -> str | None:
    """Give a machine what it proves itself with; return its secret, if it has one."""
    if found.auth_method == "client_secret_basic":
        if keys is not None:
            raise click.UsageError("a machine with a secret takes no keys")
        keyring = Keyring.open(Settings.from_environment())
        return operations.new_secret(
            session, client_id=found.client_id, keyring=keyring
        )
    if keys is None:
        raise click.UsageError("private_key_jwt needs --keys")
    try:
        jwks = json.loads(keys.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.UsageError(f"{keys} is not JSON") from error
    operations.set_keys(session, client_id=found.client_id, jwks=jwks)
    return None


def _hand_over(found: PartnerClient, secret: str | None) -> None:
    click.echo(f"client_id:     {found.client_id}")
    if secret is not None:
        click.echo(f"client_secret: {secret}  (shown this once)")


def _facts(found: PartnerClient) -> dict[str, Any]:
    disabled_at = found.disabled_at
    return {
        "client_id": found.client_id,
        "partner": found.partner,
        "name": found.name,
        "auth_method": found.auth_method,
        "scopes": list(found.scopes),
        "redirect_uris": list(found.redirect_uris),
        "contact": found.contact,
        "require_dpop": found.require_dpop,
        "require_par": found.require_par,
        "disabled_at": disabled_at and disabled_at.isoformat(),
    }


def _note(session: Session, action: str, found: PartnerClient) -> None:
    record(
        session,
        at=now(),
        actor=_actor(),
        roles=[],
        source="command line",
        action=action,
        object_=f"client:{found.client_id}",
        after=_facts(found),
        request_id=token_urlsafe(_REQUEST_BYTES),
    )


def _actor() -> str:
    return Settings.from_environment().staff or getuser()

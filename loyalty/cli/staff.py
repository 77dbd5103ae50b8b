"""Commands about the people who work in the console."""

import json
from collections.abc import Sequence
from getpass import getuser
from secrets import token_urlsafe
from typing import Any

import click
import pyotp
from sqlalchemy.orm import Session

from loyalty.audit.operations import record
from loyalty.cli.opening import needs, with_database
from loyalty.clock import now
from loyalty.database import Database
from loyalty.keyring import Keyring
from loyalty.settings import Settings
from loyalty.staff import operations
from loyalty.staff.models import Staff
from loyalty.staff.queries import everybody
from loyalty.staff.rules import CHANNELS, ROLES, Permission

_PASSWORD_BYTES = 15  # 20 characters


@click.group()
def staff() -> None:
    """Look after the people who work in the console."""


@staff.command()
@click.argument("login")
@click.option("--name", required=True, help="What colleagues call the person.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(list(ROLES)),
    help="May be given several times.",
)
@click.option(
    "--channel", default="hall", show_default=True, type=click.Choice(CHANNELS)
)
@click.option("--hall", help="The hall the person works for.")
@click.option("--member", "member_ref", help="Who the person is as a member, if one.")
@needs(Permission.STAFF_MAKE)
@with_database
def add(
    database: Database,
    *,
    login: str,
    name: str,
    roles: Sequence[str],
    channel: str,
    hall: str | None,
    member_ref: str | None,
) -> None:
    """Let somebody work here; print a password to be changed, and the second factor."""
    password, secret = token_urlsafe(_PASSWORD_BYTES), pyotp.random_base32()
    with database.unit_of_work() as session:
        made = operations.add(
            session,
            login=login,
            name=name,
            roles=roles,
            channel=channel,
            hall=hall,
            password=password,
            totp_secret=secret,
            keyring=Keyring.open(Settings.from_environment()),
            at=now(),
            is_temporary=True,
            member_ref=member_ref,
        )
        _note(session, "staff.add", login, after=_facts(made))
    _hand_over(login, password, secret)


@staff.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@needs(Permission.READ)
@with_database
def show(database: Database, *, as_json: bool) -> None:
    """List who works here, and who did."""
    with database.unit_of_work() as session:
        people = [_facts(person) for person in everybody(session)]
    if as_json:
        click.echo(json.dumps(people, ensure_ascii=False))
        return
    for person in people:
        hall = f" {person['hall']}" if person["hall"] else ""
        left = f", disabled {person['disabled_at']}" if person["disabled_at"] else ""
        click.echo(
            f"{person['login']:<16} {person['name']}: {', '.join(person['roles'])};"
            f" {person['channel']}{hall}{left}"
        )
    if not people:
        click.echo("nobody yet: jifen staff add")


@staff.command()
@click.argument("login")
@needs(Permission.STAFF_MAKE)
@with_database
def disable(database: Database, *, login: str) -> None:
    """Let somebody in no more, and end what they are signed in to."""
    with database.unit_of_work() as session:
        found = operations.disable(session, login=login, at=now())
        _note(session, "staff.disable", login, after=_facts(found))
    click.echo(f"{login} is let in no more")


@staff.command()
@click.argument("login")
@click.argument("member_ref", required=False)
@needs(Permission.STAFF_MAKE)
@with_database
def account(database: Database, *, login: str, member_ref: str | None) -> None:
    """Say which member somebody is; others look after those points. None: is none."""
    with database.unit_of_work() as session:
        found = operations.tell_account(session, login=login, member_ref=member_ref)
        _note(session, "staff.account", login, after=_facts(found))
    click.echo(
        f"{login} is {f'the member {member_ref}' if member_ref else 'no member'}"
    )


@staff.command()
@click.argument("login")
@needs(Permission.STAFF_MAKE)
@with_database
def reset(database: Database, *, login: str) -> None:
    """Print a new password and second factor for somebody, and let them in again."""
    password, secret = token_urlsafe(_PASSWORD_BYTES), pyotp.random_base32()
    with database.unit_of_work() as session:
        found = operations.reset(
            session,
            login=login,
            password=password,
            totp_secret=secret,
            keyring=Keyring.open(Settings.from_environment()),
            at=now(),
        )
        _note(session, "staff.reset", login, after=_facts(found))
    _hand_over(login, password, secret)


def _hand_over(login: str, password: str, secret: str) -> None:
    uri = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Jifen")
    click.echo(f"login:     {login}")
    click.echo(f"password:  {password}  (to be changed at the first sign-in)")
    click.echo(f"authenticator: {uri}")


def _facts(person: Staff) -> dict[str, Any]:
    disabled_at = person.disabled_at
    return {
        "login": person.login,
        "name": person.name,
        "roles": list(person.roles),
        "channel": person.channel,
        "hall": person.hall,
        "member_id": person.member_id,
        "disabled_at": disabled_at and disabled_at.isoformat(),
    }


def _note(session: Session, action: str, login: str, *, after: dict[str, Any]) -> None:
    record(
        session,
        at=now(),
        actor=Settings.from_environment().staff or getuser(),
        roles=[],
        source="command line",
        action=action,
        object_=f"staff:{login}",
        after=after,
        request_id=token_urlsafe(_PASSWORD_BYTES),
    )

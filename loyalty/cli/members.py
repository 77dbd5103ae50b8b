"""Commands about members."""

import json
from collections.abc import Iterator
from typing import Any

import click

from loyalty.cli.opening import needs, with_database
from loyalty.database import Database
from loyalty.points.queries import standing
from loyalty.staff.rules import Permission

_ACCOUNTS = ("available", "pending", "held", "owed")
_COLUMN = 18


@click.group()
def member() -> None:
    """Look after members."""


@member.command()
@click.argument("member_ref")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all-lots", is_flag=True, help="List lots that are used up, too.")
@needs(Permission.READ)
@with_database
def show(database: Database, member_ref: str, as_json: bool, all_lots: bool) -> None:
    """Show a member's lines, balances and lots."""
    with database.unit_of_work() as session:
        found = standing(session, member_ref=member_ref, all_lots=all_lots)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("\n".join(_page(found)))


def _page(found: dict[str, Any]) -> Iterator[str]:
    left = f", left the network on {found['left_on']}" if found["left_on"] else ""
    yield f"Member {found['member_ref']}: spending is {found['gate']}{left}"
    yield ""
    yield "Lines"
    for line in found["subscriptions"]:
        state = line["state"].replace("_", " ")
        arrears = ", in arrears" if line["in_arrears"] else ""
        until = f" until {line['ended_on']}" if line["ended_on"] else ""
        yield (
            f"  {line['msisdn']}  {line['network']} {line['brand']},"
            f" {line['pay_type'].replace('_', ' ')}, since {line['activated_on']}"
            f"{until}: {state}{arrears}"
        )
    if not found["subscriptions"]:
        yield "  none"
    yield ""
    yield f"{'Points':<10}" + "".join(f"{name:>{_COLUMN}}" for name in _ACCOUNTS)
    for unit, balance in found["balances"].items():
        yield f"  {unit:<8}" + "".join(
            f"{balance[name]:>{_COLUMN},}" for name in _ACCOUNTS
        )
    yield ""
    yield "Lots, in the order in which they are spent"
    for lot in found["lots"]:
        until = f"good until {lot['expires_on']}" if lot["expires_on"] else "for good"
        yield (
            f"{lot['units_left']:>{_COLUMN},} {lot['unit']} of"
            f" {lot['units_issued']:,} from {lot['issuer']}, earned in"
            f" {lot['earned_in']}, {until}"
        )
    if not found["lots"]:
        yield "  none"

"""Let points become miles: rates that two people agreed on, and a member who flies."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from loyalty.approvals.operations import approve
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.demo.codes import confirm
from loyalty.demo.sandboxes import tell
from loyalty.demo.shopping import AIRLINE
from loyalty.demo.welcome import Guest
from loyalty.exchange import cards, operations, quotes
from loyalty.exchange.delivery import advance, link
from loyalty.exchange.queries import ExchangeView
from loyalty.exchange.rules import RateFacts
from loyalty.keyring import Keyring
from partners.matching import PersonName

UNITS = 2_000
# Ten points for a mile that costs 0.0800 yuan, and five points for one that comes back
# (domain.md 2.2, T7; the way back is ASSUMED).
_OUT = RateFacts(
    from_unit="UNI",
    to_unit="MILE",
    points_num=1,
    points_den=10,
    min_units=1_000,
    step_units=1_000,
    max_units=50_000,
    fen_num=8,
    fen_den=1,
    valid_from=date.min,  # to be told when it is agreed on
)
_BACK = replace(
    _OUT,
    from_unit="MILE",
    to_unit="UNI",
    points_num=5,
    points_den=1,
    min_units=100,
    step_units=100,
    max_units=10_000,
    fen_num=6,
)


def agree(session: Session, *, maker: int, checker: int, at: datetime) -> None:
    """Let rates between points and miles hold from the next day on."""
    valid_from = at.date() + timedelta(days=1)
    for direction, terms in (("out", _OUT), ("in", _BACK)):
        facts = replace(terms, valid_from=valid_from)
        card = cards.draft_card(
            session, partner=AIRLINE, direction=direction, facts=facts, at=at
        )
        asked = cards.ask_approval(
            session,
            partner=card.partner,
            direction=card.direction,
            version=card.version,
            reason="合作协议第三条",
            maker=maker,
            at=at,
        )
        agreed = approve(
            session, approval_id=asked.approval_id, checker=checker, note=None, at=at
        )
        cards.apply_approval(session, approval=agreed, at=at)


def take_in(address: str, guest: Guest, number: str) -> None:
    """Let the airline know a guest under a number."""
    name = _name(guest)
    tell(
        address,
        "members",
        number=number,
        family_name=name.family,
        given_name=name.given,
        miles=3_000,
    )


def fly(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    guest: Guest,
    number: str,
    at: datetime,
) -> ExchangeView:
    """Bind a number over HTTP, and let points become miles within three days."""
    airline = connections.airline(AIRLINE)
    assert airline is not None, "the demo plays an airline"
    link(
        database,
        airline,
        keyring,
        member_id=guest.member_id,
        partner_code=AIRLINE,
        account_ref=number,
        name=_name(guest),
        at=at,
    )
    later = at + timedelta(days=2)
    with database.unit_of_work() as session:
        quote = quotes.make(
            session,
            partner=AIRLINE,
            account_ref=number,
            from_unit="UNI",
            to_unit="MILE",
            units=UNITS,
            at=later,
        )
        confirm(
            session,
            member_id=guest.member_id,
            bound=operations.bound(quote),
            keyring=keyring,
            at=later,
        )
        asked = operations.request(
            session, member_id=guest.member_id, quote=quote, at=later
        )
        key: dict[str, Any] = {
            "member_id": guest.member_id,
            "exchange_ref": asked.exchange.exchange_ref,
        }
    # The first exchange to an account waits a day.
    return advance(database, airline, keyring, at=later + timedelta(days=1), **key)


def _name(guest: Guest) -> PersonName:
    """Return a made-up person's name in its parts: each has one character in front."""
    return PersonName(family=guest.name[:1], given=guest.name[1:])

"""Bring exchanges to their end at partners, and numbers to be bound.

No transaction is open while anybody is asked. All of it is safe to repeat, by the
face that has just committed, by a notice, and by the job that chases what was left.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError

from loyalty.database import Database, retrying
from loyalty.errors import LoyaltyError
from loyalty.exchange import linking, queries
from loyalty.exchange.models import BoundAccount
from loyalty.exchange.operations import Ask, claim, settle
from loyalty.exchange.queries import ExchangeView
from loyalty.exchange.rules import Direction, Question
from loyalty.keyring import Keyring
from partners.matching import PersonName
from partners.ports import Airline, Receipt

log = logging.getLogger(__name__)

AirlineOf = Callable[[str], Airline | None]  # None: no such partner can be asked

# More than one exchange can need in a row: validate, move, look up, and once more.
_QUESTIONS_MAX = 6


@dataclass(frozen=True, slots=True)
class Chased:
    """What came of taking up what was left lying."""

    found: int
    ended: int  # nothing is to happen to them any more
    failed: int


def advance(
    database: Database,
    airline: Airline | None,
    keyring: Keyring,
    *,
    member_id: int,
    exchange_ref: str,
    at: datetime,
    is_urged: bool = False,
) -> ExchangeView:
    """Ask all that can be asked about an exchange now, and return how it stands.

    An answer that does not come is asked for again later; where there is nobody to ask,
    only what needs no answer is done. `is_urged`: the first question keeps no pause,
    for a person wants to know. Raises `UnknownExchange`.
    """
    key: dict[str, Any] = {"member_id": member_id, "exchange_ref": exchange_ref}
    next_one = partial(claim, keyring=keyring, at=at, is_reachable=airline is not None)
    for nth in range(_QUESTIONS_MAX):
        work = partial(next_one, is_urged=is_urged and nth == 0, **key)
        ask = retrying(database, work)
        if ask is None or airline is None:
            break
        receipt = put(airline, ask)
        retrying(database, partial(settle, ask=ask, receipt=receipt, at=at, **key))
    with database.unit_of_work() as session:
        return queries.exchange(session, **key)


def chase(
    database: Database, airline_of: AirlineOf, keyring: Keyring, *, at: datetime
) -> Chased:
    """Take up every exchange that was left lying, and ask what can be asked.

    One that fails does not keep the others waiting.
    """
    with database.unit_of_work() as session:
        due = queries.due(session, at=at)
    ended = failed = 0
    for one in due:
        try:
            view = advance(
                database,
                airline_of(one.partner),
                keyring,
                member_id=one.member_id,
                exchange_ref=one.exchange_ref,
                at=at,
            )
        except (LoyaltyError, DBAPIError):
            log.exception(
                "exchange %s of member %d cannot go on", one.exchange_ref, one.member_id
            )
            failed += 1
        else:
            ended += not view.is_open
    return Chased(found=len(due), ended=ended, failed=failed)


def tell(
    database: Database, *, exchange_ref: str, receipt: Receipt, at: datetime
) -> bool:
    """Take in what a partner told by itself; False: it concerns no exchange of ours.

    It is taken as an answer to a look-up, so that it may come twice and late.
    """
    with database.unit_of_work() as session:
        member_id = queries.member_of(session, exchange_ref=exchange_ref)
    if member_id is None:
        return False
    work = partial(
        settle,
        member_id=member_id,
        exchange_ref=exchange_ref,
        ask=None,
        receipt=receipt,
        at=at,
    )
    retrying(database, work)
    return True


def link(
    database: Database,
    airline: Airline,
    keyring: Keyring,
    *,
    member_id: int,
    partner_code: str,
    account_ref: str,
    name: PersonName,
    at: datetime,
) -> BoundAccount:
    """Bind a number, once the partner says that name and number belong together.

    Where no answer comes it stays asked for; asked for again, the partner is asked
    again. Raises as `linking.ask` does.
    """
    row = retrying(
        database,
        lambda session: linking.ask(
            session,
            member_id=member_id,
            partner=partner_code,
            account_ref=account_ref,
            name=name,
            keyring=keyring,
            at=at,
        ),
    )
    if row.state != "asked":
        return row
    with database.unit_of_work() as session:
        member = linking.named(
            session,
            member_id=member_id,
            partner=partner_code,
            account_ref=account_ref,
            keyring=keyring,
        )
    receipt = airline.validate_member(member)
    return retrying(
        database,
        lambda session: linking.settle(
            session,
            member_id=member_id,
            partner=partner_code,
            nth=row.nth,
            receipt=receipt,
            at=at,
        ),
    )


def put(airline: Airline, ask: Ask) -> Receipt:
    """Put a question to a partner; whatever it answers, it answers with a receipt."""
    match ask.what:
        case Question.VALIDATE:
            return airline.validate_member(ask.order.member)
        case Question.MOVE if ask.direction == Direction.OUT:
            return airline.credit(ask.order)
        case Question.MOVE:
            return airline.debit(ask.order)
        case Question.LOOK_UP:
            return airline.look_up(ask.order.reference)
        case Question.REVERSE:
            return airline.reverse(ask.reversal)
        case Question.LOOK_UP_REVERSAL:
            return airline.look_up(ask.reversal.reference)
    raise AssertionError(ask.what)

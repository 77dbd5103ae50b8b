"""Bring leavings to their end: at partners, and to the members' ears.

No transaction is open while anybody is asked or told. All of it is safe to repeat, by
the face that has just committed, by a bank's notice, and by the job that chases.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from loyalty.churn import saga
from loyalty.churn.models import OPEN_STATES, ChurnStep
from loyalty.churn.operations import void_due
from loyalty.churn.telling import due_notices, mark_told
from loyalty.connections import Connections
from loyalty.database import Database, retrying
from loyalty.keyring import Keyring
from loyalty.orders.delivery import advance as advance_order
from partners.ports import Bank, Message, Outcome, Receipt

log = logging.getLogger(__name__)

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Chased:
    """What came of taking up what was left lying."""

    voided: int  # members whose days of grace were over
    taken_up: int  # steps
    ended: int
    failed: int
    told: int

    def __str__(self) -> str:
        return (
            f"{self.voided:,} members' points voided, {self.taken_up:,} steps taken up,"
            f" {self.ended:,} ended, {self.failed:,} failed, {self.told:,} members told"
        )


def chase(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    business_date: date,
    at: datetime,
) -> Chased:
    """Void what is due, go on with every step that is, and tell whoever must know.

    Steps of one leaving are taken up in the order of its policy. One that fails does
    not keep the others waiting, and is an alarm when it fails again and again.
    """
    voided = 0
    while done := retrying(database, partial(void_due, business_date=business_date)):
        voided += done
    taken_up = ended = failed = 0
    last: tuple[Any, ...] = ()
    while steps := retrying(database, partial(_due, at=at, after=last)):
        last = steps[-1][0]
        for _, key in steps:
            taken_up += 1
            try:
                state = go_on(database, connections, keyring, at=at, **key)
            except Exception:  # nor may one leaver's fault keep the others waiting
                log.exception("step %s cannot go on", key)
                failed += 1
                retrying(database, partial(saga.note_failure, at=at, **key))
            else:
                ended += state not in OPEN_STATES
    told = tell(database, connections, at=at)
    return Chased(voided, taken_up, ended, failed, told)


def go_on(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    at: datetime,
    **key: Any,
) -> str | None:
    """Go on with one step as far as it goes now; return its state, None: it is over."""
    if key["benefit"] == "card":
        return _ask_bank(database, connections.banks, at=at, key=key)
    state = retrying(database, partial(saga.go_on, at=at, **key))
    if key["benefit"] == "orders" and state is not None:
        # Refunds and insurers are asked by the order itself.
        advance_order(
            database,
            connections,
            keyring,
            member_id=key["member_id"],
            order_ref=key["subject"],
            at=at,
        )
        if state in OPEN_STATES:
            state = retrying(database, partial(saga.go_on, at=at, **key))
    return state


def take_in(
    database: Database, *, reference: str, receipt: Receipt, at: datetime
) -> bool:
    """Take in what a bank told by itself; False: it concerns no leaving of ours."""
    key = retrying(database, partial(saga.card_named, reference=reference))
    if key is None:
        return False
    retrying(database, partial(saga.settle_card, receipt=receipt, at=at, **key))
    return True


def tell(database: Database, connections: Connections, *, at: datetime) -> int:
    """Tell members what they lost, may lose, or have back; return how many were told.

    A message that was sent while we were killed is sent again.
    """
    told = 0
    refused: set[tuple[int, str, str]] = set()  # not to be sent again this time
    while True:
        limit = _AT_ONCE + len(refused)
        found = retrying(database, partial(due_notices, at=at, limit=limit))
        notices = [notice for notice in found if notice.key not in refused]
        if not notices:
            return told
        for notice in notices:
            how = "unreachable"
            if notice.number is not None:
                message = Message(to=notice.number, words=notice.words)
                outcome = connections.messenger.send(message).outcome
                if outcome in (Outcome.DECLINED, Outcome.ABSENT):
                    refused.add(notice.key)
                    continue
                how, told = "sent", told + 1
            retrying(database, partial(mark_told, notice=notice, how=how, at=at))


def _ask_bank(
    database: Database,
    banks: Mapping[str, Bank],
    *,
    at: datetime,
    key: Mapping[str, Any],
) -> str | None:
    ask = retrying(database, partial(saga.claim_card, at=at, **key))
    if ask is None:
        return None
    bank = banks.get(ask.partner)
    receipt: Receipt | None = None
    if bank is not None and ask.is_new:
        receipt = bank.cancel_card_function(ask.order)
    elif bank is not None:
        receipt = bank.look_up(ask.order.reference)
    return retrying(database, partial(saga.settle_card, receipt=receipt, at=at, **key))


def _due(
    session: Session, *, at: datetime, after: tuple[Any, ...]
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return what is due after a step, in the order of leavings and their policies."""
    order = (
        ChurnStep.member_id,
        ChurnStep.departure_ref,
        ChurnStep.nth,
        ChurnStep.subject,
    )
    wanted = (
        select(ChurnStep)
        .where(ChurnStep.ended_at.is_(None), ChurnStep.due_at <= at)
        .order_by(*order)
        .limit(_AT_ONCE)
    )
    if after:
        wanted = wanted.where(tuple_(*order) > tuple_(*after))
    return [
        (
            (step.member_id, step.departure_ref, step.nth, step.subject),
            saga.key_of(step),
        )
        for step in session.scalars(wanted)
    ]

"""Read what the payment provider did with the money: movements, payouts, their lines.

It is asked between transactions. Lists come newest first; how far one was read is kept
with what was taken in, so that whoever is cut off goes on there, and what comes again
is known by its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.alliance.models import PROVIDER, Partner
from loyalty.clock import programme, programme_day
from loyalty.database import Database, retrying
from loyalty.payments.models import (
    BalanceTransaction,
    Payout,
    PayoutLine,
    PayoutState,
    ProviderReading,
)
from loyalty.points.operations import first_open_day
from loyalty.settings import TIME_ZONE
from partners.payouts import Movement, PaidOut, PayoutTeller
from partners.ports import Outcome

STRIPE: Final = "STRIPE"  # as our partners are coded
MOVEMENTS, PAYOUTS = "movements", "payouts"
_PAGES_MAX: Final = 1_000  # of one payout; no list goes on for ever


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading the provider."""

    movements: int = 0  # that were new
    payouts: int = 0
    lines: int = 0  # of payouts, that were new
    is_whole: bool = True  # False: it did not answer to the end


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of either list."""

    names: Sequence[str]
    has_more: bool
    keep: Callable[[Session], int]  # takes it in; how many of it were new


@dataclass(frozen=True, slots=True)
class _Silent:
    """An answer that did not come."""


def read_provider(database: Database, teller: PayoutTeller, *, at: datetime) -> Read:
    """Read all that the provider has to tell since the last time."""
    retrying(database, _introduce)
    movements, whole = _read(
        database, MOVEMENTS, partial(_ask_movements, teller, at=at), at=at
    )
    payouts, payouts_whole = _read(
        database, PAYOUTS, partial(_ask_payouts, teller, at=at), at=at
    )
    whole &= payouts_whole and _look_again(database, teller, at=at)
    lines, lines_whole = _itemise(database, teller, at=at)
    return Read(movements, payouts, lines, whole and lines_whole)


def _introduce(session: Session) -> None:
    session.execute(
        insert(Partner)
        .values(partner=STRIPE, kind=PROVIDER, name="Stripe")
        .on_conflict_do_nothing()
    )


def _read(
    database: Database,
    what: str,
    ask: Callable[[str | None], "_Page | _Silent"],
    *,
    at: datetime,
) -> tuple[int, bool]:
    """Read a list from where it was left to what is known; how many were new."""
    new = 0
    while True:
        with database.unit_of_work() as session:
            known = session.get(ProviderReading, what)
            reached = None if known is None else known.reached
        page = ask(reached)
        if isinstance(page, _Silent):
            return new, False
        taken, is_over = retrying(
            database, partial(_take_in, what=what, before=reached, page=page, at=at)
        )
        new += taken
        if is_over:
            return new, True


def _take_in(
    session: Session, *, what: str, before: str | None, page: _Page, at: datetime
) -> tuple[int, bool]:
    """Take a page in and go on behind it; one that another has taken is left."""
    session.execute(insert(ProviderReading).values(what=what).on_conflict_do_nothing())
    reading = session.get_one(
        ProviderReading, what, with_for_update=True, populate_existing=True
    )
    if reading.reached != before:
        return 0, False
    new = page.keep(session)
    if before is None:
        reading.newest = page.names[0] if page.names else reading.read_to
    if page.has_more and page.names and reading.read_to not in page.names:
        reading.reached = page.names[-1]
        return new, False
    reading.read_to, reading.newest, reading.reached = reading.newest, None, None
    reading.whole_at = at
    return new, True


def _ask_movements(
    teller: PayoutTeller, after: str | None, *, at: datetime
) -> "_Page | _Silent":
    told = teller.movements(after=after)
    if told.outcome is not Outcome.CONFIRMED:
        return _Silent()
    names = [one.transaction_id for one in told.movements]
    keep = partial(_keep_movements, movements=told.movements, at=at)
    return _Page(names, told.has_more, keep)


def _ask_payouts(
    teller: PayoutTeller, after: str | None, *, at: datetime
) -> "_Page | _Silent":
    told = teller.payouts(after=after)
    if told.outcome is not Outcome.CONFIRMED:
        return _Silent()
    names = [one.payout_id for one in told.payouts]
    keep = partial(_keep_payouts, payouts=told.payouts, at=at)
    return _Page(names, told.has_more, keep)


def _keep_movements(
    session: Session, *, movements: Sequence[Movement], at: datetime
) -> int:
    """Write movements down, each once; its day is moved to the first open one."""
    if not movements:
        return 0
    open_on = first_open_day(session)
    rows = [_row_of(one, open_on=open_on, at=at) for one in movements]
    new = session.scalars(
        insert(BalanceTransaction)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(BalanceTransaction.transaction_id)
    ).all()
    return len(new)


def _row_of(one: Movement, *, open_on: date | None, at: datetime) -> dict[str, Any]:
    facts = asdict(one)
    available_at = facts.pop("available_at")
    created_at = programme(one.created_at)
    happened_on = created_at.date()
    return facts | {
        "created_at": created_at,
        "happened_on": happened_on,
        "available_on": programme(available_at).date(),
        "effective_on": max(happened_on, open_on or happened_on),
        "read_at": at,
    }


def _keep_payouts(session: Session, *, payouts: Sequence[PaidOut], at: datetime) -> int:
    """Write payouts down, each once, and what is new of their states."""
    if not payouts:
        return 0
    open_on = first_open_day(session)
    rows = []
    for one in payouts:
        arrives_on = programme_day(one.arrives_on)
        rows.append(
            {
                "payout_id": one.payout_id,
                "amount_fen": one.amount_fen,
                "is_automatic": one.is_automatic,
                "created_at": programme(one.created_at),
                "arrives_on": arrives_on,
                "effective_on": max(arrives_on, open_on or arrives_on),
                "read_at": at,
            }
        )
    new = session.scalars(
        insert(Payout).values(rows).on_conflict_do_nothing().returning(Payout.payout_id)
    ).all()
    for one in payouts:
        _keep_state(session, one, open_on=open_on, at=at)
    return len(new)


def _keep_state(
    session: Session, one: PaidOut, *, open_on: date | None, at: datetime
) -> None:
    """Write down what became of a payout, if it is news, on its accounting day.

    What comes to nothing does not do so before it was paid.
    """
    last = session.execute(
        select(PayoutState.nth, PayoutState.state, PayoutState.effective_on)
        .where(PayoutState.payout_id == one.payout_id)
        .order_by(PayoutState.nth.desc())
        .limit(1)
    ).first()
    if last is not None and last.state == one.state:
        return
    on = at.astimezone(TIME_ZONE).date()
    if one.state == "paid":
        on = programme_day(one.arrives_on)
    elif last is not None and last.state == "paid":
        on = max(on, last.effective_on)
    session.execute(
        insert(PayoutState)
        .values(
            payout_id=one.payout_id,
            nth=1 if last is None else last.nth + 1,
            state=one.state,
            read_at=at,
            effective_on=max(on, open_on or on),
        )
        .on_conflict_do_nothing()
    )


# Payouts whose last word was not their last, and those of the last weeks: a bank may
# send one back after it was paid.
_UNSETTLED: Final = text(
    """
    SELECT p.payout_id FROM payout p
      CROSS JOIN LATERAL (SELECT s.state FROM payout_state s
                           WHERE s.payout_id = p.payout_id
                           ORDER BY s.nth DESC LIMIT 1) s
     WHERE s.state IN ('pending', 'in_transit')
        OR s.state = 'paid' AND p.arrives_on > CAST(:at AS date) - 14
     ORDER BY p.created_at LIMIT 200
    """
)


def _look_again(database: Database, teller: PayoutTeller, *, at: datetime) -> bool:
    """Ask again for payouts that may have changed; whether all was answered."""
    with database.unit_of_work() as session:
        names = session.scalars(_UNSETTLED, {"at": at}).all()
    whole = True
    for name in names:
        told = teller.payout(name)
        if told.outcome is not Outcome.CONFIRMED:
            whole = False
            continue
        retrying(database, partial(_keep_payouts, payouts=told.payouts, at=at))
    return whole


# Manual payouts cannot tell what they consist of.
_NOT_ITEMISED: Final = text(
    """
    SELECT p.payout_id FROM payout p
     WHERE p.is_automatic AND NOT EXISTS (
           SELECT FROM payout_line l WHERE l.payout_id = p.payout_id)
     ORDER BY p.created_at LIMIT 200
    """
)


def _itemise(
    database: Database, teller: PayoutTeller, *, at: datetime
) -> tuple[int, bool]:
    """Read what payouts consist of; a payout's lines are taken in whole."""
    with database.unit_of_work() as session:
        names = session.scalars(_NOT_ITEMISED).all()
    lines, whole = 0, True
    for name in names:
        found = _lines_of(teller, name)
        if found is None:
            whole = False
            continue
        lines += retrying(
            database, partial(_keep_lines, payout_id=name, movements=found, at=at)
        )
    return lines, whole


def _lines_of(teller: PayoutTeller, payout_id: str) -> list[Movement] | None:
    """Return all movements of a payout; None: some answer did not come."""
    found: list[Movement] = []
    for _ in range(_PAGES_MAX):
        told = teller.movements(
            after=found[-1].transaction_id if found else None, payout_id=payout_id
        )
        if told.outcome is not Outcome.CONFIRMED:
            return None
        found += told.movements
        if not told.has_more or not told.movements:
            return found
    return None


def _keep_lines(
    session: Session, *, payout_id: str, movements: list[Movement], at: datetime
) -> int:
    if not movements:
        return 0
    _keep_movements(session, movements=movements, at=at)
    new = session.scalars(
        insert(PayoutLine)
        .values(
            [
                {"transaction_id": one.transaction_id, "payout_id": payout_id}
                for one in movements
            ]
        )
        .on_conflict_do_nothing()
        .returning(PayoutLine.transaction_id)
    ).all()
    return len(new)

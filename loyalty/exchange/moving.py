"""The moves that all use cases of exchanges are made of.

An exchange in hand is locked: nobody else moves it until the transaction ends.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import NothingToPost
from ledger.values import Entry, Lot, Transfer
from loyalty.events.operations import record as tell
from loyalty.exchange.errors import UnknownExchange
from loyalty.exchange.models import Exchange, ExchangeEvent, ExchangeReversal
from loyalty.exchange.rules import Direction
from loyalty.points.entries import UNIVERSAL
from loyalty.points.operations import first_open_day
from loyalty.points.queries import is_void
from loyalty.points.sparing import is_spared, void_rest
from loyalty.prepaid import blocks
from loyalty.rules.queries import programme_terms
from loyalty.settings import TIME_ZONE

COST_CLASS = "exchange"  # of the points that partners' units became


@dataclass(frozen=True, slots=True)
class Hand:
    """An exchange that is locked, and who does something to it when."""

    session: Session
    exchange: Exchange
    on: date  # the day itself
    open_on: date  # the day that entries are dated to
    at: datetime
    actor: str

    @property
    def key(self) -> dict[str, Any]:
        """What names the exchange in every table that hangs on it."""
        exchange = self.exchange
        return {
            "member_id": exchange.member_id,
            "exchange_ref": exchange.exchange_ref,
        }

    def hold(self) -> None:
        """Set the points aside, soonest-expiring first.

        Raises the ledger's `InsufficientPoints` and `GateClosed`.
        """
        self.exchange.held_by = self._post(
            "hold",
            Book(self.session).draw(
                to="held", units=UNIVERSAL, amount=self.exchange.units_out
            ),
        )

    def capture(self) -> None:
        """Let the held points go to the partner."""
        exchange = self.exchange
        exchange.entry_id = self._post(
            "exchange_out",
            Transfer("held", f"exchanged.out:{exchange.partner}", None, None),
            suffix=":capture",
            reverses=exchange.held_by,
        )
        exchange.effective_on = self.open_on

    def release(self) -> None:
        """Give the held points back to the same lots.

        What belonged to somebody who has left the network since is void.
        """
        held_by = self.exchange.held_by
        assert held_by is not None
        self._return("release", None, suffix=":release", reverses=held_by)

    def credit(self) -> None:
        """Give the member points that the partner pays for, in a lot of their own."""
        exchange = self.exchange
        exchange.entry_id = self._post(
            "exchange_in",
            Transfer(
                f"exchanged.in:{exchange.partner}",
                "available",
                (exchange.to_unit,),
                exchange.units_in,
                self._lot(),
            ),
            suffix=":credit",
        )
        exchange.effective_on = self.open_on

    def undo(self, *, cause: str) -> None:
        """Undo what was confirmed, and say what of it could not be taken back.

        What went out comes back to its lots whole, unless the member has had it all
        the time. What came in is taken from its own lot first; what is spent already
        the partner stands for, in money.
        """
        exchange = self.exchange
        is_out = exchange.direction == Direction.OUT
        entry_id = self._undo_out() if is_out else self._undo_in()
        all_points = exchange.units_out if is_out else exchange.units_in
        points = self._moved_by(entry_id)
        # Of what goes out all is undone, also where it was written off, and so were
        # the points of it.
        part, whole = (1, 1) if is_out else (points, all_points)
        money = exchange.money_fen * part // whole
        self.session.execute(
            insert(ExchangeReversal).values(
                **self.key,
                points=points,
                unrecovered_points=0 if is_out else all_points - points,
                money_fen=money,
                service_fen=exchange.service_fen * part // whole,
                unrecovered_fen=exchange.money_fen - money,
                cause=cause,
                entry_id=entry_id,
                effective_on=self.open_on,
                occurred_at=self.at,
            )
        )

    def _undo_out(self) -> UUID | None:
        if self.exchange.entry_id is None:
            return None
        return self._return(
            "exchange_out_reversal",
            "available",
            suffix=":reversal",
            reverses=self.exchange.entry_id,
        )

    def _return(
        self, kind: str, to: str | None, *, suffix: str, reverses: UUID
    ) -> UUID:
        """Give points back to their lots; who has left keeps only what was bought."""
        member_id = self.exchange.member_id
        left = is_void(self.session, member_id=member_id)
        # The lots are those that were held, whatever it is that is undone.
        drawn = self.exchange.held_by or reverses
        spared = left and is_spared(self.session, member_id=member_id, entry_id=drawn)
        posted = self._post(
            kind,
            Transfer(None, "voided.churn" if left and not spared else to, None, None),
            suffix=suffix,
            reverses=reverses,
        )
        if spared:
            void_rest(
                self.session,
                member_id=member_id,
                reference=f"exchange:{self.exchange.exchange_ref}{suffix}:void",
                of=posted,
                on=self.open_on,
                at=self.at,
                actor=self.actor,
            )
        return posted

    def _undo_in(self) -> UUID | None:
        exchange = self.exchange
        with suppress(NothingToPost):
            return self._post(
                "exchange_in_reversal",
                Transfer(
                    "available",
                    f"exchanged.in:{exchange.partner}",
                    (exchange.to_unit,),
                    exchange.units_in,
                    self._lot_of_entry(),
                ),
                suffix=":reversal",
                reverses=exchange.entry_id,
            )
        return None

    def _lot(self) -> Lot:
        exchange = self.exchange
        terms = programme_terms(self.session)
        earned_in = self.on.replace(day=1)
        return Lot(
            issuer=exchange.partner,
            funding=exchange.partner,
            cost_class=COST_CLASS,
            earned_in=earned_in,
            expires_on=_months_after(earned_in, terms.expiry_months + 1)
            - timedelta(days=1),
        )

    def _lot_of_entry(self) -> Lot | None:
        """Return the lot that the credit opened; None: all of it paid a debt."""
        row = self.session.execute(
            text(
                """
                SELECT x.issuer, x.funding, x.cost_class, x.earned_in, x.expires_on
                  FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x
                 WHERE t.member_id = :member AND t.id = :entry
                   AND t.credit = 'available'
                """
            ),
            {"member": self.exchange.member_id, "entry": self.exchange.entry_id},
        ).one_or_none()
        return None if row is None else Lot(*row)

    def _moved_by(self, entry_id: UUID | None) -> int:
        if entry_id is None:
            return 0
        moved = self.session.scalar(
            text(
                "SELECT sum(amount) FROM ledger.transfer"
                " WHERE member_id = :member AND id = :entry"
            ),
            {"member": self.exchange.member_id, "entry": entry_id},
        )
        return int(moved or 0)

    def _post(
        self,
        kind: str,
        transfer: Transfer,
        *,
        suffix: str = "",
        reverses: UUID | None = None,
    ) -> UUID:
        exchange = self.exchange
        posted = Book(self.session).post(
            Entry(
                member_id=exchange.member_id,
                reference=f"exchange:{exchange.exchange_ref}{suffix}",
                kind=kind,
                transfers=(transfer,),
                effective_on=self.open_on,
                occurred_at=self.at,
                actor=self.actor,
                rule_version=exchange.rate_version,
                reverses=reverses,
                asked={"kind": kind, "quote": exchange.content, "of": reverses},
            )
        )
        return posted.id


def _months_after(first: date, months: int) -> date:
    month = first.month - 1 + months
    return date(first.year + month // 12, month % 12 + 1, 1)


def days(session: Session, at: datetime) -> tuple[date, date]:
    """Return the day it is, and the day that entries are dated to."""
    on = at.astimezone(TIME_ZONE).date()
    return on, max(on, first_open_day(session) or on)


def take(
    session: Session, member_id: int, exchange_ref: str, *, actor: str, at: datetime
) -> Hand:
    """Take an exchange in hand: nobody else moves it until the transaction ends.

    Raises `UnknownExchange`.
    """
    on, open_on = days(session, at)
    Book(session).lock([member_id])
    exchange = session.get(Exchange, (member_id, exchange_ref), populate_existing=True)
    if exchange is None:
        raise UnknownExchange(exchange_ref=exchange_ref)
    return Hand(session, exchange, on, open_on, at, actor)


_TOLD = ("confirmed", "declined", "disputed")


def move(hand: Hand, state: str, reason: str | None = None) -> None:
    """Move an exchange to a state, and write down who did it and why."""
    exchange, session = hand.exchange, hand.session
    is_news = state in _TOLD and state != exchange.state
    exchange.state, exchange.state_at = state, hand.at
    session.flush()
    nth = session.scalar(
        select(func.coalesce(func.max(ExchangeEvent.nth), 0) + 1).where(
            ExchangeEvent.member_id == exchange.member_id,
            ExchangeEvent.exchange_ref == exchange.exchange_ref,
        )
    )
    session.execute(
        insert(ExchangeEvent).values(
            **hand.key,
            nth=nth,
            state=state,
            at=hand.at,
            actor=hand.actor,
            reason=reason,
        )
    )
    if is_news:
        tell(
            session,
            partner=exchange.partner,
            type_=f"exchange.{state}",
            data={
                "id": f"exc_{exchange.exchange_ref}",
                "partner_ref": exchange.partner_ref,
                "direction": exchange.direction,
                "from_unit": exchange.from_unit,
                "units_out": exchange.units_out,
                "to_unit": exchange.to_unit,
                "units_in": exchange.units_in,
                "reason": reason,
            },
            at=hand.at,
        )


def confirm(hand: Hand, reason: str | None = None) -> None:
    """Let the points go, or come, and owe or be owed for them."""
    exchange = hand.exchange
    if exchange.direction == Direction.OUT:
        hand.capture()
    elif is_void(hand.session, member_id=exchange.member_id):
        # Points would be void as they come: somebody must ask for the units back.
        blocks.release(hand.session, [exchange.exchange_ref], at=hand.at)
        move(hand, "disputed", "has_left")
        return
    else:
        hand.credit()
    blocks.draw_reserved(hand.session, [exchange.exchange_ref], at=hand.at)
    move(hand, "confirmed", reason)


def release(hand: Hand, reason: str) -> None:
    """End an exchange that did not come about; the same lots have their points back."""
    if hand.exchange.held_by is not None:
        hand.release()
    blocks.release(hand.session, [hand.exchange.exchange_ref], at=hand.at)
    move(hand, "declined", reason)


def draw(hand: Hand) -> bool:
    """Draw what was paid for in advance, after all; False: too little is left."""
    exchange = hand.exchange
    (is_met,) = blocks.draw(
        hand.session,
        [blocks.Want(exchange.exchange_ref, exchange.units_in, hand.on)],
        partner=exchange.partner,
        direction=exchange.direction,
        at=hand.at,
    )
    return is_met

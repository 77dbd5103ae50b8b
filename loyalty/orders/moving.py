"""The moves that all use cases of orders are made of.

An order in hand is locked: nobody else moves it until the transaction ends.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.catalogue.operations import put_back_stock
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.clubs.operations import admit
from loyalty.clubs.rules import JoinWay
from loyalty.keyring import Keyring
from loyalty.orders import showing
from loyalty.orders.errors import UnknownOrder
from loyalty.orders.models import (
    Booking,
    Delivery,
    MemberOrder,
    OrderAttempt,
    OrderEvent,
    PrepaidCredit,
)
from loyalty.orders.rules import (
    Question,
    Recipient,
    Way,
    partner_reference,
    share,
)
from loyalty.orders.showing import OrderView
from loyalty.payments.models import Payment
from loyalty.payments.operations import ask as ask_payment
from loyalty.payments.operations import ask_refund
from loyalty.payments.rules import payment_deadline
from loyalty.points.operations import first_open_day
from loyalty.redemption import operations as redemption
from loyalty.redemption.models import RedemptionReturn
from loyalty.settings import TIME_ZONE
from loyalty.vouchers import operations as vouchers

VOUCHERS = ("VOUCHER", "TOP_UP")
SEALED = "order.recipient"  # the purpose under which recipients are sealed


@dataclass(frozen=True, slots=True)
class InHand:
    """An order that is locked, and who does something to it when."""

    session: Session
    order: MemberOrder
    payment: Payment | None  # None: it costs no money, or none was asked for yet
    on: date  # the day itself
    open_on: date  # the day that entries are dated to
    at: datetime
    actor: str

    @property
    def step(self) -> redemption.Step:
        """What the ledger is told of it."""
        return redemption.Step(
            member_id=self.order.member_id,
            ref=f"order:{self.order.order_ref}",
            on=self.open_on,
            at=self.at,
            actor=self.actor,
        )

    @property
    def key(self) -> dict[str, Any]:
        """What names the order in every table that hangs on it."""
        return {"member_id": self.order.member_id, "order_ref": self.order.order_ref}

    @property
    def left(self) -> int:
        """How many pieces were not given back yet."""
        return self.order.quantity - self.order.returned_quantity


def days(session: Session, at: datetime) -> tuple[date, date]:
    """Return the day it is, and the day that entries are dated to."""
    on = at.astimezone(TIME_ZONE).date()
    return on, max(on, first_open_day(session) or on)


def take(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> InHand:
    """Take an order in hand.

    Raises `UnknownOrder`.
    """
    # Events of the provider lock the payment first of all, and so do we.
    payment = session.get(
        Payment,
        (member_id, partner_reference(member_id=member_id, order_ref=order_ref)),
        with_for_update=True,
        populate_existing=True,
    )
    on, open_on = days(session, at)
    Book(session).lock([member_id])
    order = session.get(MemberOrder, (member_id, order_ref), populate_existing=True)
    if order is None:
        raise UnknownOrder(order_ref=order_ref)
    return InHand(session, order, payment, on, open_on, at, actor)


def move(hand: InHand, state: str, reason: str | None = None) -> None:
    """Move an order to a state, and write down who did it and why."""
    session, order = hand.session, hand.order
    order.state, order.state_at = state, hand.at
    session.flush()
    nth = session.scalar(
        select(func.coalesce(func.max(OrderEvent.nth), 0) + 1).where(
            OrderEvent.member_id == order.member_id,
            OrderEvent.order_ref == order.order_ref,
        )
    )
    session.execute(
        insert(OrderEvent).values(
            **hand.key,
            nth=nth,
            state=state,
            at=hand.at,
            actor=hand.actor,
            reason=reason,
        )
    )


def hold_points(hand: InHand) -> None:
    """Set the points of an order aside; one that costs none holds none."""
    order = hand.order
    if order.points:
        order.held_by = redemption.hold(hand.session, hand.step, points=order.points)


def spend_points(hand: InHand) -> None:
    """Let the points of an order go for good, and owe its partner what is agreed."""
    order, session = hand.order, hand.session
    if order.held_by is not None:
        order.redeemed_by = redemption.capture(
            session, hand.step, held_by=order.held_by, account=order.account
        )
    elif order.points:
        order.redeemed_by = redemption.redeem(
            session, hand.step, points=order.points, account=order.account
        )
    redemption.record(
        session,
        hand.step,
        item_code=order.item_code,
        quantity=order.quantity,
        channel=order.channel,
        points=order.points,
        settlement_fen=order.settlement_fen,
        partner=order.partner,
        cost_treatment=order.cost_treatment,
        entry_id=order.redeemed_by,
    )


def hand_over(hand: InHand, reason: str | None = None) -> None:
    """Give the member what was set aside: codes at once, all else as it comes."""
    order = hand.order
    if order.fulfilment == "CLUB":
        admit(
            hand.session,
            member_id=order.member_id,
            item_code=order.item_code,
            way=JoinWay.POINTS if order.way == Way.POINTS else JoinWay.FEE,
            order_ref=order.order_ref,
            actor=hand.actor,
            at=hand.at,
        )
        move(hand, "fulfilled", reason)
        return
    if order.fulfilment in VOUCHERS:
        vouchers.issue(
            hand.session,
            member_id=order.member_id,
            order_ref=order.order_ref,
            valid_until=hand.on + timedelta(days=order.valid_days),
            at=hand.at,
        )
        move(hand, "fulfilled", reason)
        return
    if order.fulfilment == "DELIVERY":
        hand.session.execute(
            insert(Delivery).values(**hand.key, state="packing", state_at=hand.at)
        )
    move(hand, "accepted", reason)


def go_on(hand: InHand, reason: str | None = None) -> None:
    """Go on with an order that nobody needs to pay or review any more."""
    if hand.order.fulfilment == "INSURANCE":
        move(hand, "accepted", reason)  # the points stay held until there is a policy
    else:
        spend_points(hand)
        hand_over(hand, reason)


def let_go(hand: InHand, state: str, reason: str | None) -> None:
    """End an order that was not redeemed: points, codes, places and money go back."""
    order, session = hand.order, hand.session
    if order.held_by is not None:
        redemption.release(session, hand.step, held_by=order.held_by)
    if order.fulfilment in VOUCHERS:
        vouchers.put_back(
            session, member_id=order.member_id, order_ref=order.order_ref, at=hand.at
        )
    cancel_booking(hand)
    drop_credit(hand)
    move(hand, state, reason)
    refund(hand, name="all", amount_fen=order.cash_fen, reason=reason)
    put_back_stock(session, item_code=order.item_code, quantity=order.quantity)


def undo(hand: InHand, *, quantity: int, reason: str | None, restock: bool) -> None:
    """Give back `quantity` pieces of an order that was redeemed.

    Points go to the lots they came from, the last drawn first; points, money and what
    is owed to the partner are shared out so that the parts add up exactly.
    """
    order, session = hand.order, hand.session
    part = {
        "quantity": quantity,
        "returned": order.returned_quantity,
        "of": order.quantity,
    }
    nth = give_back(
        hand,
        quantity=quantity,
        points=share(order.points, **part),
        settlement_fen=share(order.settlement_fen, **part),
    )
    if order.fulfilment in VOUCHERS and order.state == "fulfilled":
        vouchers.void(
            session,
            member_id=order.member_id,
            order_ref=order.order_ref,
            quantity=quantity,
            on=hand.on,
            at=hand.at,
        )
    cancel_booking(hand)
    cash_fen = share(order.cash_fen, **part)
    order.returned_quantity += quantity
    session.flush()
    refund(hand, name=str(nth), amount_fen=cash_fen, reason=reason)
    # A code of a pool is spoilt once it was shown.
    if restock and not (order.fulfilment in VOUCHERS and order.code_source == "POOL"):
        put_back_stock(session, item_code=order.item_code, quantity=quantity)


def give_back(hand: InHand, *, quantity: int, points: int, settlement_fen: int) -> int:
    """Give points of a redeemed order back, and owe as much less; which return it is.

    They go to the lots they came from, the last drawn first.
    """
    order, session = hand.order, hand.session
    nth = 1 + (
        session.scalar(
            select(func.count()).where(
                RedemptionReturn.member_id == order.member_id,
                RedemptionReturn.redemption_ref == hand.step.ref,
            )
        )
        or 0
    )
    entry_id: UUID | None = None
    if points:
        assert order.redeemed_by is not None
        entry_id = redemption.give_back(
            session, hand.step, redeemed_by=order.redeemed_by, points=points, nth=nth
        )
    redemption.record_return(
        session,
        hand.step,
        nth=nth,
        quantity=quantity,
        points=points,
        settlement_fen=settlement_fen,
        entry_id=entry_id,
    )
    return nth


def refund(hand: InHand, *, name: str, amount_fen: int, reason: str | None) -> None:
    """Ask for money back, if any came; the provider is told after the commit.

    What became prepaid balance is refunded when it has been taken back from there.
    """
    payment = hand.payment
    if payment is None or payment.state != "succeeded" or amount_fen == 0:
        return
    credit = credit_of(hand)
    if credit is not None and credit.state in ("asked", "credited", "kept"):
        return
    ask_refund(
        hand.session,
        member_id=hand.order.member_id,
        refund_ref=f"{payment.payment_ref}:{name}",
        payment_ref=payment.payment_ref,
        amount_fen=amount_fen,
        reason=reason or "canceled",
        at=hand.at,
    )


def cancel_booking(hand: InHand) -> None:
    """Give up the places of an order, if it has any."""
    if hand.order.fulfilment == "BOOKING":
        hand.session.execute(
            update(Booking)
            .where(
                Booking.member_id == hand.order.member_id,
                Booking.order_ref == hand.order.order_ref,
            )
            .values(state="canceled", state_at=hand.at)
            .execution_options(synchronize_session=False)
        )


def credit_of(hand: InHand) -> PrepaidCredit | None:
    """Return what is credited in advance; None: nothing is."""
    key = (hand.order.member_id, hand.order.order_ref)
    return hand.session.get(PrepaidCredit, key, populate_existing=True)


def drop_credit(hand: InHand) -> None:
    """Give up a prepaid credit that nobody has been asked for yet."""
    credit = credit_of(hand)
    if credit is None or credit.state != "asked":
        return
    was_asked = hand.session.scalar(
        select(func.count()).where(
            OrderAttempt.member_id == hand.order.member_id,
            OrderAttempt.order_ref == hand.order.order_ref,
            OrderAttempt.what == Question.CREDIT,
        )
    )
    if not was_asked:
        credit.state, credit.state_at = "dropped", hand.at
        hand.session.flush()


def ask_to_pay(hand: InHand, reason: str | None) -> None:
    """Ask for the money of an order, which waits for it as long as a page is open."""
    order, session = hand.order, hand.session
    item = catalogue_item(session, order.item_code)
    many = "" if order.quantity == 1 else f" × {order.quantity}"
    ask_payment(
        session,
        member_id=order.member_id,
        payment_ref=partner_reference(
            member_id=order.member_id, order_ref=order.order_ref
        ),
        purpose="order",
        purpose_ref=order.order_ref,
        amount_fen=order.cash_fen,
        title=f"{item.title_zh} {item.title_en}{many}",
        at=hand.at,
        expires_at=payment_deadline(hand.at),
    )
    move(hand, "awaiting_payment", reason)


def shown(hand: InHand) -> OrderView:
    """Return an order in hand as a page shows it."""
    hand.session.flush()
    return showing.order(hand.session, **hand.key, on=hand.on)


def recipient_of(keyring: Keyring, order: MemberOrder) -> Recipient:
    """Open what was said of whom an order is for, to who has to fulfil it."""
    if order.recipient is None:
        return Recipient()
    facts: dict[str, Any] = json.loads(keyring.unseal(SEALED, order.recipient))
    day = facts.get("on_day")
    return Recipient(**facts | {"on_day": day and date.fromisoformat(day)})

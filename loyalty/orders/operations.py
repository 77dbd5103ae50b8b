"""Move orders through their states; `place` begins them.

Every use case locks in one order: the payment, if there is one, then the day that
entries may be dated to, then the member's book; the order and what hangs on it is
guarded by the book. The stock of an item, which all members share, comes last.
"""

from datetime import datetime

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from loyalty.keyring import Keyring
from loyalty.orders.errors import (
    FreeLookOver,
    NoteMissing,
    NotReturnable,
    OrderMovedOn,
    OwnOrder,
    PartnerIsAsked,
    RecipientIncomplete,
    ReturnTooLarge,
    ReviewTooEarly,
    UnknownOrder,
)
from loyalty.orders.models import Booking, Delivery, MemberOrder
from loyalty.orders.moving import (
    InHand,
    ask_to_pay,
    go_on,
    let_go,
    move,
    recipient_of,
    refund,
    shown,
    take,
    undo,
)
from loyalty.orders.placing import Placed, place
from loyalty.orders.rules import (
    OVER_STATES,
    REVIEW_AFTER,
    Recipient,
    Standing,
    cancel_refusal,
    returnable,
)
from loyalty.orders.showing import OrderView
from loyalty.settings import TIME_ZONE
from loyalty.vouchers.errors import VoucherUsed

__all__ = [
    "Placed",
    "attend",
    "cancel",
    "decline_review",
    "deliver",
    "lapse_review",
    "lose",
    "miss",
    "open_recipient",
    "paid",
    "payment_expired",
    "place",
    "refunded",
    "release_review",
    "return_part",
    "send_back",
    "ship",
]


def cancel(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    actor: str,
    reason: str | None,
    at: datetime,
) -> OrderView:
    """Cancel an order and give everything back, where it can still be undone.

    An issued policy is canceled by its insurer first: the order is `in_progress` until
    `delivery.advance` has the answer. So is a checkout closed, and money refunded. An
    order that is canceled already stays so.

    `actor` is `member`, or whoever else does it: `staff:…`, `job:…`. Raises
    `UnknownOrder`, `OrderMovedOn`, `PartnerIsAsked`, `NotReturnable`, `FreeLookOver`
    and `VoucherUsed`.
    """
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=actor, at=at)
    order = hand.order
    if order.state == "canceled":
        return shown(hand)
    standing = _standing(hand)
    _refuse(
        cancel_refusal(standing, by_member=_is_member(actor), on=hand.on),
        order,
        standing,
    )
    is_redeemed = order.state in ("accepted", "fulfilled")
    if order.fulfilment == "INSURANCE" and order.state == "fulfilled":
        move(hand, "in_progress", reason or "cancel")
    elif is_redeemed and order.fulfilment != "INSURANCE":
        undo(hand, quantity=hand.left, reason=reason, restock=True)
        move(hand, "canceled", reason)
    else:
        let_go(hand, "canceled", reason)
    return shown(hand)


def return_part(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    quantity: int,
    actor: str,
    reason: str | None,
    at: datetime,
) -> OrderView:
    """Give back some pieces of an order: unused codes, or goods that came back.

    Their share of points goes to the lots they came from, the last drawn first, their
    share of the money to the card. Goods are taken back by staff. Raises
    `UnknownOrder`, `NotReturnable` and `ReturnTooLarge`.
    """
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=actor, at=at)
    left = returnable(_standing(hand), by_member=_is_member(actor))
    if left == 0:
        raise NotReturnable(order_ref=order_ref)
    if not 1 <= quantity <= left:
        raise ReturnTooLarge(quantity=quantity, left=left)
    undo(hand, quantity=quantity, reason=reason, restock=True)
    move(hand, "fulfilled" if hand.left else "returned", reason or "returned")
    return shown(hand)


def release_review(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    staff_id: int,
    note: str,
    at: datetime,
) -> OrderView:
    """Let a large order go, a day after it was placed, saying why it is believed.

    Raises `UnknownOrder`, `OrderMovedOn`, `OwnOrder`, `NoteMissing`,
    `ReviewTooEarly`.
    """
    hand = _awaiting_review(
        session,
        member_id=member_id,
        order_ref=order_ref,
        staff_id=staff_id,
        note=note,
        at=at,
    )
    not_before = hand.order.placed_at + REVIEW_AFTER
    if at < not_before:
        raise ReviewTooEarly(not_before=not_before.astimezone(TIME_ZONE))
    if hand.order.cash_fen:
        ask_to_pay(hand, note)
    else:
        go_on(hand, note)
    return shown(hand)


def decline_review(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    staff_id: int,
    note: str,
    at: datetime,
) -> OrderView:
    """Refuse a large order, and give its points back.

    Raises `UnknownOrder`, `OrderMovedOn`, `OwnOrder`, `NoteMissing`.
    """
    hand = _awaiting_review(
        session,
        member_id=member_id,
        order_ref=order_ref,
        staff_id=staff_id,
        note=note,
        at=at,
    )
    let_go(hand, "canceled", note)
    return shown(hand)


def lapse_review(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Give the points of a large order back that nobody has decided about."""
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=actor, at=at)
    if hand.order.state == "awaiting_review":
        let_go(hand, "canceled", "review_lapsed")
    return shown(hand)


def paid(
    session: Session, *, member_id: int, order_ref: str, at: datetime
) -> OrderView:
    """Go on with an order whose payment has come; said again, it changes nothing.

    Money that comes after the order was given up goes back. Nothing happens for a
    payment that has not succeeded. Raises `UnknownOrder`.
    """
    hand = take(
        session, member_id=member_id, order_ref=order_ref, actor="payments", at=at
    )
    payment, order = hand.payment, hand.order
    if payment is not None and payment.state == "succeeded":
        if order.state == "awaiting_payment":
            go_on(hand, "paid")
        # What was given back once is no money that came too late.
        elif (
            order.state in OVER_STATES
            and payment.refunding_fen == 0
            and order.returned_quantity == 0
        ):
            refund(
                hand,
                name="late",
                amount_fen=payment.refundable_fen,
                reason="paid_too_late",
            )
    return shown(hand)


def payment_expired(
    session: Session, *, member_id: int, order_ref: str, at: datetime
) -> OrderView:
    """Give up an order that will not be paid; said again, it changes nothing.

    Nothing happens while somebody could still pay. Raises `UnknownOrder`.
    """
    hand = take(
        session, member_id=member_id, order_ref=order_ref, actor="payments", at=at
    )
    is_gone = hand.payment is not None and hand.payment.state == "expired"
    if hand.order.state == "awaiting_payment" and is_gone:
        let_go(hand, "canceled", "payment_expired")
    return shown(hand)


def refunded(
    session: Session, *, member_id: int, order_ref: str, at: datetime
) -> OrderView:
    """Take note that money of an order went back; the refunds tell which.

    Raises `UnknownOrder`.
    """
    hand = take(
        session, member_id=member_id, order_ref=order_ref, actor="payments", at=at
    )
    return shown(hand)


def ship(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    carrier: str,
    tracking_no: str,
    actor: str,
    at: datetime,
) -> OrderView:
    """Hand a parcel to its carrier.

    Raises `UnknownOrder`, `OrderMovedOn`, `RecipientIncomplete`.
    """
    needed = [
        name
        for name, said in (("carrier", carrier), ("tracking_no", tracking_no))
        if not said.strip()
    ]
    if needed:
        raise RecipientIncomplete(needed=needed)
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="DELIVERY",
        state="accepted",
    )
    _set_delivery(
        hand, "shipped", carrier=carrier.strip(), tracking_no=tracking_no.strip()
    )
    move(hand, "in_progress", "shipped")
    return shown(hand)


def deliver(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Note that a parcel has arrived. Raises `UnknownOrder`, `OrderMovedOn`."""
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="DELIVERY",
        state="in_progress",
    )
    _set_delivery(hand, "delivered")
    move(hand, "fulfilled", "delivered")
    return shown(hand)


def lose(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Give everything back for a parcel that was lost; the goods are gone.

    Raises `UnknownOrder`, `OrderMovedOn`.
    """
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="DELIVERY",
        state="in_progress",
    )
    _set_delivery(hand, "lost")
    undo(hand, quantity=hand.left, reason="lost", restock=False)
    move(hand, "failed", "lost")
    return shown(hand)


def send_back(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Give everything back for a parcel that came back to us with its goods.

    Raises `UnknownOrder`, `OrderMovedOn`.
    """
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="DELIVERY",
        state="in_progress",
    )
    _set_delivery(hand, "sent_back")
    undo(hand, quantity=hand.left, reason="sent_back", restock=True)
    move(hand, "returned", "sent_back")
    return shown(hand)


def attend(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Note that the member came. Raises `UnknownOrder`, `OrderMovedOn`."""
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="BOOKING",
        state="accepted",
    )
    return _see(hand, "attended")


def miss(
    session: Session, *, member_id: int, order_ref: str, actor: str, at: datetime
) -> OrderView:
    """Note that the member did not come; the place was kept, so nothing goes back.

    Raises `UnknownOrder`, `OrderMovedOn`.
    """
    hand = _in_state(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=actor,
        at=at,
        fulfilment="BOOKING",
        state="accepted",
    )
    return _see(hand, "missed")


def open_recipient(
    session: Session, *, member_id: int, order_ref: str, keyring: Keyring
) -> Recipient:
    """Return whom an order is for, such as the address on a parcel.

    Raises `UnknownOrder`.
    """
    order = session.get(MemberOrder, (member_id, order_ref))
    if order is None:
        raise UnknownOrder(order_ref=order_ref)
    return recipient_of(keyring, order)


def _standing(hand: InHand) -> Standing:
    """Return what decides whether an order in hand can be undone."""
    order, session = hand.order, hand.session
    mine = {"member": order.member_id, "ref": order.order_ref, "on": hand.on}
    row = session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM voucher v
                     WHERE v.member_id = :member AND v.order_ref = :ref
                       AND v.state = 'issued'
                       AND (v.valid_until IS NULL OR v.valid_until >= :on)) AS unused,
                   EXISTS (SELECT FROM order_attempt a
                            WHERE a.member_id = :member AND a.order_ref = :ref)
                       AS is_asked,
                   (SELECT free_look_until FROM policy p
                     WHERE p.member_id = :member AND p.order_ref = :ref)
                       AS free_look_until,
                   (SELECT on_day FROM booking b
                     WHERE b.member_id = :member AND b.order_ref = :ref) AS booked_for
            """
        ),
        mine,
    ).one()
    return Standing(
        state=order.state,
        fulfilment=order.fulfilment,
        code_source=order.code_source,
        left=hand.left,
        unused=row.unused,
        is_asked=row.is_asked,
        free_look_until=row.free_look_until,
        booked_for=row.booked_for,
    )


def _refuse(code: str | None, order: MemberOrder, standing: Standing) -> None:
    """Raise what a refusal of `cancel_refusal` means."""
    match code:
        case None:
            return
        case "partner_is_asked":
            raise PartnerIsAsked(order_ref=order.order_ref)
        case "not_returnable":
            raise NotReturnable(order_ref=order.order_ref)
        case "free_look_over":
            until = standing.free_look_until
            raise FreeLookOver(until=until.isoformat() if until else None)
        case "voucher_used":
            raise VoucherUsed(unused=standing.unused, wanted=standing.left)
    raise OrderMovedOn(order_ref=order.order_ref, state=order.state)


def _is_member(actor: str) -> bool:
    return actor.partition(":")[0] == "member"


def _awaiting_review(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    staff_id: int,
    note: str,
    at: datetime,
) -> InHand:
    """Take an order in hand that waits for somebody else to decide about it."""
    hand = take(
        session,
        member_id=member_id,
        order_ref=order_ref,
        actor=f"staff:{staff_id}",
        at=at,
    )
    if hand.order.state != "awaiting_review":
        raise OrderMovedOn(order_ref=order_ref, state=hand.order.state)
    if hand.order.staff_id == staff_id:
        raise OwnOrder
    if not note.strip():
        raise NoteMissing
    return hand


def _in_state(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    actor: str,
    at: datetime,
    fulfilment: str,
    state: str,
) -> InHand:
    """Take an order of a kind in hand, in the only state it may go on from."""
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=actor, at=at)
    if (hand.order.fulfilment, hand.order.state) != (fulfilment, state):
        raise OrderMovedOn(order_ref=order_ref, state=hand.order.state)
    return hand


def _set_delivery(hand: InHand, state: str, **facts: str) -> None:
    hand.session.execute(
        update(Delivery)
        .where(
            Delivery.member_id == hand.order.member_id,
            Delivery.order_ref == hand.order.order_ref,
        )
        .values(state=state, state_at=hand.at, **facts)
        .execution_options(synchronize_session=False)
    )


def _see(hand: InHand, state: str) -> OrderView:
    """Note whether a member came to what was booked."""
    hand.session.execute(
        update(Booking)
        .where(
            Booking.member_id == hand.order.member_id,
            Booking.order_ref == hand.order.order_ref,
        )
        .values(state=state, state_at=hand.at)
        .execution_options(synchronize_session=False)
    )
    move(hand, "fulfilled", state)
    return shown(hand)

"""Place an order: decide whether the member may have it, and begin it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger import errors as ledger
from ledger.book import Book
from loyalty.access.errors import CoolingDown
from loyalty.access.operations import spend_code
from loyalty.access.queries import guard
from loyalty.access.rules import BOUND_POINTS_MAX, Level, is_fresh
from loyalty.catalogue.errors import SoldOut
from loyalty.catalogue.operations import take_stock
from loyalty.catalogue.rules import Item, WhyNot
from loyalty.clubs.errors import AlreadyMember
from loyalty.errors import LoyaltyError
from loyalty.keyring import Keyring
from loyalty.orders import quotes, showing
from loyalty.orders.errors import (
    BadOrderRef,
    BrandNotAllowed,
    ChannelNotAllowed,
    ClerkCapReached,
    ClubNotAllowed,
    ClubPlaceOrdered,
    ConsentMissing,
    GateClosed,
    LimitReached,
    NotOnSale,
    OrderRefReused,
    PointsMissing,
    PriceChanged,
    RecipientIncomplete,
    SignInStale,
    SpendLocked,
    StoredValueReached,
    TierNotAllowed,
    VelocityReached,
)
from loyalty.orders.models import Booking, MemberOrder, PrepaidCredit
from loyalty.orders.moving import (
    SEALED,
    VOUCHERS,
    InHand,
    ask_to_pay,
    days,
    hand_over,
    hold_points,
    move,
    spend_points,
)
from loyalty.orders.quotes import Quote
from loyalty.orders.rules import (
    CLERK_ORDERS_PER_DAY,
    CLERK_POINTS_PER_DAY,
    STORED_VALUE_FEN_PER_DAY,
    WEB_ORDERS_PER_DAY,
    WEB_POINTS_PER_DAY,
    Recipient,
    Way,
    asked,
    binding,
    is_prepay,
    recipient_faults,
    recipient_hint,
    service_channel,
)
from loyalty.orders.showing import OrderView
from loyalty.settings import TIME_ZONE
from loyalty.vouchers import operations as vouchers
from loyalty.vouchers.errors import PoolEmpty

_CONTENT = "order.content"
_REF_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to an order: the same one, however often it is sent."""

    order: OrderView
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Wish:
    """An order as it was sent, and what it comes to."""

    member_id: int
    order_ref: str
    channel: str
    recipient: Recipient | None
    staff_id: int | None
    offer: Quote
    content: UUID
    on: date
    at: datetime

    @property
    def actor(self) -> str:
        return "member" if self.staff_id is None else f"staff:{self.staff_id}"

    @property
    def is_reviewed(self) -> bool:
        return self.offer.level >= Level.REVIEWED


def place(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    item_code: str,
    quantity: int,
    way: str,
    channel: str,
    recipient: Recipient | None,
    staff_id: int | None,
    fresh_at: datetime | None,
    expected_points: int,
    expected_cash_fen: int,
    keyring: Keyring,
    at: datetime,
) -> Placed:
    """Order something for a member, once per `order_ref`.

    The same order sent again has the same answer, whatever the price is by then.
    Points leave at once, or are held until there is a policy, a payment or a review;
    then call `delivery.advance`. `staff_id` is the clerk who orders for a member;
    that always takes the member's own code, of purpose `assist`.

    When it is refused nothing is written, and no confirmation is used up. Raises
    `UnknownItem`, `NotAMember`, `QuantityOutOfRange`, `WayNotOffered`, `NotOnSale`,
    `ChannelNotAllowed`, `BrandNotAllowed`, `TierNotAllowed`, `ClubNotAllowed`,
    `AlreadyMember`, `ClubPlaceOrdered`, `SoldOut`,
    `LimitReached`, `PriceChanged`, `RecipientIncomplete`, `ConsentMissing`,
    `GateClosed`, `PointsMissing`, `SpendLocked`, `CoolingDown`, `VelocityReached`,
    `ClerkCapReached`, `StoredValueReached`, `SignInStale`, `ConfirmationMissing`,
    `BadOrderRef`, `OrderRefReused`.
    """
    if len(order_ref) != _REF_LENGTH or not set(order_ref) <= set("0123456789abcdef"):
        raise BadOrderRef
    on, open_on = days(session, at)
    Book(session).lock([member_id])
    content = _content(
        keyring,
        asked(
            item_code=item_code,
            quantity=quantity,
            way=way,
            channel=channel,
            recipient=recipient,
        ),
    )
    known = session.get(MemberOrder, (member_id, order_ref), populate_existing=True)
    if known is not None:
        if known.content != content:
            raise OrderRefReused(order_ref=order_ref)
        return Placed(_view(session, member_id, order_ref, on), replayed=True)
    offer = quotes.quote(
        session,
        member_id=member_id,
        item_code=item_code,
        quantity=quantity,
        way=way,
        channel=channel,
        on=on,
    )
    wish = _Wish(
        member_id, order_ref, channel, recipient, staff_id, offer, content, on, at
    )
    _check_offer(offer, channel, (expected_points, expected_cash_fen))
    msisdn = _check_recipient(session, wish)
    _check_points(offer)
    _check_guards(session, wish)
    with session.begin_nested():
        _confirm(session, wish, fresh_at)
        order = _insert(session, wish, keyring)
        hand = InHand(session, order, None, on, open_on, at, wish.actor)
        _begin(hand, wish, keyring, msisdn)
    return Placed(_view(session, member_id, order_ref, on), replayed=False)


def _view(session: Session, member_id: int, order_ref: str, on: date) -> OrderView:
    return showing.order(session, member_id=member_id, order_ref=order_ref, on=on)


def _content(keyring: Keyring, wanted: Any) -> UUID:
    """Return a keyed name of what was asked, which tells a stranger nothing."""
    canonical = json.dumps(wanted, sort_keys=True, default=str, ensure_ascii=False)
    return UUID(bytes=keyring.digest(_CONTENT, canonical)[:16])


def _check_offer(offer: Quote, channel: str, expected: tuple[int, int]) -> None:
    if offer.why_not is not None:
        raise _reason(offer, offer.why_not, channel)
    if (offer.points, offer.cash_fen) != expected:
        raise PriceChanged(points=offer.points, cash_fen=offer.cash_fen)


def _reason(offer: Quote, why_not: WhyNot, channel: str) -> LoyaltyError:
    item = offer.item
    match why_not.code:
        case "channel_not_allowed":
            return ChannelNotAllowed(channel=channel, channels=item.channels or ())
        case "brand_not_allowed":
            return BrandNotAllowed(brands=item.brands or ())
        case "tier_not_allowed":
            return TierNotAllowed(tiers=item.tiers or ())
        case "sold_out":
            return SoldOut(item_code=item.item_code)
        case "limit_reached":
            return LimitReached(count=item.limit_count or 0, days=item.limit_days or 0)
    return _reason_of_club(item, why_not)


def _reason_of_club(item: Item, why_not: WhyNot) -> LoyaltyError:
    facts: dict[str, Any] = dict(why_not.facts)
    match why_not.code:
        case "club_not_allowed":
            return ClubNotAllowed(clubs=item.clubs or ())
        case "club_place_ordered":
            return ClubPlaceOrdered()
        case "already_club_member":
            return AlreadyMember(**facts)
    return NotOnSale(item_code=item.item_code)


def _check_recipient(session: Session, wish: _Wish) -> str | None:
    """Return the line that is credited in advance; None: none is."""
    item, given = wish.offer.item, wish.recipient or Recipient()
    faults = recipient_faults(given, fulfilment=item.fulfilment, on=wish.on)
    lines = quotes.lines_of(session, member_id=wish.member_id)
    msisdn = given.msisdn or (lines[0] if lines else None)
    if item.fulfilment == "INSURANCE" and msisdn not in lines:
        faults.append("msisdn")
    if faults:
        raise RecipientIncomplete(needed=faults)
    if item.fulfilment == "INSURANCE" and not given.consent:
        raise ConsentMissing
    return msisdn


def _check_points(offer: Quote) -> None:
    if offer.gate != "open" and offer.way != Way.CASH:
        raise GateClosed(gate=offer.gate)
    if offer.missing:
        raise PointsMissing(needed=offer.points, available=offer.available)


def _check_guards(session: Session, wish: _Wish) -> None:
    guarded = guard(session, wish.member_id)
    if guarded.spend_locked_at is not None:
        raise SpendLocked
    until, level = guarded.cool_down_until, wish.offer.level
    if level >= Level.BOUND and until is not None and until > wish.at:
        raise CoolingDown(until=until.astimezone(TIME_ZONE))
    whose = "staff_id = :staff"
    if wish.staff_id is None:
        whose = "member_id = :member AND staff_id IS NULL"
        orders_max, points_max = WEB_ORDERS_PER_DAY, WEB_POINTS_PER_DAY
    else:
        # Members whom one clerk serves at the same time must not pass each other.
        session.execute(
            text("SELECT FROM staff WHERE staff_id = :staff FOR NO KEY UPDATE"),
            {"staff": wish.staff_id},
        )
        orders_max, points_max = CLERK_ORDERS_PER_DAY, CLERK_POINTS_PER_DAY
    orders, points = session.execute(
        text(
            f"""
            SELECT count(*), coalesce(sum(points) FILTER (WHERE points <= :bound), 0)
              FROM member_order
             WHERE {whose} AND placed_at >= :since
               AND state NOT IN ('canceled', 'failed')
            """
        ),
        {
            "staff": wish.staff_id,
            "member": wish.member_id,
            "since": datetime.combine(wish.on, time.min, TIME_ZONE),
            "bound": BOUND_POINTS_MAX,
        },
    ).one()
    # A person decides about what is reviewed, so its points are outside the day's.
    more = 0 if wish.is_reviewed else wish.offer.points
    if orders >= orders_max or (more and points + more > points_max):
        reached = VelocityReached if wish.staff_id is None else ClerkCapReached
        raise reached(orders_max=orders_max, points_max=points_max)
    _check_stored_value(session, wish)


def _check_stored_value(session: Session, wish: _Wish) -> None:
    """Hold what is as good as money to its limit, at market price, by any channel."""
    item = wish.offer.item
    if item.fulfilment not in VOUCHERS:
        return
    had_fen = session.execute(
        text(
            """
            SELECT coalesce(sum(i.market_fen * (o.quantity - o.returned_quantity)), 0)
              FROM member_order o JOIN catalogue_item i USING (item_code)
             WHERE o.member_id = :member AND o.placed_at >= :since
               AND o.fulfilment = ANY(:vouchers)
               AND o.state NOT IN ('canceled', 'failed', 'returned')
            """
        ),
        {
            "member": wish.member_id,
            "since": datetime.combine(wish.on, time.min, TIME_ZONE),
            "vouchers": list(VOUCHERS),
        },
    ).scalar_one()
    left_fen = max(STORED_VALUE_FEN_PER_DAY - int(had_fen), 0)
    if item.market_fen * wish.offer.quantity > left_fen:
        raise StoredValueReached(max_fen=STORED_VALUE_FEN_PER_DAY, left_fen=left_fen)


def _confirm(session: Session, wish: _Wish, fresh_at: datetime | None) -> None:
    """Make sure of the person, as sure as the points and the item ask for."""
    offer = wish.offer
    if wish.staff_id is None and offer.level <= Level.FRESH:
        if fresh_at is None or not is_fresh(fresh_at, at=wish.at):
            raise SignInStale
        return
    spend_code(
        session,
        member_id=wish.member_id,
        purpose="confirm" if wish.staff_id is None else "assist",
        bound=binding(
            order_ref=wish.order_ref,
            item_code=offer.item.item_code,
            quantity=offer.quantity,
            way=offer.way,
            points=offer.points,
            cash_fen=offer.cash_fen,
            recipient_hint=recipient_hint(wish.recipient),
        ),
        at=wish.at,
    )


def _insert(session: Session, wish: _Wish, keyring: Keyring) -> MemberOrder:
    offer, item, given = wish.offer, wish.offer.item, wish.recipient
    order = MemberOrder(
        member_id=wish.member_id,
        order_ref=wish.order_ref,
        item_code=item.item_code,
        quantity=offer.quantity,
        way=str(offer.way),
        points=offer.points,
        cash_fen=offer.cash_fen,
        settlement_fen=item.settlement_fen * offer.quantity,
        partner=item.partner,
        cost_treatment=item.cost_treatment,
        account=item.account,
        fulfilment=item.fulfilment,
        code_source=item.code_source,
        valid_days=item.valid_days,
        term_months=item.term_months,
        free_look_days=item.free_look_days,
        channel=wish.channel,
        service_channel=service_channel(
            channel=wish.channel, fulfilment=item.fulfilment
        ),
        staff_id=wish.staff_id,
        tier=offer.tier,
        recipient=None
        if given is None
        else keyring.seal(
            SEALED, json.dumps(asdict(given), default=str, ensure_ascii=False)
        ),
        recipient_hint=recipient_hint(given),
        content=wish.content,
        state="accepted",
        state_at=wish.at,
        placed_at=wish.at,
        returned_quantity=0,
    )
    session.add(order)
    session.flush()
    return order


def _begin(hand: InHand, wish: _Wish, keyring: Keyring, msisdn: str | None) -> None:
    """Take the points, set aside what was ordered, and bring it on its way.

    What all members share is taken last: codes of a pool, then the stock.
    """
    order = hand.order
    is_insurance = order.fulfilment == "INSURANCE"
    is_certain = not (wish.is_reviewed or order.cash_fen or is_insurance)
    said = "consent_given" if is_insurance else None
    with _plainly(wish.offer):
        if is_certain:
            spend_points(hand)
        else:
            hold_points(hand)
    _set_aside(hand, wish, keyring, msisdn)
    if is_certain:
        hand_over(hand)
    elif wish.is_reviewed:
        move(hand, "awaiting_review", said)
    elif order.cash_fen:
        ask_to_pay(hand, said)
    else:
        move(hand, "accepted", said)
    take_stock(hand.session, item_code=order.item_code, quantity=order.quantity)


def _set_aside(hand: InHand, wish: _Wish, keyring: Keyring, msisdn: str | None) -> None:
    """Set aside what the order will bring once it is certain."""
    order, session = hand.order, hand.session
    if is_prepay(fulfilment=order.fulfilment, way=order.way):
        assert msisdn is not None
        session.add(
            PrepaidCredit(
                **hand.key,
                msisdn=msisdn,
                amount_fen=order.cash_fen,
                state="asked",
                state_at=hand.at,
            )
        )
    if order.fulfilment == "BOOKING":
        assert wish.recipient is not None
        assert wish.recipient.on_day is not None
        session.add(
            Booking(
                **hand.key,
                venue=order.partner or "",
                on_day=wish.recipient.on_day,
                places=order.quantity,
                state="booked",
                state_at=hand.at,
            )
        )
    if order.fulfilment in VOUCHERS:
        wanted: dict[str, Any] = hand.key | {"quantity": order.quantity, "at": hand.at}
        if order.code_source == "GENERATED":
            vouchers.make(session, item_code=order.item_code, keyring=keyring, **wanted)
        else:
            try:
                vouchers.reserve(session, item_code=order.item_code, **wanted)
            except PoolEmpty as error:
                raise SoldOut(item_code=order.item_code) from error


@contextmanager
def _plainly(offer: Quote) -> Iterator[None]:
    """Say what the ledger refuses in the words of an order."""
    try:
        yield
    except ledger.InsufficientPoints as error:
        raise PointsMissing(
            needed=offer.points, available=int(str(error.facts.get("available", 0)))
        ) from error
    except ledger.GateClosed as error:
        raise GateClosed(gate=offer.gate) from error

"""Read what an order would cost, what became of orders, and what waits for whom."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import LotBalance
from loyalty.access.queries import member_of_number
from loyalty.access.rules import Level, level_for
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item, WhyNot, price, why_not
from loyalty.clubs.errors import AlreadyMember, NotTakingPart, UnknownClub
from loyalty.clubs.operations import check_place
from loyalty.clubs.queries import club_of_item, clubs_of
from loyalty.members.queries import member_id_of
from loyalty.orders.errors import (
    NotAMember,
    QuantityOutOfRange,
    UnknownOrder,
    WayNotOffered,
)
from loyalty.orders.rules import (
    GIVE_UP_AFTER,
    OPEN_STATES,
    POLICY_WITHIN,
    QUANTITY_MAX,
    REVIEW_AFTER,
    REVIEW_WITHIN,
    Standing,
    Way,
    cancel_refusal,
    prices,
    returnable,
)
from loyalty.payments.queries import payments_for, refunds_of
from loyalty.points.entries import UNIVERSAL
from loyalty.settings import TIME_ZONE
from loyalty.tiers.queries import standing


@dataclass(frozen=True, slots=True)
class LotDraw:
    """Points that would leave, from lots that look alike to their owner."""

    unit: str
    issuer: str
    points: int
    expires_on: date | None  # the last good day; None: never


@dataclass(frozen=True, slots=True)
class WayOffer:
    """A way to pay, and whether the member's points are enough for it."""

    way: Way
    points: int
    cash_fen: int
    affordable: bool
    missing: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order would cost now, and which points would leave for it."""

    item: Item
    quantity: int
    way: Way
    tier: str | None  # None: the member has none
    points: int
    cash_fen: int
    list_points: int  # what it costs without a tier, by points alone
    lots: list[LotDraw]  # in the order in which they would be drawn
    available: int
    missing: int
    level: Level
    why_not: WhyNot | None  # None: the member may have it
    ways: list[WayOffer]
    gate: str  # of the book: open, suspended or closed


@dataclass(frozen=True, slots=True)
class Buyer:
    """What decides whether a member may buy."""

    gate: str
    brands: frozenset[str]
    tier: str | None
    clubs: frozenset[str]  # to which the member belongs


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened to an order."""

    state: str
    at: datetime
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One question to a partner, and its answer."""

    what: str
    asked_at: datetime
    answered_at: datetime | None
    outcome: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class VoucherView:
    """A voucher of an order; `vouchers.operations.reveal` opens its code."""

    voucher_id: UUID
    code_sealed: bytes
    code_tail: str
    state: str
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Where a parcel is."""

    state: str
    carrier: str | None
    tracking_no: str | None
    state_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy that an order brought."""

    insurer: str
    policy_no: str
    issued_on: date
    covered_until: date
    free_look_until: date | None
    canceled_on: date | None


@dataclass(frozen=True, slots=True)
class BookingView:
    """Places that an order booked."""

    venue: str
    on_day: date
    places: int
    state: str


@dataclass(frozen=True, slots=True)
class PaymentView:
    """The payment of an order."""

    payment_ref: str
    amount_fen: int
    state: str  # asked, open, succeeded or expired
    url: str | None  # of the hosted page; None: it was not opened yet
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefundView:
    """Money of an order that goes back."""

    refund_ref: str
    amount_fen: int
    state: str  # asked, succeeded or failed
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class PrepaidView:
    """Money of an order that became prepaid balance."""

    msisdn: str
    amount_fen: int
    state: str


_REF_BEGINNING = re.compile(r"[0-9a-f]{8,32}")

V = TypeVar("V", DeliveryView, PolicyView, BookingView, PrepaidView)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with all that happened to it and all it brought."""

    member_id: int
    order_ref: str
    item: Item
    quantity: int
    way: Way
    points: int
    cash_fen: int
    settlement_fen: int
    partner: str | None
    fulfilment: str
    channel: str
    service_channel: str
    staff_id: int | None
    tier: str | None
    recipient_hint: str | None
    state: str
    state_at: datetime
    placed_at: datetime
    returned_quantity: int
    events: list[EventView]
    attempts: list[AttemptView]
    vouchers: list[VoucherView]  # none before the order is fulfilled
    delivery: DeliveryView | None
    policy: PolicyView | None
    booking: BookingView | None
    payment: PaymentView | None
    refunds: list[RefundView]
    prepaid: PrepaidView | None
    may_cancel: bool
    may_return: int  # how many pieces the member could give back apart from the rest
    may_take_back: int  # how many pieces a clerk could

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in OPEN_STATES

    @property
    def review_not_before(self) -> datetime:
        """When a large order may be let go at the earliest."""
        return self.placed_at + REVIEW_AFTER


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order in a list."""

    member_id: int
    member_ref: str
    order_ref: str
    item_code: str
    title_zh: str
    title_en: str
    emblem: str
    quantity: int
    way: Way
    points: int
    cash_fen: int
    fulfilment: str
    channel: str
    staff_id: int | None
    recipient_hint: str | None
    state: str
    state_at: datetime
    placed_at: datetime
    returned_quantity: int


@dataclass(frozen=True, slots=True)
class WorkQueues:
    """What waits for staff, the oldest first."""

    reviews: list[OrderLine]
    deliveries: list[OrderLine]  # to be packed, or on their way
    bookings: list[OrderLine]
    stuck: list[OrderLine]  # a partner gave no answer, or one that needs a person


_LINES = """
SELECT o.member_id, m.member_ref, o.order_ref, o.item_code, i.title_zh, i.title_en,
       i.emblem, o.quantity, o.way, o.points, o.cash_fen, o.fulfilment, o.channel,
       o.staff_id, o.recipient_hint, o.state, o.state_at, o.placed_at,
       o.returned_quantity
  FROM member_order o JOIN catalogue_item i USING (item_code)
  JOIN member m USING (member_id)
"""

# Whatever somebody was asked and has not answered, with a plain yes or no, for days.
_STUCK = """
EXISTS (SELECT FROM order_attempt a
         WHERE a.member_id = o.member_id AND a.order_ref = o.order_ref
           AND a.outcome IS DISTINCT FROM 'confirmed'
           AND NOT EXISTS (
               SELECT FROM order_attempt l
                WHERE l.member_id = a.member_id AND l.order_ref = a.order_ref
                  AND l.attempt_no > a.attempt_no)
           AND (a.asked_at < CAST(:at AS timestamptz) - CAST(:give_up AS interval)
                OR a.what IN ('cancel_policy', 'take_back')
                   AND a.outcome = 'declined'
                   AND o.state IN ('canceled', 'failed')
                   AND EXISTS (SELECT FROM policy p
                                WHERE p.member_id = o.member_id
                                  AND p.order_ref = o.order_ref
                                  AND p.canceled_on IS NULL)))
"""


def quote(
    session: Session,
    *,
    member_id: int,
    item_code: str,
    quantity: int = 1,
    way: str = Way.POINTS,
    channel: str,
    on: date,
) -> Quote:
    """Return what an order would cost a member now, and which lots would burn.

    Nothing is locked and nothing is promised: `operations.place` is told what was
    shown and refuses if it is no longer so. Raises `UnknownItem`, `NotAMember`,
    `QuantityOutOfRange`, `WayNotOffered`.
    """
    if not 1 <= quantity <= QUANTITY_MAX:
        raise QuantityOutOfRange(quantity=quantity, most=QUANTITY_MAX)
    item = catalogue_item(session, item_code)
    if item.fulfilment == "CLUB" and quantity > 1:
        raise QuantityOutOfRange(quantity=quantity, most=1)
    who = buyer(session, member_id=member_id, on=on)
    offered = prices(item, quantity=quantity, tier=who.tier)
    if way not in offered:
        raise WayNotOffered(way=way)
    chosen = offered[Way(way)]
    lots = spendable(session, member_id=member_id, on=on)
    available = sum(lot.units_left for lot in lots)
    return Quote(
        item=item,
        quantity=quantity,
        way=Way(way),
        tier=who.tier,
        points=chosen.points,
        cash_fen=chosen.cash_fen,
        list_points=price(item, tier=None) * quantity,
        lots=draws(lots, points=min(chosen.points, available)),
        available=available,
        missing=max(0, chosen.points - available),
        level=level_for(points=chosen.points, is_own=item.is_own),
        why_not=obstacle(
            session,
            item,
            who,
            member_id=member_id,
            channel=channel,
            on=on,
            quantity=quantity,
        ),
        ways=[
            WayOffer(
                way=one,
                points=asks.points,
                cash_fen=asks.cash_fen,
                affordable=asks.points <= available,
                missing=max(0, asks.points - available),
            )
            for one, asks in offered.items()
        ],
        gate=who.gate,
    )


def buyer(session: Session, *, member_id: int, on: date) -> Buyer:
    """Return what decides whether a member may buy.

    Raises `NotAMember` for who has left, has died or never took part.
    """
    row = session.execute(
        text(
            """
            SELECT b.gate, ARRAY(SELECT DISTINCT s.brand FROM subscription s
                                  WHERE s.member_id = m.member_id
                                    AND s.ended_on IS NULL) AS brands
              FROM member m JOIN ledger.book b USING (member_id)
             WHERE m.member_id = :member AND m.left_on IS NULL AND NOT m.deceased
            """
        ),
        {"member": member_id},
    ).one_or_none()
    if row is None:
        raise NotAMember
    tier = standing(session, member_id=member_id, on=on).tier
    clubs = frozenset(clubs_of(session, member_id=member_id, on=on))
    return Buyer(gate=row.gate, brands=frozenset(row.brands), tier=tier, clubs=clubs)


def obstacle(
    session: Session,
    item: Item,
    who: Buyer,
    *,
    member_id: int,
    channel: str,
    on: date,
    quantity: int = 1,
) -> WhyNot | None:
    """Return why a member cannot have an item now; None: they can.

    Whoever belongs to a club has a place in it already, until it is time to renew;
    and nobody orders two places at once.
    """
    reason = why_not(
        item,
        channel=channel,
        brands=who.brands,
        tier=who.tier,
        clubs=who.clubs,
        on=on,
        bought_in_window=bought(session, member_id=member_id, item=item, on=on),
        quantity=quantity,
    )
    if reason is not None or item.fulfilment != "CLUB":
        return reason
    try:
        club = club_of_item(session, item.item_code)
        check_place(session, member_id=member_id, club=club, on=on)
    except UnknownClub:
        return WhyNot("not_on_sale")
    except (AlreadyMember, NotTakingPart) as error:
        return WhyNot(error.code, error.facts)
    is_under_way = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM member_order WHERE member_id = :member"
            " AND item_code = :item AND state = ANY (:open))"
        ),
        {"member": member_id, "item": item.item_code, "open": list(OPEN_STATES)},
    )
    return WhyNot("club_place_ordered") if is_under_way else None


def lines_of(session: Session, *, member_id: int) -> list[str]:
    """Return the numbers of a member's living lines, the oldest first."""
    return list(
        session.scalars(
            text(
                "SELECT msisdn FROM subscription"
                " WHERE member_id = :member AND ended_on IS NULL"
                " ORDER BY activated_on, msisdn"
            ),
            {"member": member_id},
        )
    )


def spendable(session: Session, *, member_id: int, on: date) -> list[LotBalance]:
    """Return the lots that may be spent on a day, in the order of drawing."""
    return [
        lot
        for lot in Book(session).lots(member_id)
        if lot.unit in UNIVERSAL and (lot.expires_on is None or lot.expires_on >= on)
    ]


def draws(lots: Iterable[LotBalance], *, points: int) -> list[LotDraw]:
    """Return what lots would give, as the ledger draws them."""
    drawn: list[LotDraw] = []
    for lot in lots:
        if points == 0:
            break
        take = min(points, lot.units_left)
        points -= take
        last = drawn[-1] if drawn else None
        if last and (last.unit, last.issuer, last.expires_on) == (
            lot.unit,
            lot.issuer,
            lot.expires_on,
        ):
            drawn[-1] = LotDraw(
                lot.unit, lot.issuer, last.points + take, lot.expires_on
            )
        else:
            drawn.append(LotDraw(lot.unit, lot.issuer, take, lot.expires_on))
    return drawn


def bought(session: Session, *, member_id: int, item: Item, on: date) -> int:
    """Return how many of an item a member has had in the days its limit is about.

    What was taken at halls and came by file counts, what was given back does not.
    """
    if item.limit_days is None:
        return 0
    since = datetime.combine(
        on - timedelta(days=item.limit_days - 1), time.min, TIME_ZONE
    )
    return int(
        session.scalar(
            text(
                """
                SELECT coalesce((
                    SELECT sum(quantity - returned_quantity) FROM member_order
                     WHERE member_id = :member AND item_code = :item
                       AND placed_at >= :since
                       AND state NOT IN ('canceled', 'failed')), 0)
                  + coalesce((
                    SELECT sum(quantity) FROM redemption
                     WHERE member_id = :member AND item_code = :item
                       AND occurred_at >= :since
                       AND redemption_ref NOT LIKE 'order:%'), 0)
                """
            ),
            {"member": member_id, "item": item.item_code, "since": since},
        )
        or 0
    )


def order(
    session: Session, *, member_id: int, order_ref: str, on: date | None = None
) -> OrderView:
    """Return an order with all that happened to it.

    `on` is the day for which `may_cancel` is asked; None: whether a free look or a
    booking is over is left to `operations.cancel`. Raises `UnknownOrder`.
    """
    key: dict[str, object] = {"member": member_id, "ref": order_ref}
    row = session.execute(
        text(
            "SELECT * FROM member_order WHERE member_id = :member AND order_ref = :ref"
        ),
        key,
    ).one_or_none()
    if row is None:
        raise UnknownOrder(order_ref=order_ref)
    payment = _payment(session, member_id, order_ref)
    shown = OrderView(
        item=catalogue_item(session, row.item_code),
        events=[
            EventView(**event)
            for event in _rows(
                session, "state, at, actor, reason", "order_event", key, "nth"
            )
        ],
        attempts=[
            AttemptView(**attempt)
            for attempt in _rows(
                session,
                "what, asked_at, answered_at, outcome, detail",
                "order_attempt",
                key,
                "attempt_no",
            )
        ],
        vouchers=_vouchers(session, key),
        delivery=_one(session, DeliveryView, "delivery", key),
        policy=_one(session, PolicyView, "policy", key),
        booking=_one(session, BookingView, "booking", key),
        payment=payment,
        refunds=_refunds(session, member_id, payment),
        prepaid=_one(session, PrepaidView, "prepaid_credit", key),
        may_cancel=False,
        may_return=0,
        may_take_back=0,
        **_facts(row),
    )
    return _with_choices(shown, row.code_source, on)


def orders(
    session: Session,
    *,
    member_id: int,
    before: tuple[datetime, str] | None = None,
    limit: int = 20,
) -> list[OrderLine]:
    """Return a member's orders, the newest first.

    `before` is the cursor: `placed_at` and `order_ref` of the last one already seen.
    """
    placed_at, ref = before or (None, "")
    return _lines(
        session,
        """
        WHERE o.member_id = :member
          AND (CAST(:placed_at AS timestamptz) IS NULL
               OR (o.placed_at, o.order_ref) < (:placed_at, :ref))
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {"member": member_id, "placed_at": placed_at, "ref": ref, "limit": limit},
    )


def open_orders(session: Session, *, member_id: int) -> list[OrderLine]:
    """Return a member's orders that are not fulfilled or over, the oldest first.

    Leaving the network cancels them (domain.md Q19).
    """
    return _lines(
        session,
        """
        WHERE o.member_id = :member AND o.state = ANY (:open)
        ORDER BY o.placed_at, o.order_ref
        """,
        {"member": member_id, "open": list(OPEN_STATES)},
    )


def policies(session: Session, *, member_id: int) -> list[tuple[OrderLine, PolicyView]]:
    """Return the policies a member's orders brought, the newest first."""
    lines = _lines(
        session,
        """
        WHERE o.member_id = :member AND EXISTS (
                  SELECT FROM policy p WHERE p.member_id = o.member_id
                     AND p.order_ref = o.order_ref)
        ORDER BY o.placed_at DESC, o.order_ref DESC
        """,
        {"member": member_id},
    )
    found = {
        ref: PolicyView(*facts)
        for ref, *facts in session.execute(
            text(
                "SELECT order_ref, insurer, policy_no, issued_on, covered_until,"
                " free_look_until, canceled_on FROM policy WHERE member_id = :member"
            ),
            {"member": member_id},
        )
    }
    return [(line, found[line.order_ref]) for line in lines]


def orders_of_staff(
    session: Session, *, staff_id: int, on: date | None = None, limit: int = 50
) -> list[OrderLine]:
    """Return what a clerk took, the newest first; `on`: of one day only."""
    return _lines(
        session,
        """
        WHERE o.staff_id = :staff
          AND (CAST(:on AS date) IS NULL
               OR o.placed_at >= CAST(:on AS date)
                  AND o.placed_at < CAST(:on AS date) + 1)
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {"staff": staff_id, "on": on, "limit": limit},
    )


def search(
    session: Session, *, words: str, at: datetime, limit: int = 50
) -> list[OrderLine]:
    """Return the orders that somebody means, the newest first.

    By the order's number or its first eight characters or more, the tracking number
    of its parcel, or the member: by reference, or by a number of theirs.
    """
    words = words.strip()
    ref = words.lower()
    is_ref = _REF_BEGINNING.fullmatch(ref) is not None
    member_id = member_id_of(session, member_ref=words)
    if member_id is None:
        member_id = member_of_number(session, msisdn=words, at=at)
    return _lines(
        session,
        """
        WHERE (o.member_id, o.order_ref) IN (
                  SELECT member_id, order_ref FROM member_order
                   WHERE order_ref BETWEEN :first AND :last
                   UNION SELECT member_id, order_ref FROM member_order
                   WHERE member_id = :member
                   UNION SELECT member_id, order_ref FROM delivery
                   WHERE tracking_no = :words)
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {
            "first": f"{ref:0<32}" if is_ref else None,
            "last": f"{ref:f<32}" if is_ref else None,
            "member": member_id,
            "words": words,
            "limit": limit,
        },
    )


def work_queues(session: Session, *, at: datetime, limit: int = 200) -> WorkQueues:
    """Return what waits for staff, the oldest first."""
    facts = {"at": at, "give_up": GIVE_UP_AFTER, "limit": limit}
    conditions = (
        "o.state = 'awaiting_review'",
        "o.fulfilment = 'DELIVERY' AND o.state IN ('accepted', 'in_progress')",
        "o.fulfilment = 'BOOKING' AND o.state = 'accepted'",
        _STUCK,
    )
    return WorkQueues(
        *(
            _lines(
                session,
                f"WHERE {condition} ORDER BY o.state_at, o.order_ref LIMIT :limit",
                facts,
            )
            for condition in conditions
        )
    )


def due(session: Session, *, at: datetime) -> list[tuple[int, str]]:
    """Return the orders that somebody has to take up, the longest waiting first.

    Those whose partner is to be asked, perhaps again; whose payment nobody has made in
    time, or may make no longer; whose refund is not through; whose review is over.
    """
    rows = session.execute(
        text(
            """
            WITH lying AS (
                SELECT member_id, order_ref FROM member_order
                 WHERE state IN ('accepted', 'in_progress')
                   AND fulfilment = 'INSURANCE'
                UNION
                SELECT member_id, order_ref FROM member_order
                 WHERE state = 'awaiting_review'
                   AND placed_at <= CAST(:at AS timestamptz) - :review
                UNION
                SELECT o.member_id, o.order_ref
                  FROM member_order o JOIN payment p
                    ON p.member_id = o.member_id AND p.purpose = 'order'
                   AND p.purpose_ref = o.order_ref
                 WHERE o.state = 'awaiting_payment'
                   AND (p.state IN ('succeeded', 'expired') OR p.expires_at <= :at)
                UNION
                SELECT p.member_id, p.purpose_ref
                  FROM payment p JOIN member_order o
                    ON o.member_id = p.member_id AND o.order_ref = p.purpose_ref
                 WHERE p.state IN ('asked', 'open') AND p.purpose = 'order'
                   AND o.state IN ('canceled', 'failed')
                UNION
                SELECT p.member_id, p.purpose_ref
                  FROM refund r JOIN payment p USING (member_id, payment_ref)
                 WHERE r.state = 'asked' AND p.purpose = 'order'
                UNION
                SELECT o.member_id, o.order_ref FROM member_order o
                 WHERE o.state IN ('canceled', 'failed') AND o.fulfilment = 'INSURANCE'
                   AND o.state_at > CAST(:at AS timestamptz) - :give_up
                   AND EXISTS (
                       SELECT FROM order_attempt a
                        WHERE a.member_id = o.member_id AND a.order_ref = o.order_ref)
            )
            SELECT member_id, order_ref
              FROM lying JOIN member_order USING (member_id, order_ref)
             ORDER BY state_at, member_id, order_ref
            """
        ),
        {"at": at, "review": REVIEW_WITHIN, "give_up": POLICY_WITHIN + GIVE_UP_AFTER},
    )
    return [(member_id, order_ref) for member_id, order_ref in rows]


def _lines(session: Session, where: str, facts: dict[str, object]) -> list[OrderLine]:
    return [
        OrderLine(**{**row, "way": Way(row["way"])})
        for row in session.execute(text(_LINES + where), facts).mappings()
    ]


def _facts(row: Row[Any]) -> dict[str, Any]:
    """Return what a row of the table says of itself in an `OrderView`."""
    known = OrderView.__dataclass_fields__
    facts = {name: value for name, value in row._mapping.items() if name in known}  # noqa: SLF001 - SQLAlchemy's public name
    return facts | {"way": Way(row.way)}


def _with_choices(shown: OrderView, code_source: str, on: date | None) -> OrderView:
    """Add what the member, or a clerk for the member, may do now."""
    standing = Standing(
        state=shown.state,
        fulfilment=shown.fulfilment,
        code_source=code_source,
        left=shown.quantity - shown.returned_quantity,
        unused=sum(
            voucher.state == "issued"
            and (on is None or voucher.valid_until is None or voucher.valid_until >= on)
            for voucher in shown.vouchers
        ),
        is_asked=bool(shown.attempts),
        free_look_until=shown.policy.free_look_until if shown.policy else None,
        booked_for=shown.booking.on_day if shown.booking else None,
    )
    return replace(
        shown,
        may_cancel=cancel_refusal(standing, by_member=True, on=on) is None,
        may_return=returnable(standing, by_member=True),
        may_take_back=returnable(standing, by_member=False),
    )


def _rows(
    session: Session, columns: str, table: str, key: dict[str, object], order_by: str
) -> list[dict[str, Any]]:
    found = session.execute(
        text(
            f"SELECT {columns} FROM {table} WHERE member_id = :member"
            f" AND order_ref = :ref ORDER BY {order_by}"
        ),
        key,
    )
    return [dict(row) for row in found.mappings()]


def _one(
    session: Session, view: type[V], table: str, key: dict[str, object]
) -> V | None:
    """Return the only row of an order in a table; None: there is none."""
    columns = ", ".join(one.name for one in fields(view))
    found = _rows(session, columns, table, key, "order_ref")
    return view(**found[0]) if found else None


def _vouchers(session: Session, key: dict[str, object]) -> list[VoucherView]:
    """Return the vouchers that are the member's, not those set aside for later."""
    found = _rows(
        session,
        "voucher_id, code_sealed, code_tail, state, valid_until",
        "voucher",
        key,
        "voucher_id",
    )
    return [VoucherView(**row) for row in found if row["state"] != "reserved"]


def _payment(session: Session, member_id: int, order_ref: str) -> PaymentView | None:
    asked = payments_for(
        session, member_id=member_id, purpose="order", purpose_ref=order_ref
    )
    if not asked:
        return None
    return PaymentView(
        payment_ref=asked[0].payment_ref,
        amount_fen=asked[0].amount_fen,
        state=asked[0].state,
        url=asked[0].url,
        expires_at=asked[0].expires_at,
    )


def _refunds(
    session: Session, member_id: int, payment: PaymentView | None
) -> list[RefundView]:
    if payment is None:
        return []
    return [
        RefundView(
            refund_ref=refund.refund_ref,
            amount_fen=refund.amount_fen,
            state=refund.state,
            reason=refund.reason,
            asked_at=refund.asked_at,
        )
        for refund in refunds_of(
            session, member_id=member_id, payment_ref=payment.payment_ref
        )
    ]

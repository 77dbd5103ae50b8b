"""Read what an order would cost a member, and whether the member may have it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import LotBalance
from loyalty.access.rules import Level, level_for
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item, WhyNot, price, why_not
from loyalty.clubs.errors import AlreadyMember, NotTakingPart, UnknownClub
from loyalty.clubs.operations import check_place
from loyalty.clubs.queries import club_of_item, clubs_of
from loyalty.orders.errors import (
    NotAMember,
    QuantityOutOfRange,
    WayNotOffered,
)
from loyalty.orders.rules import (
    OPEN_STATES,
    QUANTITY_MAX,
    Way,
    prices,
)
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


_BUYER = text(
    """
    SELECT b.gate, ARRAY(SELECT DISTINCT s.brand FROM subscription s
                          WHERE s.member_id = m.member_id
                            AND (s.ended_on IS NULL OR s.ended_on = m.left_on))
               AS brands
      FROM member m JOIN ledger.book b USING (member_id)
     WHERE m.member_id = :member AND NOT m.deceased
       AND (m.left_on IS NULL OR EXISTS (
           SELECT FROM departure d
            WHERE d.member_id = m.member_id AND d.booked_at IS NULL
              AND d.reinstated_on IS NULL AND d.void_on > :on))
    """
)


def buyer(session: Session, *, member_id: int, on: date) -> Buyer:
    """Return what decides whether a member may buy.

    Who has left buys by the brand that was left until the points are void; whether
    points may be spent meanwhile says the gate. Raises `NotAMember` for whose points
    are void, who has died or never took part.
    """
    row = session.execute(_BUYER, {"member": member_id, "on": on}).one_or_none()
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

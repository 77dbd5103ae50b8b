"""Read what there is to be had, and how far it is for whoever looks."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from loyalty.accrual.queries import points_per_month
from loyalty.catalogue.queries import on_sale
from loyalty.catalogue.rules import Item, WhyNot, price
from loyalty.orders.errors import NotAMember
from loyalty.orders.quotes import Buyer, buyer, obstacle, spendable
from loyalty.orders.rules import Price, Way, prices

OPEN_GATE = "open"


@dataclass(frozen=True, slots=True)
class Offer:
    """An item as one member sees it; figures are for one piece."""

    item: Item
    ways: dict[Way, Price]  # points alone come first
    missing: int  # points, for points alone
    why_not: WhyNot | None  # None: the member may have it

    @property
    def points(self) -> int:
        """What it costs by points alone, at the member's tier."""
        return self.ways[Way.POINTS].points


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is to be had, own products first (domain.md A39)."""

    offers: list[Offer]
    tier: str | None  # None: none, or nobody in particular looks
    available: int | None  # None: nobody in particular looks, or no longer a member
    per_month: int  # what a month of bills earns; 0: nothing yet
    gate: str  # of the book: open, suspended or closed

    def within_reach(self, count: int) -> list[Offer]:
        """Return the first offers that the member could have by points alone."""
        if self.available is None or self.gate != OPEN_GATE:
            return []
        free = (o for o in self.offers if o.missing == 0 and o.why_not is None)
        return [offer for offer, _ in zip(free, range(count), strict=False)]


def shelf(
    session: Session,
    *,
    member_id: int | None,
    channel: str,
    on: date,
    family: str | None = None,
    search: str | None = None,
) -> Shelf:
    """Return what is on sale, with prices and obstacles of a member.

    Without a member, or for one who has left, it is what everybody sees.
    """
    items = on_sale(session, on=on, family=family, search=search)
    who = None if member_id is None else _buyer(session, member_id, on)
    if member_id is None or who is None:
        return Shelf([_for_anybody(item) for item in items], None, None, 0, OPEN_GATE)
    available = sum(
        lot.units_left for lot in spendable(session, member_id=member_id, on=on)
    )
    offers = [
        Offer(
            item=item,
            ways=prices(item, quantity=1, tier=who.tier),
            missing=max(0, price(item, tier=who.tier) - available),
            why_not=obstacle(
                session, item, who, member_id=member_id, channel=channel, on=on
            ),
        )
        for item in items
    ]
    per_month = points_per_month(session, member_id=member_id, on=on)
    return Shelf(offers, who.tier, available, per_month, who.gate)


def _buyer(session: Session, member_id: int, on: date) -> Buyer | None:
    with suppress(NotAMember):
        return buyer(session, member_id=member_id, on=on)
    return None


def _for_anybody(item: Item) -> Offer:
    return Offer(item, prices(item, quantity=1, tier=None), 0, None)

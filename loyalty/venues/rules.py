"""What a place in a session costs, and until when it can be given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from loyalty.catalogue.rules import Item, price

CAPACITY_MAX = 500
MINUTES_MAX = 24 * 60
CANCEL_HOURS_MAX = 14 * 24
ALIVE = ("booked", "waiting")  # may still come to something


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """What somebody says about a session."""

    venue: str
    club: str | None  # None: for everybody in the alliance
    item_code: str
    starts_at: datetime
    minutes: int
    capacity: int
    cancel_hours: int = 24
    takes_guests: bool = False


def session_faults(facts: SessionFacts, item: Item, *, at: datetime) -> list[str]:
    """Return the names of what makes no sense about a session.

    Its item is a booking at that very venue. What the item would count itself, such
    as its stock or how many one may have, would be counted twice.
    """
    is_booking = item.fulfilment == "BOOKING" and item.cost_treatment == "CLUB_COST"
    counts_itself = item.limit_count is not None or item.stock_left is not None
    is_fine = {
        "item_code": is_booking and item.state == "published" and not counts_itself,
        "venue": item.partner == facts.venue,
        "starts_at": facts.starts_at > at,
        "minutes": 0 < facts.minutes <= MINUTES_MAX,
        "capacity": 0 < facts.capacity <= CAPACITY_MAX,
        "cancel_hours": 0 <= facts.cancel_hours <= CANCEL_HOURS_MAX,
    }
    return [name for name, fine in is_fine.items() if not fine]


@dataclass(frozen=True, slots=True)
class PlacePrice:
    """What a place costs somebody."""

    tier: str | None  # whose price it is; None: the list price
    points: int  # 0: free
    worth_fen: int  # the same in money


def place_price(
    item: Item, *, tier: str | None, club: str | None, is_in_club: bool
) -> PlacePrice:
    """Return what a place costs: tier prices are for those who belong (domain.md A45).

    At a session of a club a guest pays the list price, whatever the tier.
    """
    granted = tier if club is None or is_in_club else None
    points = price(item, tier=granted)
    return PlacePrice(granted, points, worth_fen(item, points=points))


def worth_fen(item: Item, *, points: int) -> int:
    """Return points in money, as the item's market price values them, rounded up."""
    return -(-item.market_fen * points // item.points)


def deadline(*, starts_at: datetime, cancel_hours: int) -> datetime:
    """Return until when, and no longer, a place can be given up."""
    return starts_at - timedelta(hours=cancel_hours)


def may_cancel_until(
    *,
    starts_at: datetime,
    cancel_hours: int,
    state: str,
    asked_at: datetime,
    state_at: datetime,
) -> datetime:
    """Return until when a member can give up a place in this state.

    Who waits can stop until it begins, and so can who moved up after the deadline:
    nobody is bound by a place that came too late to be declined.
    """
    until = deadline(starts_at=starts_at, cancel_hours=cancel_hours)
    has_moved_up = state == "booked" and state_at > asked_at
    if state == "waiting" or (has_moved_up and state_at > until):
        return starts_at
    return until


def place_reference(*, session_id: int, nth: int) -> str:
    """Return the name of a place in its member's book."""
    return f"place:{session_id}:{nth}"


def place_binding(*, session_id: int, nth: int, points: int) -> str:
    """Return what a confirmation of a place is bound to, in canonical words."""
    return "|".join(("place", str(session_id), str(nth), f"{points} points"))

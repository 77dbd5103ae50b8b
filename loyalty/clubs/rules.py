"""How long a membership lasts, when it may be renewed, and what is given back.

States:

    waiting    paid or given for later; begins when the term before it is over
    active     holds, from its first to its last day
    lapsed     its last day is over
    ended      over before its last day: the member left the club, or the network
    refunded   that, and the months that had not begun were given back
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

CODE_GOOD_FOR = timedelta(hours=24)  # of a benefit, ASSUMED
INVITATION_DAYS_MAX = 366
OPEN_STATES = ("waiting", "active")


class JoinWay(StrEnum):
    """How somebody joins a club."""

    TIER = "tier"
    INVITATION = "invitation"
    FEE = "fee"
    POINTS = "points"


SOLD = (JoinWay.FEE, JoinWay.POINTS)  # through an order of the club's item


@dataclass(frozen=True, slots=True, kw_only=True)
class Club:
    """A club as its terms describe it; see `rules.models.ClubTerms`."""

    version: int
    club: str
    community: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    emblem: str
    ways: tuple[str, ...]
    tiers: tuple[str, ...] | None
    item_code: str | None
    term_months: int
    renew_days: int
    refund: str
    refund_days: int
    on_churn: str


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a term, both included."""

    starts_on: date
    ends_on: date


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def term(starts_on: date, *, months: int) -> Span:
    """Return the days of a term that begins on a day (domain.md A42).

    12 months from 15 October end on 14 October.
    """
    return Span(starts_on, months_later(starts_on, months) - timedelta(days=1))


def next_term(open_until: date | None, *, months: int, on: date) -> Span:
    """Return the days of the next term; None: none is open.

    A renewal begins on the day after the last one, so that nobody loses a day by
    being early.
    """
    begins = on if open_until is None else max(on, open_until + timedelta(days=1))
    return term(begins, months=months)


def renew_from(until: date, *, renew_days: int) -> date:
    """Return the first day on which a membership may be renewed."""
    return until - timedelta(days=renew_days)


def unused_months(span: Span, *, months: int, on: date) -> int:
    """Return how many whole months of a term had not begun on a day."""
    return sum(months_later(span.starts_on, nth) > on for nth in range(months))


def refund_months(club: Club, *, way: str, span: Span, is_used: bool, on: date) -> int:
    """Return for how many months whoever leaves the club gets back what was paid.

    That is told by the club's terms: months that have not begun, all of them within
    some days if nothing was used, or none.
    """
    if way not in SOLD:
        return 0
    if club.refund == "unused_months":
        return unused_months(span, months=club.term_months, on=on)
    is_early = on < span.starts_on + timedelta(days=club.refund_days)
    is_whole = club.refund == "full_within" and is_early and not is_used
    return club.term_months if is_whole else 0


def share(total: int, *, months: int, of: int) -> int:
    """Return the part of a price that belongs to some months, rounded down."""
    assert 0 <= months <= of
    return total * months // of


def percent_hundredths(part: int, whole: int) -> int | None:
    """Return a share in hundredths of a percent, rounded half up; None: of nothing."""
    return None if whole == 0 else (20_000 * part + whole) // (2 * whole)


def of_year(hundredths: int, *, first: date, last: date) -> int:
    """Return the part of a yearly share that belongs to some days, rounded half up."""
    days, year = (last - first).days + 1, (months_later(first, 12) - first).days
    return (2 * hundredths * days + year) // (2 * year)


def churn_saving_fen(*, points_hundredths: int, members: int, cost_fen: int) -> int:
    """Return what less churn saves on winning new customers (domain.md A48).

    `points_hundredths` are percentage points in hundredths; `cost_fen` is what a new
    customer costs. Customers are whole, rounded half up.
    """
    return (points_hundredths * members + 5_000) // 10_000 * cost_fen


def ways_open(
    club: Club, *, tier: str | None, is_invited: bool, is_sold: bool
) -> Sequence[str]:
    """Return the ways in which a member could join a club today."""
    holds = {
        JoinWay.TIER: club.tiers is not None and tier in club.tiers,
        JoinWay.INVITATION: is_invited,
        JoinWay.FEE: is_sold,
        JoinWay.POINTS: is_sold,
    }
    return [way for way in club.ways if holds[JoinWay(way)]]

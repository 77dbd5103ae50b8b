"""How a statement goes its way, what stands on it, and when partners settle."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

# Of a dispute.
STATES: Final = ("open", "answered", "accepted", "rejected", "settled")

# Of a statement, in the only order there is (domain.md 3.1).
STATEMENT_STATES: Final = (
    "draft",
    "issued",
    "in_dispute_window",
    "agreed",
    "netted",
    "paid",
    "closed",
)
# What a partner can see: a draft is ours alone.
SHOWN_STATES: Final = STATEMENT_STATES[1:]

# What stands on a statement, and in which of its sums (report R6). What reverses
# something stands in the sum of what it reverses.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "receivable": (
        "accrued",
        "reversed",
        "exchanged_in",
        "exchange_in_reversed",
        "fee",
        "purchase",
        "honored",
        "honor_returned",
    ),
    "payable": (
        "redeemed",
        "returned",
        "exchanged_out",
        "exchange_out_reversed",
        "club_cost",
        "given",
        "taken_back",
    ),
    "adjusted": ("adjustment",),
    "disputed": ("dispute",),
}
LINE_KINDS: Final = tuple(kind for kinds in GROUPS.values() for kind in kinds)
# Lines are exact in parts of a fen: prices are fen for a thousand points, of which a
# partner pays so many per cent.
PARTS: Final = 100_000

# domain.md 3.1, ASSUMED: days to raise a dispute, and to answer one.
RAISE_WITHIN: Final = timedelta(days=30)
ANSWER_WITHIN: Final = timedelta(days=15)

FEE_CAUSES: Final = ("late", "erroneous")
PAYMENT_KINDS: Final = ("paid", "written_off")
CURRENCY: Final = "CNY"

MONTHLY, WEEKLY, AIRLINE = "monthly", "weekly", "airline"
CALENDARS: Final = (MONTHLY, WEEKLY, AIRLINE)

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_QUARTERS = (1, 8, 15, 22)  # on which days of a month the airlines' periods begin


@dataclass(frozen=True, slots=True)
class Clearance:
    """A period that is settled together, and when its steps are due.

    On the closure day nothing more goes onto it, on the advice day both sides know
    what it comes to, on the call day it is to be paid.
    """

    first_on: date
    last_on: date
    closure_on: date
    advice_on: date
    call_on: date

    @property
    def is_in_order(self) -> bool:
        """Whether its days follow each other."""
        return (
            self.first_on
            <= self.last_on
            < self.closure_on
            <= self.advice_on
            <= self.call_on
        )


def clearances(calendar: str, *, year: int) -> list[Clearance]:
    """Return the periods of a calendar that begin in a year.

    The airlines' are the 48 of their clearing house, four a month, closed a week after
    they end; its days for September 2007 are those that it published. Of months the
    days are ASSUMED.
    """
    assert calendar in CALENDARS
    lay_out = {MONTHLY: _months, WEEKLY: _weeks, AIRLINE: _quarters}[calendar]
    return list(lay_out(year))


def month_of(day: date) -> date:
    """Return the first day of the month a day lies in."""
    return day.replace(day=1)


def _months(year: int) -> Iterator[Clearance]:
    for month in range(1, 13):
        first = date(year, month, 1)
        following = _following(first)
        yield Clearance(
            first,
            following - _DAY,
            closure_on=following.replace(day=3),
            advice_on=following.replace(day=5),
            call_on=following.replace(day=20),
        )


def _weeks(year: int) -> Iterator[Clearance]:
    first = date(year, 1, 1)
    first += timedelta(days=-first.weekday() % 7)
    while first.year == year:
        last = first + _WEEK - _DAY
        yield Clearance(
            first,
            last,
            closure_on=last + _DAY,
            advice_on=last + 2 * _DAY,
            call_on=last + _WEEK,
        )
        first += _WEEK


def _quarters(year: int) -> Iterator[Clearance]:
    for month in range(1, 13):
        begins = [date(year, month, day) for day in _QUARTERS]
        ends = [*begins[1:], _following(begins[0])]
        for first, end in zip(begins, ends, strict=True):
            last = end - _DAY
            closure = last + _WEEK
            advice = closure + timedelta(days=4)
            yield Clearance(
                first,
                last,
                closure_on=closure,
                advice_on=advice,
                call_on=advice + _WEEK,
            )


def _following(first: date) -> date:
    """Return the first day of the month after."""
    return (first + timedelta(days=31)).replace(day=1)

"""Where spending puts a member on the ladder, and for how long."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier, and the spending of so many months that earns it."""

    tier: str
    rank: int
    spend_fen: int
    months: int


@dataclass(frozen=True, slots=True)
class Spent:
    """A bill as it is asked for after its adjustments."""

    billed_on: date
    due_fen: int


@dataclass(frozen=True, slots=True)
class Granted:
    """A tier somebody gave, and its last day."""

    tier: str
    until: date


@dataclass(frozen=True, slots=True)
class TierStanding:
    """Where a member stands on a day."""

    tier: str | None  # None: on no rung
    source: Literal["spend", "grant"] | None  # None: as above
    spend_fen: int
    next_tier: str | None  # None: on the highest rung
    missing_fen: int  # of spending, to the next tier
    until: date | None  # the last day, if nothing more is billed; None: on no rung

    @property
    def has_priority(self) -> bool:
        """Whether the hotline and the halls serve the member first (C07)."""
        return self.tier is not None


def stand(
    ladder: Sequence[Rung],
    *,
    bills: Sequence[Spent],
    grants: Sequence[Granted],
    on: date,
) -> TierStanding:
    """Return where bills and grants put a member: on the higher of both.

    A bill counts from its day for the months of the rung. A grant counts to its
    last day; of two that reach the same rung, the later end.
    """
    rungs = sorted(ladder, key=lambda rung: rung.rank)
    earned = next(
        (r for r in reversed(rungs) if _spent(r, bills, on) >= r.spend_fen), None
    )
    ranks = {rung.tier: rung.rank for rung in rungs}
    given = max(
        (g for g in grants if g.tier in ranks and g.until >= on),
        key=lambda grant: (ranks[grant.tier], grant.until),
        default=None,
    )
    tier: str | None = None
    source: Literal["spend", "grant"] | None = None
    until: date | None = None
    if earned is not None:
        tier, source, until = earned.tier, "spend", _holds_until(earned, bills, on)
    if given is not None and (tier is None or ranks[given.tier] > ranks[tier]):
        tier, source, until = given.tier, "grant", given.until
    held = ranks[tier] if tier is not None else 0
    above = next((rung for rung in rungs if rung.rank > held), None)
    measured = above or (rungs[-1] if rungs else None)
    spend_fen = _spent(measured, bills, on) if measured else 0
    return TierStanding(
        tier=tier,
        source=source,
        spend_fen=spend_fen,
        next_tier=above.tier if above else None,
        missing_fen=max(above.spend_fen - spend_fen, 0) if above else 0,
        until=until,
    )


def _spent(rung: Rung, bills: Sequence[Spent], on: date) -> int:
    return sum(
        bill.due_fen
        for bill in bills
        if bill.billed_on <= on < months_later(bill.billed_on, rung.months)
    )


def _holds_until(rung: Rung, bills: Sequence[Spent], on: date) -> date:
    """Return the last day on which the spending so far is enough for a rung."""
    left = _spent(rung, bills, on)
    for bill in sorted(bills, key=lambda bill: bill.billed_on):
        ends_on = months_later(bill.billed_on, rung.months)
        if bill.billed_on <= on < ends_on:
            left -= bill.due_fen
            if left < rung.spend_fen:
                return ends_on - timedelta(days=1)
    raise AssertionError("spending that is enough runs out some day")


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))

"""How tiers are reached and kept, and where a member stands by what is known."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

# Limits of what a policy may say: they keep a slip of the hand away, not a wish.
MONTHS_MAX: Final = 60
DAYS_MAX: Final = 366


class Measure(StrEnum):
    """What can be counted: each is SQL in `measuring`."""

    BILL_SPEND = "bill_spend"  # fen of adjusted bills, but those never paid
    POINTS_EARNED = "points_earned"  # points of bills and activities
    PARTNER_POINTS = "partner_points"  # points of activities at partners alone


class Period(StrEnum):
    """Over which months it is counted."""

    CALENDAR = "calendar"  # years begin in January, and shorter periods with them
    ANNIVERSARY = "anniversary"  # from the day the member joined
    ROLLING = "rolling"  # the months before each day


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier, and how much of what is measured earns it."""

    tier: str
    rank: int
    needed: int


@dataclass(frozen=True, slots=True)
class Policy:
    """How tiers are reached, kept and lost; see `TierPolicy`."""

    version: int
    valid_from: date
    measure: Measure
    period: Period
    months: int
    grace_days: int
    soft_landing: bool
    never_downgrade: bool
    late_days: int
    notice_days: int
    rungs: tuple[Rung, ...]  # from the lowest


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts for a member on a day, and the tier it earns."""

    figure: int = 0  # of the period that is under way
    tier: str | None = None  # None: earns none
    until: date | None = None  # to when that is enough; None: as above


@dataclass(frozen=True, slots=True)
class Kept:
    """The tier that the newest decision gave, and the end of its period."""

    tier: str
    until: date


@dataclass(frozen=True, slots=True)
class Granted:
    """A tier somebody gave, and its last day."""

    tier: str
    until: date


@dataclass(frozen=True, slots=True)
class TierStanding:
    """Where a member stands on a day."""

    tier: str | None  # None: on no rung
    source: Literal["earned", "grant"] | None  # None: as above
    measure: Measure | None  # None: no policy says how tiers are reached
    figure: int  # of the period that is under way
    next_tier: str | None  # None: on the highest rung
    missing: int  # to the next tier
    until: date | None  # the last day, as things are now; None: on no rung

    @property
    def has_priority(self) -> bool:
        """Whether the hotline and the halls serve the member first (C07)."""
        return self.tier is not None


NOWHERE: Final = TierStanding(None, None, None, 0, None, 0, None)


def stand(
    policy: Policy,
    *,
    counted: Counted,
    kept: Kept | None,
    grants: Sequence[Granted],
    on: date,
) -> TierStanding:
    """Return the highest of what is earned, what is kept and what was given.

    Earning lifts at once. What a decision gave is kept until another decision takes
    it, however little counts meanwhile. Of two ways to the same rung, the one that
    reaches further.
    """
    ranks = {rung.tier: rung.rank for rung in policy.rungs}
    ways: list[tuple[int, date, Literal["earned", "grant"], str]] = [
        (ranks[grant.tier], grant.until, "grant", grant.tier)
        for grant in grants
        if grant.tier in ranks and grant.until >= on
    ]
    if counted.tier is not None and counted.until is not None:
        ways.append((ranks[counted.tier], counted.until, "earned", counted.tier))
    if kept is not None and kept.tier in ranks:
        # Nobody falls without a decision: past its end, a tier waits for the review.
        until = max(kept.until, on)
        ways.append((ranks[kept.tier], until, "earned", kept.tier))
    best = max(ways, default=None)
    held, until_, source, tier = best or (0, None, None, None)
    above = next((rung for rung in policy.rungs if rung.rank > held), None)
    return TierStanding(
        tier=tier,
        source=source,
        measure=policy.measure,
        figure=counted.figure,
        next_tier=above.tier if above else None,
        missing=max(above.needed - counted.figure, 0) if above else 0,
        until=until_,
    )


def faults_of(policy: Policy, *, tiers: Sequence[str]) -> set[str]:
    """Return the names of what makes no sense in a policy over these tiers."""
    found = {
        name
        for name in ("grace_days", "late_days", "notice_days")
        if not 0 <= getattr(policy, name) <= DAYS_MAX
    }
    if not 1 <= policy.months <= MONTHS_MAX:
        found.add("months")
    elif timedelta(days=policy.grace_days) >= timedelta(days=28 * policy.months):
        found.add("grace_days")  # or it would outlast the period after it
    if tuple(rung.tier for rung in policy.rungs) != tuple(tiers):
        found.add("rungs")
    lower = 0
    for rung in policy.rungs:
        if rung.needed <= lower:
            found.add(f"needed_{rung.tier}")
        lower = rung.needed
    return found


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))

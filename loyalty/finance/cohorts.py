"""What is owed for points that may still be redeemed: exact and pure (domain.md 2.6).

The price of a cohort's points is deferred when they are earned and becomes revenue in
the pattern in which they are redeemed:

    target      allocated × min(1, redeemed ÷ expected); all, once no point is left
    liability   allocated − released
    rate        allocated ÷ expected, for the next point that is redeemed

A redemption releases at the rate of its moment; the close of a period releases what is
missing to the target. So breakage comes with the redemptions, and a new estimate
changes nothing but the pattern: what was allocated stays allocated.

Points are whole, but for estimates; money is in fen. Nothing is rounded before it is
posted, and what rounding leaves is carried to the next posting of the cohort.
"""

from dataclasses import dataclass, fields, replace
from datetime import date
from fractions import Fraction
from typing import Self

from loyalty.finance.rules import NOTHING, carry


@dataclass(frozen=True, slots=True, order=True)
class Cohort:
    """Points that are accounted for together."""

    unit: str
    earned_in: date  # the first day of the month
    funding: str


@dataclass(frozen=True, slots=True)
class _Sums:
    """Figures that add up, one by one."""

    def __add__(self, other: Self) -> Self:
        names = [each.name for each in fields(self)]
        return type(self)(**{n: getattr(self, n) + getattr(other, n) for n in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(_Sums):
    """What happened to a cohort: one event, or the sums of a period."""

    issued: int = 0  # points; below zero: more was clawed back (J15)
    allocated: Fraction = NOTHING  # fen of the price, for what was issued
    expected: Fraction = NOTHING  # points of what was issued that will be redeemed
    redeemed: int = 0  # points; those exchanged out too
    returned: int = 0  # points of redemptions that were reversed
    returned_fen: Fraction = NOTHING  # what these had released, then (J14)
    expired: int = 0  # points
    voided: int = 0  # points; below zero: more was reinstated (J13)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortState:
    """Where a cohort stands: the sums of all its activity, and what was released."""

    issued: int = 0  # points, net of what was clawed back
    redeemed: int = 0  # points, net of what was returned
    expired: int = 0  # points
    voided: int = 0  # points, net of what was reinstated
    allocated: Fraction = NOTHING  # fen
    expected: Fraction = NOTHING  # points that will ever be redeemed: E_total
    released: Fraction = NOTHING  # fen that have become revenue: revenue_cum

    @property
    def open_points(self) -> int:
        """Points that may still be redeemed; below zero: spent, then clawed back."""
        return self.issued - self.redeemed - self.expired - self.voided

    @property
    def is_over(self) -> bool:
        """Whether no point is left that could be redeemed."""
        return self.open_points <= 0

    @property
    def liability(self) -> Fraction:
        """Fen that are still owed: account 2205."""
        return self.allocated - self.released

    @property
    def rate(self) -> Fraction:
        """Fen that the next point releases when it is redeemed: c.

        Nothing where none is expected to be: there is no pattern to follow, and what
        was allocated waits for the close or for the end of the cohort.
        """
        return self.allocated / self.expected if self.expected > 0 else NOTHING

    @property
    def in_pattern(self) -> Fraction:
        """Fen that should be released by what was redeemed: T1 to T3, T6."""
        if self.redeemed <= 0:
            return NOTHING
        if self.redeemed >= self.expected:
            return self.allocated
        return self.allocated * self.redeemed / self.expected

    @property
    def target(self) -> Fraction:
        """Fen that should be released by now: revenue_cum_target."""
        return self.allocated if self.is_over else self.in_pattern

    @property
    def breakage(self) -> Fraction:
        """Fen of what was released that no redeemed point stands for."""
        if self.issued <= 0:
            return self.released
        return self.released - self.allocated * self.redeemed / self.issued

    @property
    def redemption_rate(self) -> Fraction | None:
        """The ultimate redemption rate, URR (R3); None: nothing was issued."""
        return self.expected / self.issued if self.issued > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement(_Sums):
    """What moved the liability of a cohort, in fen: the columns of R1.

    What is released is above zero where it is revenue.
    """

    allocated: Fraction = NOTHING
    released: Fraction = NOTHING  # by redemptions, at the rate of their moment
    true_up: Fraction = NOTHING  # to the pattern, by the newest estimate
    breakage: Fraction = NOTHING  # beyond the pattern, for no point is left

    @property
    def revenue(self) -> Fraction:
        """Fen that became revenue in one way or another."""
        return self.released + self.true_up + self.breakage


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What rounding left to the next posting of a cohort: half a fen each, at most."""

    allocated: Fraction = NOTHING
    released: Fraction = NOTHING  # one for all columns of revenue


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A movement in whole fen, and what is carried to the next."""

    allocated: int
    released: int
    true_up: int
    breakage: int
    carried: Carried

    @property
    def liability(self) -> int:
        """Fen by which account 2205 rises, or falls below zero."""
        return self.allocated - self.released - self.true_up - self.breakage


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForward:
    """A cohort through a period: opening and movement make the closing (R1)."""

    opening: CohortState
    activity: Activity
    movement: Movement
    closing: CohortState


def book(state: CohortState, activity: Activity) -> tuple[CohortState, Movement]:
    """Add an activity to a cohort and release what it redeems.

    Points are issued before others of the same activity are redeemed. No redemption
    releases more than is owed; one that is reversed takes back what it released then.
    Expiry and voiding release nothing by themselves: what they mean is in the estimate,
    or found at the close (J11, J12).
    """
    issued = replace(
        state,
        issued=state.issued + activity.issued,
        allocated=state.allocated + activity.allocated,
        expected=state.expected + activity.expected,
    )
    owed = max(issued.liability, NOTHING)
    released = min(activity.redeemed * issued.rate, owed) - activity.returned_fen
    booked = replace(
        issued,
        redeemed=state.redeemed + activity.redeemed - activity.returned,
        expired=state.expired + activity.expired,
        voided=state.voided + activity.voided,
        released=state.released + released,
    )
    return booked, Movement(allocated=activity.allocated, released=released)


def close(
    state: CohortState, *, expected: Fraction | None = None
) -> tuple[CohortState, Movement]:
    """Bring what was released to its target, by a new estimate if there is one.

    The estimate is the total of points that will ever be redeemed; None keeps the last
    one. Where no point is left, the rest is released whatever was expected, and points
    that come back to such a cohort take their part back.
    """
    assert expected is None or expected >= 0
    if expected is not None:
        state = replace(state, expected=expected)
    true_up = state.in_pattern - state.released
    if state.is_over:
        # The rest may have been released before; it does not come back to go again.
        true_up = max(true_up, NOTHING)
    movement = Movement(
        true_up=true_up, breakage=state.target - state.released - true_up
    )
    return replace(state, released=state.target), movement


def roll_forward(
    opening: CohortState, *, activity: Activity, expected: Fraction | None = None
) -> RollForward:
    """Book a period's sums and close it.

    Redemptions release by the estimate that held before this close, so that `true_up`
    is what the new one changed. The closing is the same as if each event had been
    booked by itself, in any order.
    """
    booked, at_once = book(opening, activity)
    closing, at_close = close(booked, expected=expected)
    return RollForward(
        opening=opening,
        activity=activity,
        movement=at_once + at_close,
        closing=closing,
    )


def post(movement: Movement, *, carried: Carried) -> Posted:
    """Round a movement to the fen, with what the cohort's last posting left.

    All columns of revenue share one remainder: when a cohort is over, what was posted
    as revenue is to the fen what was posted as deferred.
    """
    allocated, left = carry(movement.allocated, carried=carried.allocated)
    released, rest = carry(movement.released, carried=carried.released)
    true_up, rest = carry(movement.true_up, carried=rest)
    breakage, rest = carry(movement.breakage, carried=rest)
    return Posted(
        allocated=allocated,
        released=released,
        true_up=true_up,
        breakage=breakage,
        carried=Carried(allocated=left, released=rest),
    )

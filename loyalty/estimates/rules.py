"""How many points of a cohort will ever be redeemed: suggestions for who decides it.

Finance sets the estimate with a second person; this only says what the past suggests
and what another estimate would change (domain.md 2.6). Exact and pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from typing import Final

from loyalty.finance.cohorts import CohortState, close
from loyalty.finance.rules import round_half_up

NO_TAIL: Final = Fraction(1)


class Bound(StrEnum):
    """What kept a suggestion from being the bare result of the chain ladder."""

    FLOOR = "floor"  # redeemed, and set aside to be
    CAP = "cap"  # issued, and neither expired nor voided


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is expected of points of which nothing better is known, from a month on."""

    version: int
    valid_from: date  # the first day of a month
    redemption_rate: Fraction  # of all points issued, those that will be redeemed
    point_value_fen: Fraction  # of a point that is redeemed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A cohort's row of the redemption triangle (R3), in points."""

    earned_in: date  # the first day of the month
    issued: int
    redeemed: tuple[int, ...]  # in each month since, the month of earning first
    held: int = 0  # set aside by redemptions that are under way
    expired: int = 0
    voided: int = 0

    @property
    def cumulative(self) -> tuple[int, ...]:
        """Points redeemed by the end of each month since earning."""
        return tuple(accumulate(self.redeemed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What the past suggests for a cohort."""

    earned_in: date
    latest: int  # points redeemed so far
    developed: Fraction | None  # that part of all that will be; None: nobody can say
    expected: int | None  # points ever redeemed, E_total; None: as above
    bound: Bound | None = None  # None: neither was met


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What another estimate would make of a cohort."""

    step: Fraction  # percentage points of the redemption rate
    expected: Fraction  # points
    rate: Fraction  # fen for the next point redeemed
    liability: Fraction  # fen
    true_up: Fraction  # fen of revenue, against the present estimate


def development_factors(rows: Sequence[Row]) -> list[Fraction | None]:
    """Return by how much redemptions grow from each month of age to the next.

    Each is weighted by volume, over the cohorts old enough for both ages; None: nothing
    had been redeemed at the earlier age.
    """
    triangle = [row.cumulative for row in rows]
    ages = max((len(row) for row in triangle), default=0)
    factors: list[Fraction | None] = []
    for age in range(1, ages):
        old_enough = [row for row in triangle if len(row) > age]
        before = sum(row[age - 1] for row in old_enough)
        after = sum(row[age] for row in old_enough)
        factors.append(Fraction(after, before) if before > 0 else None)
    return factors


def developed_shares(
    rows: Sequence[Row], *, tail: Fraction = NO_TAIL
) -> list[Fraction | None]:
    """Return which part of all redemptions is made by the end of each month of age.

    `tail`: by how much redemptions grow after the oldest age that was seen. None: a
    factor on the way is missing.
    """
    assert tail > 0
    if not any(row.redeemed for row in rows):
        return []
    to_come: Fraction | None = tail
    shares = [1 / tail]
    result: list[Fraction | None] = [*shares]
    for factor in reversed(development_factors(rows)):
        to_come = to_come * factor if to_come is not None and factor else None
        result.append(1 / to_come if to_come is not None else None)
    return result[::-1]


def chain_ladder(rows: Sequence[Row], *, tail: Fraction = NO_TAIL) -> list[Suggestion]:
    """Suggest how many points of each cohort will ever be redeemed.

    What is redeemed so far ÷ the part that cohorts of that age have redeemed, rounded
    half up to a point; at least what is redeemed or held, and at most what was issued
    and has neither expired nor been voided. A cohort of which nothing was redeemed yet
    has no suggestion while redemptions are still to come.
    """
    shares = developed_shares(rows, tail=tail)
    return [_suggestion(row, shares) for row in rows]


def _suggestion(row: Row, shares: Sequence[Fraction | None]) -> Suggestion:
    latest = sum(row.redeemed)
    developed = shares[len(row.redeemed) - 1] if row.redeemed else None
    if developed is None or (latest <= 0 and developed != 1):
        return Suggestion(
            earned_in=row.earned_in, latest=latest, developed=developed, expected=None
        )
    ultimate = latest / developed
    expected = round_half_up(ultimate.numerator, ultimate.denominator)
    floor = latest + row.held
    cap = row.issued - row.expired - row.voided
    # More can be spent than is left of what was issued: spent, and then clawed back.
    bounded = max(min(expected, cap), floor)
    bound = None
    if bounded != expected:
        bound = Bound.CAP if bounded == cap else Bound.FLOOR
    return Suggestion(
        earned_in=row.earned_in,
        latest=latest,
        developed=developed,
        expected=bounded,
        bound=bound,
    )


def sensitivity(
    state: CohortState, *, steps: Sequence[Fraction], held: int = 0
) -> list[Sensitivity]:
    """Say what a cohort would come to at each step away from its estimate.

    A step of 1 is one percentage point of the redemption rate: one more in a hundred
    points issued will be redeemed. No step goes below what is redeemed or held, or
    beyond what was issued and has neither expired nor been voided.
    """
    present, _ = close(state)
    floor = Fraction(state.redeemed + held)
    cap = Fraction(state.issued - state.expired - state.voided)
    rows = []
    for step in steps:
        wished = state.expected + state.issued * step / 100
        expected = max(min(wished, cap), floor)
        other = replace(state, expected=expected)
        closed, _ = close(other)
        rows.append(
            Sensitivity(
                step=step,
                expected=expected,
                rate=other.rate,
                liability=closed.liability,
                true_up=closed.released - present.released,
            )
        )
    return rows

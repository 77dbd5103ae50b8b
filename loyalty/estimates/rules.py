"""How many points of a cohort will ever be redeemed: suggestions for who decides it.

Finance sets the estimate with a second person; this only says what the past suggests,
what another estimate would change, and how good the last ones were (domain.md 2.6,
2.9). Exact and pure.
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
    voided: int = 0  # by leaving, or forfeited
    seen_from: int = 0  # the first age that was seen; later: an older programme's

    @property
    def latest(self) -> int:
        """Points redeemed so far."""
        return sum(self.redeemed)

    @property
    def floor(self) -> int:
        """The fewest points that can be redeemed in the end."""
        return self.latest + self.held

    @property
    def cap(self) -> int:
        """The most points that can be redeemed in the end.

        More can be spent than is left of what was issued: spent, then clawed back.
        """
        return max(self.issued - self.expired - self.voided, self.floor)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """What an estimate had foretold for some months, and what came, in points."""

    earned_in: date
    expected: Fraction  # the estimate that held at their beginning
    redeemed_then: int
    foretold: Fraction | None  # None: nobody could say
    came: int

    @property
    def missed(self) -> Fraction | None:
        """What came beyond what was foretold; None: nothing was."""
        return None if self.foretold is None else self.came - self.foretold


def development_factors(rows: Sequence[Row]) -> list[Fraction | None]:
    """Return by how much redemptions grow from each month of age to the next.

    Each is weighted by volume, over the cohorts old enough for both ages that were seen
    from their first month; None: nothing had been redeemed at the earlier age.
    """
    triangle = [row.cumulative for row in rows if not row.seen_from]
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
    if not any(row.redeemed and not row.seen_from for row in rows):
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
    has no suggestion while redemptions are still to come, nor has one older than all
    that were seen from their first month. Of points taken over from an older programme
    only what came after is compared.
    """
    shares = developed_shares(rows, tail=tail)
    return [_suggestion(row, shares) for row in rows]


def _suggestion(row: Row, shares: Sequence[Fraction | None]) -> Suggestion:
    latest = row.latest
    developed = _developed(row, shares)
    if developed is None or (latest <= 0 and developed != 1):
        return Suggestion(
            earned_in=row.earned_in, latest=latest, developed=developed, expected=None
        )
    ultimate = latest / developed
    expected = round_half_up(ultimate.numerator, ultimate.denominator)
    bounded = max(min(expected, row.cap), row.floor)
    bound = None
    if bounded != expected:
        bound = Bound.FLOOR if bounded == row.floor else Bound.CAP
    return Suggestion(
        earned_in=row.earned_in,
        latest=latest,
        developed=developed,
        expected=bounded,
        bound=bound,
    )


def _developed(row: Row, shares: Sequence[Fraction | None]) -> Fraction | None:
    """Return which part of what a cohort will redeem under our eyes is redeemed."""
    age = len(row.redeemed)
    if not 0 < age <= len(shares):
        return None
    share = shares[age - 1]
    if not row.seen_from or share is None:
        return share
    before = shares[row.seen_from - 1]
    if before is None or share == before != 1:
        return None
    return Fraction(1) if before == 1 else (share - before) / (1 - before)


def back_test(
    now: Sequence[Row], *, expected: Sequence[Fraction], months: int
) -> list[BackTest]:
    """Compare what estimates had foretold some months ago with what came.

    `expected` are the estimates that held then, one for each row. Of what they left to
    come, the part falls into these months that the cohorts known then had redeemed at
    those ages. A cohort that was not there yet, or too old to know, foretells nothing.
    """
    assert months > 0
    shares = developed_shares([_before(row, months) for row in now])
    tests = []
    for row, total in zip(now, expected, strict=True):
        then = _before(row, months)
        foretold = None
        if then.redeemed and len(row.redeemed) <= len(shares):
            start, end = shares[len(then.redeemed) - 1], shares[len(row.redeemed) - 1]
            to_come = max(total - then.latest, Fraction(0))
            if start == 1:
                foretold = Fraction(0)
            elif start is not None and end is not None:
                foretold = to_come * (end - start) / (1 - start)
        tests.append(
            BackTest(
                earned_in=row.earned_in,
                expected=total,
                redeemed_then=then.latest,
                foretold=foretold,
                came=row.latest - then.latest,
            )
        )
    return tests


def _before(row: Row, months: int) -> Row:
    """Return a row of the triangle as it was known some months before."""
    return replace(row, redeemed=row.redeemed[: max(len(row.redeemed) - months, 0)])


def shared_out(total: int, rows: Sequence[tuple[int, int]]) -> list[int]:
    """Return what each of several cohorts is expected to redeem, of so much in all.

    `rows`: the fewest and the most points of each. What lies between is expected to be
    redeemed at the same rate everywhere; the parts are together the total.
    """
    least = sum(floor for floor, _ in rows)
    room = sum(most - floor for floor, most in rows)
    assert least <= total <= least + room
    parts, reached, given = [], 0, 0
    for floor, most in rows:
        reached += most - floor
        due = (total - least) * reached // room if room else 0
        parts.append(floor + due - given)
        given = due
    return parts


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

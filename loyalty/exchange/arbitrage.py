"""Whether a round of exchanges makes more of what it began with: exact, and pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit becomes in another, before fees and steps, which only take."""

    from_unit: str
    to_unit: str
    per_unit: Fraction


@dataclass(frozen=True, slots=True)
class Cycle:
    """A round that ends where it began, and what one unit has become by then."""

    units: tuple[str, ...]  # the first is also the last
    gain: Fraction


def one_for_one(units: Sequence[str]) -> list[Rate]:
    """Return the rates between units that are spent as one balance."""
    return [
        Rate(one, other, Fraction(1))
        for one, other in product(units, units)
        if one != other
    ]


def gaining_cycle(rates: Iterable[Rate]) -> Cycle | None:
    """Return a round of exchanges that gains; None: none does.

    The best way from each unit to each other is sought by Floyd and Warshall's
    method, over products instead of sums; it stops at the first gain, for beyond it
    the best way has no end.
    """
    best: dict[tuple[str, str], Cycle] = {}
    for rate in rates:
        ends, way = (rate.from_unit, rate.to_unit), (rate.from_unit, rate.to_unit)
        if ends not in best or best[ends].gain < rate.per_unit:
            best[ends] = Cycle(way, rate.per_unit)
    units = sorted({unit for ends in best for unit in ends})
    found = _gain(best, units)
    for through, one, other in product(units, units, units):
        if found is not None:
            return found
        first, second = best.get((one, through)), best.get((through, other))
        if first is None or second is None:
            continue
        joined = Cycle(first.units + second.units[1:], first.gain * second.gain)
        known = best.get((one, other))
        if known is None or known.gain < joined.gain:
            best[one, other] = joined
            if one == other and joined.gain > 1:
                found = joined
    return found


def _gain(best: dict[tuple[str, str], Cycle], units: Sequence[str]) -> Cycle | None:
    loops = [best[unit, unit] for unit in units if (unit, unit) in best]
    return next((loop for loop in loops if loop.gain > 1), None)

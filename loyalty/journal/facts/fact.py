"""The value that all queries of facts yield."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from loyalty.finance.cohorts import Cohort
from loyalty.finance.rules import NOTHING


class Effect(StrEnum):
    """What an event does to the points of its cohort."""

    ISSUE = "issue"
    CLAW = "claw"  # below zero: issued ones are taken back, at what they are carried at
    REDEEM = "redeem"
    RETURN = "return"
    EXPIRE = "expire"
    VOID = "void"  # below zero: reinstated
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one kind of event came to in a month, for one cohort and one counterpart.

    Money is in fen, exact, and below zero where an event takes something back.
    """

    period: date
    event: str
    effect: Effect = Effect.NOTHING
    unit: str | None = None  # None, as the next two: it concerns no points
    earned_in: date | None = None
    funding: str | None = None
    partner: str | None = None
    family: str | None = None
    item: str | None = None
    treatment: str | None = None
    billing: str | None = None
    fulfilment: str | None = None
    of: date | None = None  # the month of what is returned; None: nothing is
    points: int = 0
    count: int = 0  # how many events it sums up
    price: Fraction = NOTHING
    service: Fraction = NOTHING  # the part of the price that is not for points
    payable: Fraction = NOTHING
    cash: Fraction = NOTHING
    amount: Fraction = NOTHING
    used: Fraction = NOTHING  # points redeemed before, of what is had only now
    # Of a coalition's points: what they sell for when given, what it pays when spent.
    worth: Fraction = NOTHING

    @property
    def cohort(self) -> Cohort | None:
        """The cohort it concerns; None: no points."""
        if self.unit is None or self.earned_in is None or self.funding is None:
            return None
        return Cohort(self.unit, self.earned_in, self.funding)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells facts of a month apart, as text: they stand in its order."""
        return tuple(str(getattr(self, name) or "") for name in _KEY)


_SUMS: Final = (
    *("points", "count", "price", "service", "payable", "cash", "amount", "used"),
    "worth",
)
_KEY: Final = tuple(one.name for one in fields(Fact) if one.name not in _SUMS)
_MONEY: Final = ("price", "service", "payable", "cash", "amount", "used", "worth")


def fact_of(row: Mapping[str, Any]) -> Fact:
    """Return the fact of a row; its money is in `parts` of a fen, if it says so."""
    parts = int(row.get("parts") or 1)
    said = {
        name: value for name, value in row.items() if name in _KEY and value is not None
    }
    sums: dict[str, Any] = {
        name: Fraction(int(row[name] or 0), parts) for name in _MONEY if name in row
    }
    sums |= {name: int(row[name] or 0) for name in ("points", "count") if name in row}
    if "effect" in said:
        said["effect"] = Effect(said["effect"])
    return Fact(**said, **sums)


def gathered(facts: Iterable[Fact]) -> list[Fact]:
    """Add up facts that differ in figures alone, and put them into their order."""
    found: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        known = found.get(fact.key)
        if known is not None:
            sums = {name: getattr(known, name) + getattr(fact, name) for name in _SUMS}
            fact = replace(known, **sums)  # noqa: PLW2901 - both are one
        found[fact.key] = fact
    return [found[key] for key in sorted(found)]

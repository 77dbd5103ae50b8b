"""The journal of a month as values."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from loyalty.finance.cohorts import Carried, Cohort, CohortState
from loyalty.finance.rules import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One posting: what an account is debited or credited, in fen."""

    view: str
    journal_no: int
    line: int
    event: str
    dated_on: date
    account: str
    debit_fen: int
    credit_fen: int
    measure: str
    partner: str | None
    family: str | None
    item: str | None
    unit: str | None
    earned_in: date | None
    funding: str | None
    points: int
    event_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortMonth:
    """Where a cohort stands at the end of a month, and what the month did to it."""

    cohort: Cohort
    state: CohortState
    carried: Carried = field(default_factory=Carried)
    carried_cost: Fraction = NOTHING
    rate: Fraction = NOTHING  # fen that a point redeemed in the month released
    allocated_fen: int = 0  # posted in the month, as the next three
    released_fen: int = 0
    true_up_fen: int = 0
    breakage_fen: int = 0
    liability_fen: int = 0  # posted by its end

    @property
    def carries(self) -> Fraction:
        """What the posted liability is below the exact one: a fen at most."""
        return self.state.liability - self.liability_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """The journal of a month, derived from what happened: kept or not."""

    period: date
    rules_version: int
    estimates_version: int
    entries: tuple[Entry, ...]
    cohorts: tuple[CohortMonth, ...]
    source_hash: str
    before: tuple["Derived", ...] = ()  # earlier months that are not kept either
    since: date | None = None  # the last month kept before; None: none is

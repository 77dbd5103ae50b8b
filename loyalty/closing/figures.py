"""The figures of a month as its close keeps them, so that a later change shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy.orm import Session

from loyalty.closing.evidence.money import movements
from loyalty.closing.models import MonthClose
from loyalty.closing.rules import Month
from loyalty.closing.workings import Workings
from loyalty.finance.cohorts import Cohort
from loyalty.reports.keeping import Kept, kept_of

_GOING_ON: Final = "reports_going_on"


@dataclass(frozen=True, slots=True)
class Drift:
    """A figure that is another today than when its month was closed."""

    name: str
    then: object
    now: object


def figures_of(workings: Workings) -> dict[str, Any]:
    """Return the figures of a month whose books were proved and whose journal is kept.

    The journal's are derived and not read, so that its kept one is compared as well.
    """
    journal = workings.journal
    assert journal is not None, "a month without rules is not closed"
    return {
        "month": workings.report,
        "journal": {
            "source_hash": journal.source_hash,
            "moved_fen": movements(journal),
            "liability_fen": {
                _name(one.cohort): one.liability_fen for one in journal.cohorts
            },
        },
        "reports": {
            name: kept_of(tables, goes_on=False)
            for name, tables in workings.reports.items()
        },
        _GOING_ON: {
            name: kept_of(tables, goes_on=True)
            for name, tables in workings.reports.items()
        },
    }


def drift(session: Session, close: MonthClose) -> list[Drift]:
    """Return which figures of a closed month come out differently today.

    Nothing can be posted into a closed month, so that only the code or its data can
    have changed. A figure that the close did not keep is not compared, nor is what
    rightly goes on after a month.
    """
    workings = Workings(session, Month(close.period), at=close.closed_at, proof=())
    now = dict(_flat(figures_of(workings)))
    return [
        Drift(name, then, now.get(name))
        for name, then in _flat(close.figures)
        if now.get(name) != then and not name.startswith(f"{_GOING_ON}.")
    ]


def kept_report(close: MonthClose, *, report: str) -> Kept:
    """Return what a close kept of a report."""
    kept, going_on = (close.figures.get(each, {}) for each in ("reports", _GOING_ON))
    return Kept(close.closed_at, kept.get(report), going_on.get(report))


def code_version() -> str:
    """Return which version of this code is running."""
    return version("jifen")


def _flat(figures: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Return each figure by the names that lead to it."""
    for name, value in figures.items():
        where = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _flat(value, where)
        else:
            yield where, value


def _name(cohort: Cohort) -> str:
    return f"{cohort.unit} {cohort.earned_in:%Y-%m} {cohort.funding}"

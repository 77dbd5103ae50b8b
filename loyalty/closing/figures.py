"""The figures of a month as its close keeps them, so that a later change shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

from sqlalchemy.orm import Session

from loyalty.closing.models import MonthClose
from loyalty.finance.queries import month_report


@dataclass(frozen=True, slots=True)
class Drift:
    """A figure that is another today than when its month was closed."""

    name: str
    then: object
    now: object


def figures_of(session: Session, period: date) -> dict[str, Any]:
    """Return the figures of a month whose books were proved."""
    return {"month": month_report(session, period, proved=True)}


def drift(session: Session, close: MonthClose) -> list[Drift]:
    """Return which figures of a closed month come out differently today.

    Nothing can be posted into a closed month, so that only the code or its data can
    have changed. A figure that the close did not keep is not compared.
    """
    now = dict(_flat(figures_of(session, close.period)))
    return [
        Drift(name, then, now.get(name))
        for name, then in _flat(close.figures)
        if now.get(name) != then
    ]


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

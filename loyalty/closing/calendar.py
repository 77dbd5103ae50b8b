"""Which days are worked, and on which of them a step of the month-end is due."""

import tomllib
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from loyalty.finance.rules import next_month

_SATURDAY: Final = 5
_ONE_DAY: Final = timedelta(days=1)


def is_worked(day: date) -> bool:
    """Tell whether offices work on a day; see `holidays.toml`."""
    rests, works = _exceptions()
    return day in works or (day.weekday() < _SATURDAY and day not in rests)


def working_day(period: date, nth: int) -> date:
    """Return the nth working day after a month; before its end, if below zero.

    The 0th is the last working day of the month itself, where cut-off is.
    """
    day = next_month(period) - _ONE_DAY
    while not is_worked(day):
        day -= _ONE_DAY
    step = _ONE_DAY if nth > 0 else -_ONE_DAY
    for _ in range(abs(nth)):
        day += step
        while not is_worked(day):
            day += step
    return day


@cache
def _exceptions() -> tuple[frozenset[date], frozenset[date]]:
    """Return days of rest in the week, and worked days that are none."""
    told = tomllib.loads(
        (files("loyalty.closing") / "holidays.toml").read_text(encoding="utf-8")
    )
    return (
        frozenset(day for year in told.values() for day in year["rests"]),
        frozenset(day for year in told.values() for day in year["works"]),
    )

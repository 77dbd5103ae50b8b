"""Chance that repeats itself: the same seed and subject, the same throws."""

from datetime import date, timedelta
from functools import cache
from random import Random

FIRST_HOUR, LAST_HOUR = 9, 21


def chance(seed: int, *subject: object) -> Random:
    """Return the dice of one subject, untouched by what the others throw."""
    return Random("/".join(map(str, (seed, *subject))))  # noqa: S311 - no secret is made


def moment(day: date, rng: Random) -> str:
    """Return a moment of a day, when people are awake, as feeds write it."""
    minute, second = divmod(int(rng.random() * 3600), 60)
    hour = FIRST_HOUR + int(rng.random() * (LAST_HOUR - FIRST_HOUR))
    return f"{day}T{hour:02d}:{minute:02d}:{second:02d}+08:00"


@cache
def month_after(month: date, count: int = 1) -> date:
    """Return the first day of the month that is so many months later."""
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


@cache
def last_day(month: date) -> date:
    """Return the last day of a month."""
    return month_after(month) - timedelta(days=1)


@cache
def stamp(month: date) -> str:
    """Return a month as references carry it."""
    return f"{month:%Y%m}"

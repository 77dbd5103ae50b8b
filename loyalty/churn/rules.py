"""When to ask a bank again, and when its silence is an alarm."""

from datetime import date, datetime, timedelta
from typing import Final

_FIRST: Final = timedelta(minutes=10)
_LONGEST: Final = timedelta(hours=12)
_SATURDAY: Final = 5


def working_days_later(day: date, days: int) -> date:
    """Return the day so many working days later; Saturdays and Sundays are none."""
    assert days >= 0
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY
    return day


def again_at(at: datetime, attempts: int) -> datetime:
    """Return when to take up what waits: twice as late each time, to half a day."""
    return at + min(_FIRST * (1 << min(max(attempts - 1, 0), 10)), _LONGEST)

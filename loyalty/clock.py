"""The only place that reads the clock; everyone else is told the time."""

from datetime import date, datetime, timedelta

from loyalty.errors import Refused
from loyalty.settings import TIME_ZONE, Settings

DAYS_BACK_MAX = 36_525  # a century
_DIGITS_MAX = len(str(DAYS_BACK_MAX))


class BadDaysBack(Refused):
    """JIFEN_CLOCK_DAYS_BACK must be a whole number of days, from 0 to 36525."""

    code = "bad_days_back"

    def __init__(self, *, written: str) -> None:
        super().__init__(written=written)


def now() -> datetime:
    """Return the programme's present moment, aware, in its time zone.

    It lies whole days in the past where the settings say so, so that a programme of
    2007 can be tried with points that are still good.

    Raises `BadDaysBack`.
    """
    return wall() - timedelta(days=_days_back())


def wall() -> datetime:
    """Return the real time: what strangers and second factors go by."""
    return datetime.now(TIME_ZONE)


def real(moment: datetime) -> datetime:
    """Return the real time at which the programme reaches a moment."""
    return moment + timedelta(days=_days_back())


def programme(moment: datetime) -> datetime:
    """Return the programme's moment of a real time, in its time zone."""
    return moment.astimezone(TIME_ZONE) - timedelta(days=_days_back())


def programme_day(day: date) -> date:
    """Return the programme's day of a real one."""
    return day - timedelta(days=_days_back())


def business_date() -> date:
    """Return the day it is for the programme."""
    return now().date()


def _days_back() -> int:
    written = Settings.from_environment().clock_days_back
    if not _is_count(written) or int(written) > DAYS_BACK_MAX:
        raise BadDaysBack(written=written)
    return int(written)


def _is_count(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= _DIGITS_MAX

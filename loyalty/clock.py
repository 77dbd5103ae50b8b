"""The only place that reads the clock; everyone else is told the time."""

from datetime import date, datetime

from loyalty.settings import TIME_ZONE


def now() -> datetime:
    """Return the present moment, aware, in the programme's time zone."""
    return datetime.now(TIME_ZONE)


def business_date() -> date:
    """Return the day it is in the programme's time zone."""
    return now().date()

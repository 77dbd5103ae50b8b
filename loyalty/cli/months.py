"""How a month is named at the command line."""

import re
from datetime import date

import click

METAVAR = "YYYY-MM"


def month(value: str) -> date:
    """Return the first day of a month, or fail in one line."""
    # Years in which people keep books; the calendar ends soon after them.
    if re.fullmatch(r"(19|[2-8][0-9])[0-9]{2}-(0[1-9]|1[0-2])", value):
        return date.fromisoformat(f"{value}-01")
    raise click.BadParameter(f"{value!r} is not a month, written {METAVAR}.")

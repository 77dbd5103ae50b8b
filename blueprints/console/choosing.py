"""What the address of a month's page chooses: the month, and which points."""

import re
from datetime import date
from typing import Final

from flask import request

from loyalty.clock import business_date
from loyalty.estimates.triangles import Segment

_MONTH: Final = re.compile(r"(19|2\d)\d\d-(0[1-9]|1[0-2])")
_SEGMENT: Final = ("unit", "kind", "funding", "brand", "tier")


def read_month(said: str) -> date | None:
    """Return the first day of a month as it is written, 2026-03; None: it is none."""
    return date.fromisoformat(f"{said}-01") if _MONTH.fullmatch(said) else None


def chosen_month() -> date:
    """Return the month that the address asks for; this one, where it asks for none."""
    asked = read_month(request.args.get("period", ""))
    return asked or business_date().replace(day=1)


def chosen_segment() -> Segment:
    """Return which points the address asks for."""
    return Segment(
        earned_in=read_month(request.args.get("earned_in", "")),
        **{name: request.args.get(name) or None for name in _SEGMENT},
    )


def asked_for(period: date, segment: Segment) -> dict[str, str]:
    """Return what an address has to say to choose the same."""
    chosen = {name: getattr(segment, name) for name in _SEGMENT}
    said = {name: value for name, value in chosen.items() if value}
    if segment.earned_in:
        said["earned_in"] = f"{segment.earned_in:%Y-%m}"
    return {"period": f"{period:%Y-%m}"} | said


def chosen_page() -> int:
    """Return which page of a long table the address asks for, from 1."""
    asked = request.args.get("page", "")
    readable = asked.isascii() and asked.isdecimal() and len(asked) <= len("9999")
    return max(int(asked), 1) if readable else 1

"""What is typed into the forms of settlement, read as what it means."""

import re
from datetime import date
from typing import Final

from flask import request

from blueprints import current_database
from blueprints.wording import issuer_name
from loyalty.alliance.queries import partners

TEXT_CHARS: Final = 300
REF_CHARS: Final = 64
_MONEY: Final = re.compile(r"-?\d{1,11}(\.\d{1,2})?")
_COUNT: Final = re.compile(r"\d{1,10}")
_TYPED_AWAY: Final = str.maketrans("", "", ",，¥￥ ")


def words(name: str, most: int = TEXT_CHARS) -> str:
    """Return a text of the form, cut to what is kept of it."""
    return request.form.get(name, "").strip()[:most]


def fen(name: str) -> int | None:
    """Return yuan of the form in fen; None: it is no amount."""
    said = words(name).translate(_TYPED_AWAY).replace("\N{MINUS SIGN}", "-")
    if not _MONEY.fullmatch(said):
        return None
    whole, _, cents = said.lstrip("-").partition(".")
    amount = int(whole) * 100 + int(cents.ljust(2, "0") or 0)
    return -amount if said.startswith("-") else amount


def count(name: str) -> int | None:
    """Return a whole number of the form; None: it is none."""
    said = words(name).translate(_TYPED_AWAY)
    return int(said) if _COUNT.fullmatch(said) else None


def day(name: str) -> date | None:
    """Return a day of the form; None: it is none."""
    try:
        return date.fromisoformat(words(name))
    except ValueError:
        return None


def partner_names() -> dict[str, str]:
    """Return what each partner is called on this page."""
    with current_database().unit_of_work() as session:
        return {
            known.partner: issuer_name(known.partner, known.name)
            for known in partners(session)
        }

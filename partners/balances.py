"""What a partner says an account holds, read the same way in every adapter.

A figure that does not fit with the rest of the answer says nothing: it is UNKNOWN.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from partners import asking
from partners.ports import AccountBalance, Expiring, Outcome
from partners.transport import Reply

UNITS_MAX = 10**12
PARTS_MAX = 200
_UNIT = re.compile(r"[A-Z][A-Z0-9_]{0,15}")


def read(question: Callable[[], Reply], *, account_ref: str) -> AccountBalance:
    """Return what an account holds, as its partner answers."""
    told, receipt = asking.read(question)
    if receipt.outcome is not Outcome.CONFIRMED:
        return AccountBalance(receipt.outcome, reason=receipt.reason)
    try:
        return _balance(told, account_ref)
    except (ValueError, LookupError, TypeError) as error:
        return AccountBalance(Outcome.UNKNOWN, reason=f"unreadable: {error}"[:200])


def _balance(told: Mapping[str, Any], account_ref: str) -> AccountBalance:
    if told["account"] != account_ref:
        raise ValueError("the answer is about something else")
    if _UNIT.fullmatch(told["unit"]) is None:
        raise ValueError("unit is no name of a unit")
    units, parts = _count(told["units"], least=0), told.get("expiring", [])
    if not isinstance(parts, list) or len(parts) > PARTS_MAX:
        raise ValueError("expiring is no list")
    expiring = sorted(
        (
            Expiring(
                _count(part["units"], least=1), date.fromisoformat(part["expiresOn"])
            )
            for part in parts
        ),
        key=lambda part: part.expires_on,
    )
    if sum(part.units for part in expiring) > units:
        raise ValueError("more goes than there is")
    as_of = datetime.fromisoformat(told["asOf"])
    if as_of.tzinfo is None:
        raise ValueError("asOf has no offset")
    return AccountBalance(
        Outcome.CONFIRMED, told["unit"], units, tuple(expiring), as_of
    )


def _count(value: object, *, least: int) -> int:
    if type(value) is not int or not least <= value <= UNITS_MAX:
        raise ValueError("units is no count")
    return value

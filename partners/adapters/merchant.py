"""A merchant's back office over JSON: what its tills add up to on a day.

Its tills ask us, through the partner API; we ask it for its day, to be compared.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from partners import asking
from partners.connection import Connection
from partners.ports import DayTotals, Outcome, Tally
from partners.registry import Kind, Plugin

_COUNT_MAX = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantSettings(Connection):
    """Where the merchant's back office is."""


class Merchant:
    """Adds up a merchant's days."""

    def __init__(
        self, settings: MerchantSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = settings.transport(clock=clock)

    def day_totals(self, day: date) -> DayTotals:
        """Fetch the totals of a day, to be compared with ours."""
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/day-totals", {"day": day.isoformat()})
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return DayTotals(receipt.outcome, day, reason=receipt.reason)
        try:
            is_ours = told["day"] == day.isoformat()
            sales, voids, refunds = (
                _tally(told[name]) for name in ("sales", "voids", "refunds")
            )
        except (LookupError, TypeError, ValueError):
            is_ours = False
        if not is_ours:
            reason = "the answer is not of that day"
            return DayTotals(Outcome.UNKNOWN, day, reason=reason)
        return DayTotals(Outcome.CONFIRMED, day, sales, voids, refunds)


def _tally(told: Mapping[str, Any]) -> Tally:
    values = [told[name] for name in ("count", "points", "amountFen")]
    if not all(type(value) is int and 0 <= value <= _COUNT_MAX for value in values):
        raise ValueError("no count")
    return Tally(*values)


PLUGIN = Plugin(Kind.MERCHANT, MerchantSettings, Merchant)

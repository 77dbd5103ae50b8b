"""The model's lots: what their units have in common, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.values import Lot, LotBalance

GRACE = timedelta(days=30)
RANKS = {"CUP": 0, "UNI": 1}


@dataclass(frozen=True, order=True)
class Key:
    """What the units of one lot have in common, in the order of drawing."""

    expires_on: date
    rank: int
    issuer: str
    earned_in: date
    funding: str
    cost_class: str
    origin_on: date
    unit: str

    @classmethod
    def of(cls, unit: str, lot: Lot) -> Key:
        last_day = lot.expires_on or date.max
        return cls(
            last_day,
            RANKS[unit],
            lot.issuer,
            lot.earned_in,
            lot.funding,
            lot.cost_class,
            last_day,
            unit,
        )

    @classmethod
    def at(cls, row: LotBalance) -> Key:
        """The key of a lot that the ledger shows."""
        lot = Lot(
            row.issuer, row.funding, row.cost_class, row.earned_in, row.expires_on
        )
        return cls.of(row.unit, lot).with_origin(row.origin_on or date.max)

    def is_of(self, unit: str, lot: Lot | None) -> bool:
        """Whether a lot that was named is this one, or one in its place."""
        return lot is not None and self == Key.of(unit, lot).with_origin(self.origin_on)

    def with_origin(self, origin_on: date) -> Key:
        return Key(**{**vars(self), "origin_on": origin_on})

    def with_grace(self, day: date) -> Key:
        """The lot that units come back to on a day."""
        if self.expires_on >= day:
            return self
        return Key(
            **{**vars(self), "expires_on": day + GRACE, "origin_on": self.expires_on}
        )

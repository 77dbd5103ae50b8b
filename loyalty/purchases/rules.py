"""How much points cost, how many may be bought, and what is paid back for them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

PURPOSE: Final = "points"  # as payments name it


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of how points are bought; see `PurchaseTerms`."""

    version: int
    is_offered: bool
    unit: str
    step_points: int
    step_fen: int
    steps_min: int
    day_fen_max: int
    year_fen_max: int
    member_days: int
    expiry_months: int
    return_days: int
    on_leaving: str

    @property
    def points_min(self) -> int:
        """The fewest points that can be bought at once."""
        return self.steps_min * self.step_points

    def price_fen(self, points: int) -> int | None:
        """Return what points cost; None: so many are not sold."""
        steps, rest = divmod(points, self.step_points)
        if rest or steps < self.steps_min:
            return None
        return steps * self.step_fen

    def points_for(self, fen: int) -> int:
        """Return the most points that an amount buys; 0: it buys none."""
        steps = fen // self.step_fen
        return steps * self.step_points if steps >= self.steps_min else 0

    def expires_on(self, earned_in: date) -> date:
        """Return the last good day of points bought in a month."""
        month = earned_in.month + self.expiry_months
        first = date(earned_in.year + month // 12, month % 12 + 1, 1)
        return first - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Room:
    """What an identity may still pay for points, in fen."""

    today_fen: int
    year_fen: int

    @property
    def fen(self) -> int:
        """The tighter of the two."""
        return max(0, min(self.today_fen, self.year_fen))


def share(fen: int, *, points: int, returned: int, of: int) -> int:
    """Return what is paid back for some of the points of a purchase.

    Parts add up to the price exactly: each is what is due by then, rounded down, less
    what was paid back before.
    """
    assert 0 < points <= of - returned
    return fen * (returned + points) // of - fen * returned // of

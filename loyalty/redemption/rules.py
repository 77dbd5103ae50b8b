"""What points are worth at a till, and what is owed for them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class TillTerms:
    """What holds at a partner's tills; ratios are fen per point."""

    pays_num: int
    pays_den: int
    settles_num: int
    settles_den: int
    hold_minutes: int

    @property
    def held_for(self) -> timedelta:
        """How long points wait to be captured."""
        return timedelta(minutes=self.hold_minutes)

    def points_for(self, fen: int) -> int:
        """Return the points that pay an amount, rounded up: a till is paid in full."""
        return -(-fen * self.pays_den // self.pays_num)

    def paid_by(self, points: int) -> int:
        """Return the fen that points pay at a till, rounded down."""
        return points * self.pays_num // self.pays_den

    def settled_for(self, points: int) -> int:
        """Return the fen owed to the partner for points, rounded down."""
        return points * self.settles_num // self.settles_den

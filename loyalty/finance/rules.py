"""What a month comes to in money: pure figures."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

NOTHING: Final = Fraction(0)  # fen


@dataclass(frozen=True, slots=True)
class Cost:
    """What members had in a month and what they used of it, in fen."""

    available: int
    redeemed: int

    @property
    def idle(self) -> int:
        """What was there and was not used."""
        return self.available - self.redeemed

    @property
    def utilisation_percent(self) -> float | None:
        """Used of what was there, one decimal, half up; None: nothing was there."""
        if self.available <= 0:
            return None
        # A float for JSON's sake only: the figure is settled in whole tenths.
        return round_half_up(self.redeemed * 1000, self.available) / 10


def cost(*, available: int, redeemed: int, fen_num: int, fen_den: int) -> Cost:
    """Value points at the carrying rate, each sum rounded half up to the fen."""
    return Cost(
        available=round_half_up(available * fen_num, fen_den),
        redeemed=round_half_up(redeemed * fen_num, fen_den),
    )


def round_half_up(dividend: int, divisor: int) -> int:
    """Return the quotient rounded to the nearest whole number, halves upwards."""
    assert divisor > 0
    return (2 * dividend + divisor) // (2 * divisor)


def carry(exact: Fraction, *, carried: Fraction) -> tuple[int, Fraction]:
    """Round exact fen and what is carried to whole fen; return these and what is left.

    What is left is at most half a fen, and belongs to what is posted next: so all that
    was ever posted is all that was exact, rounded once, whatever the steps were.
    """
    due = exact + carried
    fen = round_half_up(due.numerator, due.denominator)
    return fen, due - fen


def next_month(period: date) -> date:
    """Return the first day of the month after."""
    assert period.day == 1
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)

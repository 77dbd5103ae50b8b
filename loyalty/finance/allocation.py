"""How a price is divided among what it pays for: exact and pure.

Points earned on a purchase are a promise of their own, so part of the price is theirs
(domain.md 2.1). All money is in fen. Parts are exact and together the price; they are
rounded when they are posted, by `in_fen` or with their cohort.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from loyalty.finance.rules import NOTHING, carry


@dataclass(frozen=True, slots=True)
class Net:
    """What an agent is left with when somebody else fulfills the promise, in fen."""

    payable: Fraction  # to who fulfills it, at settlement price
    revenue: Fraction  # the fee: what was released beyond that (T5, T7, T10)
    cost: Fraction  # what was released too little for that (J3c)


def ssp_of_points(
    points: int, *, fen_per_point: Fraction, likelihood: Fraction = Fraction(1)
) -> Fraction:
    """Return the stand-alone selling price of points, in fen.

    It includes how likely a point is to be redeemed (domain.md 2.1). Where the price
    of a point does so already, as in T4, the likelihood is left out.
    """
    assert points >= 0
    assert fen_per_point >= 0
    assert 0 <= likelihood <= 1
    return points * fen_per_point * likelihood


def by_relative_ssp(price: int, *, ssps: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Divide a price in fen by what each part would cost alone (T1, T4, T8, T10).

    The same holds for many sales at once, given their sums: the portfolio basis.
    """
    whole = sum(ssps, NOTHING)
    assert all(ssp >= 0 for ssp in ssps)
    assert whole > 0, "something must have been sold"
    return tuple(price * ssp / whole for ssp in ssps)


def by_settlement_price(price: int, *, payable: int) -> tuple[Fraction, Fraction]:
    """Divide a price in fen into what is ours and what is passed on (J17, Q14).

    What somebody else fulfills gets what we pay them, without a margin, for a list
    price is weak evidence of what it sells for alone.
    """
    assert 0 <= payable <= price, "what is given away beyond the price is a cost"
    return Fraction(price - payable), Fraction(payable)


def as_agent(*, released: Fraction, payable: Fraction) -> Net:
    """Return what is left of a release after who fulfills the promise is paid."""
    left = released - payable
    return Net(payable, revenue=max(left, NOTHING), cost=max(-left, NOTHING))


def in_fen(parts: Sequence[Fraction]) -> tuple[int, ...]:
    """Round parts to the fen so that together they are what they were.

    Each carries its remainder to the next, so that none is off by a whole fen.
    """
    carried, rounded = NOTHING, []
    for part in parts:
        fen, carried = carry(part, carried=carried)
        rounded.append(fen)
    return tuple(rounded)

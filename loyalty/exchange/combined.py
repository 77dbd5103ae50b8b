"""All that a member has in the alliance as one figure, and what it is made of (A28)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.exchange.cards import cards_in_force
from loyalty.exchange.rules import Direction
from loyalty.linking import balances
from loyalty.points.queries import IssuerPart, wallet
from partners.ports import Expiring


@dataclass(frozen=True, slots=True)
class Component:
    """What a member has at a partner, in its units and in our points."""

    partner: str
    account_ref: str
    unit: str
    units: int
    points: int | None  # at today's rate, rounded down; None: there is none
    expiring: Sequence[Expiring]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Combined:
    """Our own points by issuer, what is elsewhere, and the sum of both in points."""

    points: int
    ours: Sequence[IssuerPart]
    elsewhere: Sequence[Component]

    @property
    def counts_elsewhere(self) -> bool:
        """Whether something that is elsewhere is in the sum."""
        return any(one.points for one in self.elsewhere)


def combined(session: Session, *, member_id: int, at: datetime) -> Combined:
    """Return what a member has here and, as far as it is known, elsewhere.

    Units of a partner count at the rate at which they can be exchanged today; those
    that cannot be are shown, and do not count. Fees and steps only count once they
    are exchanged.
    """
    on = at.date()
    mine = wallet(session, member_id=member_id, on=on)
    rates = {
        (card.partner, card.from_unit): (card.points_num, card.points_den)
        for card in cards_in_force(session, on=on)
        if card.direction == Direction.IN
    }
    elsewhere = []
    for one in balances.kept(session, member_id=member_id, at=at):
        num, den = rates.get((one.partner, one.unit), (0, 0))
        elsewhere.append(
            Component(
                partner=one.partner,
                account_ref=one.account_ref,
                unit=one.unit,
                units=one.units,
                points=one.units * num // den if den else None,
                expiring=one.expiring,
                as_of=one.as_of,
            )
        )
    return Combined(
        points=mine.available + sum(one.points or 0 for one in elsewhere),
        ours=mine.parts,
        elsewhere=elsewhere,
    )

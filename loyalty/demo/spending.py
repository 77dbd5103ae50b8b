"""What people redeem: as much as the decks' people did, and a little too much."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random

from loyalty.demo.chance import chance, last_day, moment
from loyalty.demo.files import write_feed
from loyalty.demo.people import Cast, Member

# Points, weight, the most at once.
ITEMS = {
    "EV50": (5_000, 40, 3),
    "INS-B": (4_500, 18, 1),
    "INS-A": (2_500, 26, 2),
    "TT1": (600, 16, 2),
}
CHANNELS = {"hall": 45, "hotline": 25, "manager": 10, "web": 20}
UTILISATION = Fraction(1_824, 6_367)  # of what was available, by the end of the run
EXCESS_SHARE, AGENT_SHARE, UNKNOWN_ITEM_SHARE = 0.02, 0.004, 0.002
BARRED_SHARE = 0.2  # of those whose gate is closed: they try all the same
THROWS_PER_MEMBER_MAX = 40

Taken = tuple[str, str, str, int, str]  # at, member_ref, item, quantity, channel


@dataclass(slots=True)
class Spending:
    """The redemptions of every month."""

    seed: int
    cast: Cast
    redeemed: int = 0

    def write(
        self,
        directory: Path,
        month: date,
        sequence: int,
        *,
        available: int,
        share: Fraction,
        touched: set[int],
        shut: list[Member],
        told: list[Taken],
    ) -> Path:
        """Write a month of redemptions, until that share of what is available is gone.

        Those `touched` by events of the month stay away, and some of those try whose
        gate is still `shut`; `told` are redemptions of a story that come on top.
        """
        rng = chance(self.seed, "spending", month)
        target = int(available * UTILISATION * share)
        taken = [*told, *self._barred(month, rng, shut)]
        throws = THROWS_PER_MEMBER_MAX * len(self.cast.members)
        while self.redeemed < target and throws:
            throws -= 1
            member = self._anyone(rng)
            if _is_free(member, touched):
                taken.extend(self._redeem(member, month, rng))
        excess = [self._too_much(month, rng) for _ in range(_few(taken, EXCESS_SHARE))]
        taken += [*excess, *self._impossible(month, rng, len(taken))]
        rows = (
            (f"R{month:%Y%m}-{number:07d}", who, item, quantity, channel, at)
            for number, (at, who, item, quantity, channel) in enumerate(
                sorted(taken), start=1
            )
        )
        return write_feed(directory, "redemptions", sequence, rows)

    def _redeem(self, member: Member, month: date, rng: Random) -> list[Taken]:
        points = member.points
        within = {item: ITEMS[item][1] for item in ITEMS if ITEMS[item][0] <= points}
        if not within:
            return []
        item = rng.choices(list(within), list(within.values()))[0]
        price, _, most = ITEMS[item]
        quantity = min(points // price, 1 + int(rng.random() * most))
        member.spend(price * quantity)
        self.redeemed += price * quantity
        return [_taken(member, item, quantity, month, rng)]

    def _barred(self, month: date, rng: Random, shut: list[Member]) -> list[Taken]:
        return [
            _taken(member, "TT1", 1, month, rng)
            for member in shut
            if rng.random() < BARRED_SHARE
        ]

    def _too_much(self, month: date, rng: Random) -> Taken:
        member = self._anyone(rng)
        price, _, _ = ITEMS["EV50"]
        return _taken(member, "EV50", max(member.points, 0) // price + 20, month, rng)

    def _impossible(self, month: date, rng: Random, lines: int) -> list[Taken]:
        """Order what agents may not sell, and what nobody sells."""
        agents = [
            (*_taken(self._anyone(rng), "INS-A", 1, month, rng)[:4], "partner")
            for _ in range(1 + int(lines * AGENT_SHARE))
        ]
        unknown = [
            _taken(self._anyone(rng), "EV500", 1, month, rng)
            for _ in range(1 + int(lines * UNKNOWN_ITEM_SHARE))
        ]
        return [*agents, *unknown]

    def _anyone(self, rng: Random) -> Member:
        return self.cast.members[int(rng.random() * len(self.cast.members))]


def _is_free(member: Member, touched: set[int]) -> bool:
    return not member.has_left and member.number not in touched


def _taken(member: Member, item: str, quantity: int, month: date, rng: Random) -> Taken:
    days = (last_day(month) - month).days + 1
    at = moment(month + timedelta(days=int(rng.random() * days)), rng)
    channel = rng.choices(list(CHANNELS), list(CHANNELS.values()))[0]
    return at, member.member_ref, item, quantity, channel


def _few(lines: list[Taken], share: float) -> int:
    return 1 + int(len(lines) * share)

"""Write an alliance to disk: who takes part, and then month by month what happens."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from random import Random

from loyalty.demo.billing import Billing
from loyalty.demo.chance import chance, last_day, month_after
from loyalty.demo.files import OPERATOR, Row, feed_file, write_feed
from loyalty.demo.moving import Moving
from loyalty.demo.people import (
    CLUB_SPEND_MEAN,
    Cast,
    Line,
    Member,
    bill_points,
    subscriber_row,
)
from loyalty.demo.shopping import Shopping, partner_rows
from loyalty.demo.spending import ITEMS, Spending, Taken

# Cost of available points in the decks, at 0.01 yuan, per average member.
DECK_POINTS, DECK_MEMBERS = 6_367_000_000, 437_599
LIFE_MONTHS = 36
# Points of the month before those go at the very beginning: still good on the eve.
COHORTS = LIFE_MONTHS + 1
LOTS_MAX = 6
JOINING_SHARE = 0.008
# The decks' own two: what they bring, what they take, in order.
STORY = {
    "王建国": (5_000, ("INS-A", "INS-A", "INS-A")),  # the third is one too many
    "李秀英": (4_500, ("INS-B",)),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write; the same plan gives the same bytes."""

    members: int = 20_000
    first_month: date = date(2007, 10, 1)
    months: int = 3
    merchants: int = 300
    seed: int = 2007


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file to load as a feed."""

    feed: str
    path: Path


@dataclass(frozen=True, slots=True)
class Month:
    """A month to play: its files in the order in which they are loaded."""

    month: date
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """All that was written: the takeover first, the months after it."""

    takeover: tuple[Delivery, ...]
    months: tuple[Month, ...]


def write(directory: Path, plan: Plan) -> Script:
    """Write all files of a plan; return what to do with them."""
    return _Author(directory, plan).write()


class _Author:
    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory, self.plan = directory, plan
        self.cast = Cast(plan.seed, plan.first_month)
        self.billing = Billing(plan.seed, self.cast, plan.first_month)
        self.shopping = Shopping(plan.seed, self.cast, plan.merchants)
        self.spending = Spending(plan.seed, self.cast)
        self.moving = Moving(plan.seed, self.cast, self.billing, spared=len(STORY))
        self.opening = 0
        self._cohorts = [
            _cohort(month_after(plan.first_month, -1 - back)) for back in range(COHORTS)
        ]
        self._lines_written = 0

    def write(self) -> Script:
        return Script(
            takeover=tuple(self._takeover()),
            months=tuple(self._month(index) for index in range(self.plan.months)),
        )

    def _takeover(self) -> list[Delivery]:
        """Write what stands on the eve of the first month."""
        eve = month_after(self.plan.first_month, -1)
        directory = self.directory / "takeover"
        for name in STORY:
            member = self.cast.join(tenure=COHORTS - 1)
            member.name = name
            member.lines[0].brand = "worldwind"
            member.lines[0].spend = CLUB_SPEND_MEAN
        for _ in range(self.plan.members - len(STORY)):
            self.cast.join()
        partners = write_feed(
            directory, "partners", 1, partner_rows(self.plan.merchants)
        )
        return [
            Delivery("partners", partners),
            Delivery("subscribers", self._subscribers(directory, 1)),
            Delivery("links", self.shopping.link(directory, eve, 1)),
            Delivery("opening", self._opening(directory)),
        ]

    def _subscribers(self, directory: Path, sequence: int) -> Path:
        new = self.cast.lines[self._lines_written :]
        self._lines_written = len(self.cast.lines)
        rows = (subscriber_row(line, self.plan.seed) for line in new)
        return write_feed(directory, "subscribers", sequence, rows)

    def _opening(self, directory: Path) -> Path:
        """Write points collected over three years, with the decks' worth per member."""
        rng = chance(self.plan.seed, "opening")
        weights = [
            sum(_monthly(line) for line in member.lines) * min(member.tenure, COHORTS)
            for member in self.cast.members
        ]
        worth = self.plan.members * DECK_POINTS // DECK_MEMBERS
        scale = Fraction(worth, sum(weights))
        stories = list(STORY.values())
        with feed_file(directory, "opening", 1) as file:
            for member, weight in zip(self.cast.members, weights, strict=True):
                if member.number <= len(stories):
                    points = stories[member.number - 1][0]
                else:
                    points = weight * scale.numerator // scale.denominator
                for row in self._lots(member, points, rng):
                    file.add(*row)
        return file.path

    def _lots(self, member: Member, points: int, rng: Random) -> list[Row]:
        """Spread points over some months of a member's time."""
        cohorts = min(member.tenure, COHORTS)
        count = min(cohorts, 1 + int(rng.random() * LOTS_MAX), points)
        rows: list[Row] = []
        for index, back in enumerate(sorted(rng.sample(range(cohorts), count))[::-1]):
            share = points // (count - index)
            points -= share
            self.opening += share
            earned_in, *days = self._cohorts[back]
            member.lots.append([earned_in.toordinal(), share])
            rows.append((member.member_ref, "CUP", share, OPERATOR, *days))
        return rows

    def _month(self, index: int) -> Month:
        month = month_after(self.plan.first_month, index)
        directory = self.directory / f"{month:%Y-%m}"
        sequence = index + 1
        self._expire(month)
        self.moving.decide(month)
        for _ in range(int(self.plan.members * JOINING_SHARE)):
            self.cast.join(tenure=-index)
        people = [
            Delivery("subscribers", self._subscribers(directory, sequence + 1)),
            Delivery("links", self.shopping.link(directory, month, sequence + 1)),
        ]
        money = self.billing.write(directory, month, sequence)
        shops = self.shopping.write(directory, month, sequence)
        spending = self.spending.write(
            directory,
            month,
            sequence,
            available=self.opening + self.billing.issued + self.shopping.issued,
            share=Fraction(sequence, self.plan.months),
            touched=self.moving.touched,
            shut=self.moving.shut,
            told=self._story(month) if index == 0 else [],
        )
        moving = self.moving.write(directory, month, sequence)
        return Month(
            month,
            (
                *people,
                *(
                    Delivery(feed, path)
                    for feed, path in zip(
                        ("bills", "payments", "adjustments"), money, strict=True
                    )
                ),
                *(Delivery("activities", path) for path in shops),
                Delivery("redemptions", spending),
                Delivery("subscription-events", moving),
            ),
        )

    def _expire(self, month: date) -> None:
        """Forget what is no longer good when a month begins."""
        first_good = month_after(month, -LIFE_MONTHS).toordinal()
        for member in self.cast.members:
            if member.lots and member.lots[0][0] < first_good:
                member.lots = [lot for lot in member.lots if lot[0] >= first_good]

    def _story(self, month: date) -> list[Taken]:
        taken: list[Taken] = []
        for member, (brought, items) in zip(
            self.cast.members, STORY.values(), strict=False
        ):
            points = brought
            for hour, item in enumerate(items):
                at = f"{month.replace(day=15)}T{10 + hour}:30:00+08:00"
                taken.append((at, member.member_ref, item, 1, "hall"))
                price = ITEMS[item][0]
                if price <= points:
                    points -= price
                    member.spend(price)
                    self.spending.redeemed += price
        return taken


def _monthly(line: Line) -> int:
    return bill_points(line, line.spend)


def _cohort(earned_in: date) -> tuple[date, str, str]:
    """Return a month of earning, as a day and as written, and its last good day."""
    expires_on = last_day(month_after(earned_in, LIFE_MONTHS))
    return earned_in, f"{earned_in:%Y-%m}", str(expires_on)

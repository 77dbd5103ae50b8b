"""Who takes part: made-up people with made-up numbers, and their lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from itertools import accumulate
from random import Random

from loyalty.demo.chance import chance, month_after
from loyalty.demo.files import Row
from loyalty.demo.names import GIVEN, HALLS, PLACES, SURNAMES

# Deck figures: three in five are club members, who spend what club members spend.
CLUB_SHARE = 0.6
CLUB_SPEND_MIN, CLUB_SPEND_MEAN = 10_000, 27_270  # fen a month
NETWORK_SPEND_MEAN = 5_770
NETWORK_SPEND_MIN = 500
# Pay types as the churn statistics have them, and the brands sold with each.
PAY_TYPES = {"postpaid": 26, "prepaid": 35, "quasi_prepaid": 39}
BRANDS = {
    "postpaid": {"worldwind": 70, "newspacetime": 30},
    "prepaid": {"ruyitong": 60, "up": 25, "worldwind": 15},
    "quasi_prepaid": {"worldwind": 45, "up": 30, "newspacetime": 25},
}
CLUB_BRANDS = {"worldwind": 80, "newspacetime": 20}
# Points per 100 yuan on a bill.
MULTIPLIERS = {"worldwind": 150, "newspacetime": 120, "up": 100, "ruyitong": 100}
PREFIXES = {"GSM": ("130", "131", "132"), "CDMA": ("133", "134")}
EMAIL_SHARE = 0.6
SECOND_LINE_SHARE = 0.08
GROUP_SHARE = 0.12
GROUP_MEMBERS = 40
TENURE_MONTHS_MIN, TENURE_MONTHS_MEAN, TENURE_MONTHS_MAX = 2, 30, 150
TENURE_SPREAD = TENURE_MONTHS_MEAN - TENURE_MONTHS_MIN
# Coprime with the size of a number block, so that no number comes twice.
_STRIDE, _BLOCK = 48_271_037, 100_000_000


@dataclass(slots=True)
class Line:
    """A line: a number in a network, from a day on."""

    number: int
    msisdn: str
    member: "Member"
    network: str
    brand: str
    pay_type: str
    activated_on: date
    spend: int  # fen in an ordinary month
    is_live: bool = True


@dataclass(slots=True)
class Member:
    """A person, and what the writer must remember of them to write true files."""

    number: int
    member_ref: str
    name: str
    email: str
    city: str
    county: str
    hall: str
    group_ref: str
    is_club: bool
    tenure: int  # months before the demo begins
    lines: list[Line] = field(default_factory=list)
    lots: list[list[int]] = field(default_factory=list)  # [month, points], oldest first
    earned: int = 0  # points since the opening, none of which expires meanwhile
    card: str = ""  # account at the bank; empty: none
    flyer: str = ""  # account at the airline; empty: none
    shops: bool = False
    has_left: bool = False

    @property
    def points(self) -> int:
        """What can be spent."""
        return self.earned + sum(points for _, points in self.lots)

    def spend(self, points: int) -> None:
        """Take points, those that expire first before the others."""
        for lot in self.lots:
            taken = min(lot[1], points)
            lot[1] -= taken
            points -= taken
        self.earned -= points


class Cast:
    """Everybody, with a way to let more people and more lines in."""

    def __init__(self, seed: int, first_month: date) -> None:
        self.members: list[Member] = []
        self.lines: list[Line] = []
        self._seed = seed
        self._first_month = first_month
        self._rng = chance(seed, "people")
        self._cities = list(PLACES)
        self._weights = list(accumulate(weight for weight, _ in PLACES.values()))

    def join(self, *, tenure: int | None = None) -> Member:
        """Let one more person in, with a line or two."""
        rng = self._rng
        number = len(self.members) + 1
        if tenure is None:
            spread = rng.expovariate(1 / TENURE_SPREAD)
            tenure = min(TENURE_MONTHS_MIN + int(spread), TENURE_MONTHS_MAX)
        who = int(rng.random() * len(SURNAMES))
        city = rng.choices(self._cities, cum_weights=self._weights)[0]
        has_email = rng.random() < EMAIL_SHARE
        in_group = rng.random() < GROUP_SHARE
        member = Member(
            number=number,
            member_ref=f"GD{number:08d}",
            name=SURNAMES[who][0] + rng.choice(GIVEN),
            email=f"{SURNAMES[who][1:]}{number}@example.com" if has_email else "",
            city=city,
            county=rng.choice(PLACES[city][1].split()),
            hall=city + rng.choice(HALLS),
            group_ref=f"G{1 + number // GROUP_MEMBERS:05d}" if in_group else "",
            is_club=rng.random() < CLUB_SHARE,
            tenure=tenure,
        )
        self.members.append(member)
        activated_on = month_after(self._first_month, -tenure)
        activated_on += timedelta(days=int(rng.random() * 28))
        self.add_line(member, activated_on)
        if rng.random() < SECOND_LINE_SHARE:
            self.add_line(member, activated_on)
        return member

    def add_line(self, member: Member, activated_on: date) -> Line:
        """Give a person one more line."""
        rng = self._rng
        number = len(self.lines) + 1
        network = "CDMA" if rng.random() < 1 / 3 else "GSM"
        pay_type = _pick(rng, PAY_TYPES)
        brand = _pick(rng, CLUB_BRANDS if member.is_club else BRANDS[pay_type])
        if member.is_club:
            spread = (CLUB_SPEND_MEAN - CLUB_SPEND_MIN) / 2
            spend = CLUB_SPEND_MIN + int(rng.gammavariate(2, spread))
        else:
            spread = NETWORK_SPEND_MEAN - NETWORK_SPEND_MIN
            spend = NETWORK_SPEND_MIN + int(rng.expovariate(1 / spread))
        if member.lines:  # one purse, shared among the lines
            spend //= 4
        line = Line(
            number=number,
            msisdn=msisdn(network, number, self._seed),
            member=member,
            network=network,
            brand=brand,
            pay_type=pay_type,
            activated_on=activated_on,
            spend=spend,
        )
        member.lines.append(line)
        self.lines.append(line)
        return line

    def live_lines(self) -> Iterator[Line]:
        """Give the lines that are in use."""
        return (line for line in self.lines if line.is_live)


def subscriber_row(line: Line, seed: int) -> Row:
    """Return a line as the subscribers feed shows it."""
    member = line.member
    identity = f"demo identity {seed} {member.number}"
    return (
        member.member_ref,
        member.name,
        sha256(identity.encode()).hexdigest(),
        line.msisdn,
        line.network,
        line.brand,
        line.pay_type,
        line.activated_on,
        member.city,
        member.county,
        member.hall,
        member.group_ref,
        member.lines[0].msisdn,
        member.email,
    )


def msisdn(network: str, number: int, seed: int) -> str:
    """Return the made-up number of the n-th line; no two lines share one."""
    prefixes = PREFIXES[network]
    return f"{prefixes[number % len(prefixes)]}{(number * _STRIDE + seed) % _BLOCK:08d}"


def bill_points(line: Line, fen: int) -> int:
    """Return what a bill earns."""
    return fen * MULTIPLIERS[line.brand] // 10_000


def _pick(rng: Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]

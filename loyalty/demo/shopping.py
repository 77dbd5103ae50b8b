"""What people do at the bank's card, the airline and the merchants."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

from loyalty.demo.chance import chance, last_day, stamp
from loyalty.demo.files import FeedFile, Row, feed_file, write_feed, yuan
from loyalty.demo.names import PLACES, SHOP_NAMES, SHOPS
from loyalty.demo.people import Cast, Member

BANK, AIRLINE, INSURER, VENUE = "CEB", "MU", "PINGAN", "TTCLUB"
ACQUIRER = "UNIONPAY"  # sends what the merchants' terminals took
CARD_SHARE, FLYER_SHARE, SHOPPER_SHARE = 0.35, 0.08, 0.5
# Lines in a month, at the most; how many it is, chance decides.
CARD_LINES_MAX, SALES_MAX, FLIGHT_SHARE = 6, 4, 0.3
FEN_PER_POINT = {"card": 1_000, "sale": 500, "flight": 10_000}
AMOUNTS = {"card": 18_000, "sale": 12_000, "flight": 95_000}  # fen, on average
AMOUNT_MIN = 300
# Merchant categories of card lines; the second group earns nothing.
EARNING = ("5411", "5812", "5311", "5541", "5732", "5651", "5912", "7011", "4722")
EXCLUDED = ("6011", "6010", "4829", "6012", "6051", "6540", "7995", "9311", "9399")
CATEGORIES = tuple(SHOPS)
EXCLUDED_SHARE = 0.09
REFUND_SHARE = 0.015
UNKNOWN_ACCOUNT_SHARE = 0.004
UNREADABLE_SHARE = 0.0005
REPEATED_SHARE = 0.001
AIRLINE_CATEGORY = "4511"


def partner_rows(merchants: int) -> list[Row]:
    """Return who is in the alliance."""
    rows: list[Row] = [
        (BANK, "bank", "光大银行"),
        (AIRLINE, "airline", "东方航空"),
        (INSURER, "insurer", "平安保险"),
        (VENUE, "venue", "联通乒乓球俱乐部"),
    ]
    cities, kinds = list(PLACES), list(SHOPS.items())
    for number in range(merchants):
        kind = kinds[number % len(kinds)][1]
        name = SHOP_NAMES[number // len(kinds) % len(SHOP_NAMES)]
        city = cities[number // 7 % len(cities)]
        rows.append((merchant(number), "merchant", f"{city}{name}{kind}"))
    return rows


def merchant(number: int) -> str:
    """Return the code of a merchant."""
    return f"M{number + 1:04d}"


@dataclass(slots=True)
class Shopping:
    """The activities of every month, and what may be given back in the next."""

    seed: int
    cast: Cast
    merchants: int
    linked: int = 0  # members whose links are on file
    returnable: dict[str, list[tuple[Row, Member]]] = field(default_factory=dict)
    issued: int = 0

    def link(self, directory: Path, month: date, sequence: int) -> Path:
        """Write the accounts of those who have joined since the last time."""
        rng = chance(self.seed, "links", month)
        members = self.cast.members[self.linked :]
        self.linked = len(self.cast.members)
        return write_feed(
            directory,
            "links",
            sequence,
            (row for member in members for row in self._accounts(member, month, rng)),
        )

    def write(self, directory: Path, month: date, sequence: int) -> list[Path]:
        """Write the month of the bank, of the airline and of the merchants."""
        files = []
        for sender, activity in (
            (BANK, "card"),
            (AIRLINE, "flight"),
            (ACQUIRER, "sale"),
        ):
            with feed_file(directory, "activities", sequence, sender=sender) as file:
                _Month(self, month, activity, file).write()
            files.append(file.path)
        return files

    def _accounts(self, member: Member, month: date, rng: Random) -> list[Row]:
        rows: list[Row] = []
        if rng.random() < CARD_SHARE:
            member.card = f"CEB{member.number * 7_919 + 10_000_000:09d}"
            rows.append((BANK, member.card, member.member_ref, month))
        if rng.random() < FLYER_SHARE:
            member.flyer = f"MU{member.number * 104_729 + 600_000_000:010d}"
            rows.append((AIRLINE, member.flyer, member.member_ref, month))
        member.shops = rng.random() < SHOPPER_SHARE
        return rows


class _Month:
    """One partner's month, being written."""

    def __init__(
        self, shopping: Shopping, month: date, activity: str, file: FeedFile
    ) -> None:
        self.shopping, self.month, self.activity = shopping, month, activity
        self.file = file
        self.rng = chance(shopping.seed, activity, month)
        self._prefix = activity[0].upper() + stamp(month)
        self._days = [
            str(month + timedelta(days=day)) for day in range(last_day(month).day)
        ]
        self._number = 0

    def write(self) -> None:
        returnable = self.shopping.returnable.setdefault(self.activity, [])
        for row, member in returnable:
            self._refund(row, member)
        returnable.clear()
        for member in self.shopping.cast.members:
            if member.has_left:
                continue
            for _ in range(self._occasions(member)):
                self._occasion(member)
        self._strangers()

    def _occasions(self, member: Member) -> int:
        rng = self.rng
        if self.activity == "card":
            return int(rng.random() * (CARD_LINES_MAX + 1)) if member.card else 0
        if self.activity == "flight":
            return int(rng.random() < FLIGHT_SHARE) if member.flyer else 0
        return int(rng.random() * (SALES_MAX + 1)) if member.shops else 0

    def _occasion(self, member: Member) -> None:
        rng, activity = self.rng, self.activity
        partner, account, mcc = self._where(member)
        spread = AMOUNTS[activity] - AMOUNT_MIN
        fen = AMOUNT_MIN + int(rng.expovariate(1 / spread))
        on = self._days[int(rng.random() * len(self._days))]
        row = (
            self._ref(),
            partner,
            account,
            activity,
            on,
            yuan(fen),
            "CNY",
            mcc,
            "",
        )
        self.file.add(*row)
        self._earn(member, fen, mcc)
        chances = rng.random()
        if chances < REFUND_SHARE:
            self.shopping.returnable[activity].append((row, member))
        elif chances < REFUND_SHARE + REPEATED_SHARE:
            self.file.add(*row)

    def _where(self, member: Member) -> tuple[str, str, str]:
        rng = self.rng
        if self.activity == "card":
            choices = EXCLUDED if rng.random() < EXCLUDED_SHARE else EARNING
            return BANK, member.card, choices[int(rng.random() * len(choices))]
        if self.activity == "flight":
            return AIRLINE, member.flyer, AIRLINE_CATEGORY
        # A few merchants see most of the customers.
        number = int(rng.random() ** 2 * self.shopping.merchants)
        mcc = CATEGORIES[number % len(CATEGORIES)]
        return merchant(number), member.member_ref, mcc

    def _earn(self, member: Member, fen: int, mcc: str) -> None:
        if mcc in EXCLUDED:
            return
        points = fen // FEN_PER_POINT[self.activity]
        member.earned += points
        self.shopping.issued += points

    def _refund(self, row: Row, member: Member) -> None:
        """Give back all of last month's occasion, or a part of it."""
        original, partner, account, activity, _, paid, currency, mcc, _ = row
        fen = int(str(paid).replace(".", ""))
        returned = fen if self.rng.random() < 1 / 2 else fen // 2
        on = self._days[int(self.rng.random() * len(self._days))]
        self.file.add(
            self._ref(),
            partner,
            account,
            activity,
            on,
            yuan(-returned),
            currency,
            mcc,
            original,
        )
        if member.has_left:
            return
        before = fen // FEN_PER_POINT[self.activity]
        after = (fen - returned) // FEN_PER_POINT[self.activity]
        if mcc not in EXCLUDED:
            member.earned -= before - after

    def _strangers(self) -> None:
        """Add the lines that must be refused."""
        rng, activity, day = self.rng, self.activity, self.month
        partner = {"card": BANK, "flight": AIRLINE, "sale": merchant(0)}[activity]
        lines = self._number
        for number in range(1 + int(lines * UNKNOWN_ACCOUNT_SHARE)):
            account, amount = f"XX{number:08d}", yuan(rng.randint(1_000, 90_000))
            self.file.add(
                self._ref(), partner, account, activity, day, amount, "CNY", "5411", ""
            )
        for _ in range(int(lines * UNREADABLE_SHARE)):
            account = self.shopping.cast.members[0].member_ref
            self.file.add(
                self._ref(), partner, account, activity, day, "8.5", "CNY", "5411", ""
            )

    def _ref(self) -> str:
        self._number += 1
        return f"{self._prefix}-{self._number:08d}"

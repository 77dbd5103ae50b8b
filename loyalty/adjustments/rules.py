"""What may be asked for, and what it comes to: pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from loyalty.points.entries import CUP, UNI, UNIVERSAL

POINTS_MAX: Final = 10_000_000
WORDS_MAX: Final = 500
_REFERENCE_MAX: Final = 32
EVIDENCE_BYTES_MAX: Final = 2 * 1024 * 1024
# What a file begins with says what it is, whatever it is called.
_BEGINNINGS: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"%PDF-": "application/pdf",
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
    }
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points are changed; see `AdjustmentReason`."""

    reason: str
    direction: str
    account: str
    money: str
    cost_class: str
    may_owe: bool
    in_bulk: bool
    title_zh: str
    title_en: str

    @property
    def sign(self) -> int:
        """One where points are given, minus one where they are taken."""
        return 1 if self.direction == "up" else -1

    @property
    def is_budgeted(self) -> bool:
        """Whether it is the programme's own gift, which a month has only so much of."""
        return self.money == "goodwill"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be changed by hand; see `AdjustmentLimits`."""

    version: int
    starts_on: date
    agent_points_per_day: int
    member_points_per_day: int
    third_above: int
    budget_points_per_month: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: points are told without a sign, the reason has it."""

    reason: str
    unit: str
    points: int
    partner: str | None  # whose points; None: the operator's
    words: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member has in a unit."""

    available: int
    owed: int

    def after(self, points: int) -> "Standing":
        """Return what it becomes: what is owed is paid first, what is missing owed."""
        net = self.available - self.owed + points
        if points >= 0:
            owed = max(0, self.owed - points)
            return Standing(net + owed, owed)
        available = max(0, self.available + points)
        return Standing(available, available - net)


def faults_of(wish: Wish, reason: Reason) -> list[str]:
    """Return the names of what makes no sense.

    Points are given in the operator's unit, or in the alliance's in the name of the
    partner who issues them. Whatever is there can be taken.
    """
    is_given = reason.direction == "up"
    wants_partner = is_given and wish.unit == UNI
    checks = {
        "unit": wish.unit in UNIVERSAL
        and not (reason.money == "partner" and wish.unit == CUP)
        and not (reason.money in ("goodwill", "fraud") and wish.unit != CUP),
        "points": 1 <= wish.points <= POINTS_MAX,
        "partner": (wish.partner is not None) == wants_partner,
        "words": 0 < len(wish.words) <= WORDS_MAX,
    }
    return [name for name, makes_sense in checks.items() if not makes_sense]


def is_reference(written: str) -> bool:
    """Tell whether a request may be named so; files name theirs in another way."""
    return written.isascii() and written.isalnum() and len(written) <= _REFERENCE_MAX


def media_type_of(content: bytes) -> str | None:
    """Return what a file is, by what stands in it; None: nothing we take."""
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    is_plain = all(sign.isprintable() or sign in "\r\n\t" for sign in written)
    return "text/plain" if written.strip() and is_plain else None


def value_fen(points: int, *, fen_num: int, fen_den: int) -> int:
    """Value points at the carrying rate, rounded half away from zero to the fen."""
    fen = (2 * abs(points) * fen_num + fen_den) // (2 * fen_den)
    return fen if points >= 0 else -fen

"""How sure we must be of a person before something happens (domain.md 4.3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

CODE_DIGITS = 6
CODE_MINUTES = 5
CODE_ATTEMPTS = 5
CODE_RESEND_SECONDS = 60
CODES_PER_HOUR = 5
FRESH_MINUTES = 15
COOL_DOWN_HOURS = 72
DORMANT_DAYS = 365
DORMANT_COOL_DOWN_HOURS = 24

FRESH_POINTS_MAX = 2_000
BOUND_POINTS_MAX = 50_000


class Level(IntEnum):
    """How sure we are of the person, from the loosest to the strictest."""

    VIEW = 0
    EARN = 1
    FRESH = 2  # signed in within the last 15 minutes
    BOUND = 3  # a code or passkey bound to amount and recipient
    REVIEWED = 4  # that, a day's delay, and a member of staff who asked back


def level_for(*, points: int, is_own: bool) -> Level:
    """Return how sure we must be to let this many points go."""
    assert points >= 0
    if points > BOUND_POINTS_MAX:
        return Level.REVIEWED
    if is_own and points <= FRESH_POINTS_MAX:
        return Level.FRESH
    return Level.BOUND


def is_fresh(fresh_at: datetime, *, at: datetime) -> bool:
    """Tell whether somebody signed in, or confirmed it, recently enough."""
    return at - fresh_at <= timedelta(minutes=FRESH_MINUTES)


@dataclass(frozen=True, slots=True)
class Throttle:
    """How many attempts may fail within some seconds, of whom."""

    key: str
    failures: int
    seconds: int


def by_number(msisdn: str) -> Throttle:
    """Return how often the password of one number may be wrong.

    Codes have attempts of their own, so that nobody is kept out by a stranger.
    """
    return Throttle(f"number:{msisdn}", failures=10, seconds=900)


def by_login(login: str) -> Throttle:
    """Return how often a sign-in under one login of staff may fail."""
    return Throttle(f"login:{login}", failures=10, seconds=900)


def by_address(address: str) -> Throttle:
    """Return how often sign-ins from one address may fail; many may share it."""
    return Throttle(f"address:{address}", failures=50, seconds=900)


def codes_by_address(address: str) -> Throttle:
    """Return how many codes may be asked for from one address."""
    return Throttle(f"codes:{address}", failures=30, seconds=3600)

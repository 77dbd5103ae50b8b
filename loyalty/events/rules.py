"""Which events there are, and how long we try to tell them."""

from datetime import timedelta
from typing import Final

TYPES: Final = (
    "accrual.posted",
    "accrual.reversed",
    "redemption.authorized",
    "redemption.captured",
    "redemption.cancelled",
    "redemption.refunded",
    "exchange.confirmed",
    "exchange.declined",
    "exchange.disputed",
    "link.authorized",
    "link.revoked",
    "subscription.churned",
    "card_function.cancel_requested",
    "benefits.voided",
    "benefits.reinstated",
    "statement.issued",
    "dispute.answered",
    "credit.alert",
)
ENDPOINTS_MAX: Final = 5
GIVE_UP_AFTER: Final = timedelta(days=3)
OLD_SECRET_FOR: Final = timedelta(hours=24)
_FIRST_SECONDS: Final = 5
_SECONDS_MAX: Final = 4 * 3600
_GONE: Final = 410


def back_off(failures: int, chance: float) -> timedelta:
    """Return how long to wait after so many failures in a row.

    Twice as long each time, to four hours; half of it is left to chance (0 to 1), so
    that those who failed together do not come again together.
    """
    assert failures > 0
    assert 0 <= chance <= 1
    longest = min(_FIRST_SECONDS * 2 ** min(failures - 1, 20), _SECONDS_MAX)
    return timedelta(seconds=longest / 2 * (1 + chance))


def is_taken(status: int | None) -> bool:
    """Whether an answer says that the event was taken in."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - HTTP's own


def is_gone(status: int | None) -> bool:
    """Whether an answer says that nobody is there any more (Standard Webhooks)."""
    return status == _GONE

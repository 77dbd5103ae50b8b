"""How long a consent is good, and what it says (domain.md 3.6, PIPL Art. 23)."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from loyalty.clients.rules import KINDS

ASKED_FOR: Final = timedelta(hours=1)  # how long a member may think about it
GRANTED_FOR: Final = timedelta(days=180)
# The sentences of the consent page; a change of their meaning is another version.
PURPOSE_VERSION: Final = 2
# From this version on `balance.read` says that the partner tells its balance too.
TELLS_OF_BALANCES: Final = 2

ACCOUNT_CHARS_MAX: Final = 64
STATES: Final = (
    "awaiting_authorization",
    "authorized",
    "rejected",
    "revoked",
    "expired",
)
# Ways in which a member's own number is the account (design.md 5).
BY_MEMBER_REF: Final = ("merchant", "venue")


def unknown_kinds(kinds: Collection[str]) -> list[str]:
    """Return what a consent cannot be about."""
    return sorted(set(kinds) - set(KINDS))


def in_order(kinds: Collection[str]) -> list[str]:
    """Return kinds in the order in which they are always told."""
    return [kind for kind in KINDS if kind in kinds]


def is_account(told: object) -> bool:
    """Whether a partner's word can be the name of an account there."""
    return (
        isinstance(told, str)
        and 0 < len(told) <= ACCOUNT_CHARS_MAX
        and told.isprintable()
        and told == told.strip()
    )


def binding(consent_ref: str) -> str:
    """Return the words that a member confirms when saying yes to a consent."""
    return f"link:{consent_ref}"

"""What members are asked to agree to, and how long what they ask for takes."""

from datetime import date, timedelta
from typing import Final

# The notice a consent was given to (PIPL Art. 17, 24; domain.md 4.1). A notice that
# changes its meaning gets the next version, and is asked anew.
NOTICES: Final[dict[str, int]] = {
    "marketing_sms": 1,
    "automated_decisions": 1,
    "partner_recommendations": 1,
}
ERASURE_DAYS: Final = 15  # to think again, before anything is destroyed
_MSISDN_DIGITS: Final = 11
_EMAIL_LENGTH_MAX: Final = 254  # RFC 5321 4.5.3.1.3


def erasure_due(asked_on: date) -> date:
    """Return the first day on which an erasure may be done."""
    return asked_on + timedelta(days=ERASURE_DAYS)


def is_phone(text: str) -> bool:
    """Whether this can be the number of a mobile telephone in China."""
    return (
        len(text) == _MSISDN_DIGITS
        and text.isascii()
        and text.isdecimal()
        and text.startswith("1")
    )


def is_email(text: str) -> bool:
    """Whether this has the shape of an address; only a letter would prove it."""
    name, at, host = text.rpartition("@")
    return (
        bool(name and at)
        and len(text) <= _EMAIL_LENGTH_MAX
        and "." in host.strip(".")
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def contact_binding(*, side: str, kind: str, value: str) -> str:
    """Return what a code for a change of contact is bound to.

    `side` is whose telephone the code goes to: `old` or `new`.
    """
    assert side in ("old", "new")
    return f"contact:{side}:{kind}:{value}"


SPEND_UNLOCK = "spend-lock:off"
ERASURE = "erasure"

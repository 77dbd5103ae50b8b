"""Names of what a partner's references stand for.

A name tells its own reference and nothing else; whose it is comes from the token, so
that a name of one partner opens nothing for another.
"""

import base64
import binascii
from typing import Final

REF_PATTERN: Final = r"^[!#-&(-+\--~]{1,64}$"
_REF_LENGTH_MAX: Final = 64


def name_of(prefix: str, partner_ref: str) -> str:
    """Name something of a partner."""
    word = base64.urlsafe_b64encode(partner_ref.encode()).decode().rstrip("=")
    return f"{prefix}_{word}"


def ref_of(prefix: str, name: str) -> str | None:
    """Return the reference that a name stands for; None: it is no name of ours."""
    start, _, word = name.partition("_")
    try:
        ref = base64.b64decode(word + "=" * (-len(word) % 4), b"-_", True).decode()
    except (binascii.Error, ValueError):
        return None
    is_ref = 0 < len(ref) <= _REF_LENGTH_MAX and ref.isascii() and ref.isprintable()
    return ref if start == prefix and is_ref else None

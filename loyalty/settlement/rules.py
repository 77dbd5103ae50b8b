"""What a difference between two statements is called, and where a dispute stands."""

from typing import Final

# domain.md 3.1, without what is no difference.
BREAKS: Final = (
    "MISSING_OURS",
    "MISSING_THEIRS",
    "UNITS_DIFF",
    "RATE_DIFF",
    "DUPLICATE",
    "LATE",
    "REJECT_NAME",
    "REJECT_NUMBER",
    "REJECT_CLOSED",
    "REVERSED_ONE_SIDE",
)
STATES: Final = ("open", "answered", "accepted", "rejected", "settled")

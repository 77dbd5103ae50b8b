"""Where a dispute stands."""

from typing import Final

STATES: Final = ("open", "answered", "accepted", "rejected", "settled")

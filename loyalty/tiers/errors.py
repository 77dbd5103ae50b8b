"""What can go wrong with tiers."""

from loyalty.errors import Missing


class UnknownTier(Missing):
    """The ladder has no such tier."""

    code = "unknown_tier"

    def __init__(self, *, tier: str) -> None:
        super().__init__(tier=tier)

"""What can go wrong with tiers."""

from collections.abc import Sequence
from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownTier(Missing):
    """The ladder has no such tier."""

    code = "unknown_tier"

    def __init__(self, *, tier: str) -> None:
        super().__init__(tier=tier)


class NoTierPolicy(Missing):
    """Nothing says yet how tiers are reached."""

    code = "no_tier_policy"

    def __init__(self) -> None:
        super().__init__()


class BadTierPolicy(Refused):
    """Something about the policy of tiers makes no sense."""

    code = "bad_tier_policy"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class TierPolicyMovedOn(Conflict):
    """Another version of the policy of tiers has come in between."""

    code = "tier_policy_moved_on"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class TierPolicyTooSoon(Refused):
    """A new policy of tiers begins tomorrow at the earliest."""

    code = "tier_policy_too_soon"

    def __init__(self, *, valid_from: date, earliest: date) -> None:
        super().__init__(valid_from=valid_from, earliest=earliest)


class BadTierGrant(Refused):
    """A tier is given until a day that is still to come."""

    code = "bad_tier_grant"

    def __init__(self, *, until: date) -> None:
        super().__init__(until=until)


class AppealOpen(Conflict):
    """Somebody has been asked to look at this tier already."""

    code = "tier_appeal_open"

    def __init__(self) -> None:
        super().__init__()


class NoOpenAppeal(Missing):
    """Nobody waits for an answer about this tier."""

    code = "no_open_tier_appeal"

    def __init__(self) -> None:
        super().__init__()

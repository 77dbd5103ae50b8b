"""Why a partner's allotment does not reach, or how it pays cannot be changed."""

from collections.abc import Sequence
from datetime import date

from loyalty.errors import Conflict, Refused


class BlockEmpty(Refused):
    """What was paid for in advance is used up."""

    code = "block_empty"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class CreditUsedUp(Refused):
    """What the partner has not paid yet has reached its limit."""

    code = "credit_used_up"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class BadBilling(Refused):
    """How a partner pays for accruals must make sense in every figure."""

    code = "bad_billing"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class BillingTooSoon(Refused):
    """A partner pays in a new way from the day after its approval at the earliest."""

    code = "billing_too_soon"

    def __init__(self, *, valid_from: date, earliest: date) -> None:
        super().__init__(valid_from=valid_from, earliest=earliest)


class BillingKnown(Conflict):
    """How the partner pays from that day on was said already."""

    code = "billing_known"

    def __init__(self, *, partner: str, valid_from: date) -> None:
        super().__init__(partner=partner, valid_from=valid_from)


class BadCoalition(Refused):
    """The terms of a coalition must make sense in every figure."""

    code = "bad_coalition"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class CoalitionTooSoon(Refused):
    """A coalition's terms hold from the day after their approval at the earliest."""

    code = "coalition_too_soon"

    def __init__(self, *, valid_from: date, earliest: date) -> None:
        super().__init__(valid_from=valid_from, earliest=earliest)


class CoalitionKnown(Conflict):
    """The coalition's terms from that day on were agreed on already."""

    code = "coalition_known"

    def __init__(self, *, partner: str, valid_from: date) -> None:
        super().__init__(partner=partner, valid_from=valid_from)


class BrandGivenAlready(Conflict):
    """Bills of the brand give the points of another coalition."""

    code = "brand_given_already"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)

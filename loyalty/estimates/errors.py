"""Why an estimate cannot be asked for, or no longer be agreed on."""

from collections.abc import Sequence
from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownCohort(Missing):
    """No points of that unit, month and funding were ever issued."""

    code = "unknown_cohort"

    def __init__(self, *, cohort: str) -> None:
        super().__init__(cohort=cohort)


class NothingEstimated(Refused):
    """No cohort was named."""

    code = "nothing_estimated"

    def __init__(self) -> None:
        super().__init__()


class ImpossibleEstimate(Refused):
    """Fewer points cannot be redeemed any more, or more are not there."""

    code = "impossible_estimate"

    def __init__(self, *, cohort: str, least: int, most: int) -> None:
        super().__init__(cohort=cohort, least=least, most=most)


class EstimateTooLate(Refused):
    """An estimate holds from an open month on that its points were earned by."""

    code = "estimate_too_late"

    def __init__(self, *, effective_in: date, earliest: date) -> None:
        super().__init__(effective_in=effective_in, earliest=earliest)


class BadEstimateTerms(Refused):
    """Something about the terms of estimates makes no sense."""

    code = "bad_estimate_terms"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class EstimateTermsMovedOn(Conflict):
    """Another version of the terms of estimates has come in between."""

    code = "estimate_terms_moved_on"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)

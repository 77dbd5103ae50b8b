"""What can go wrong with leavings and their policy."""

from collections.abc import Sequence
from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownDeparture(Missing):
    """There is no such leaving."""

    code = "unknown_departure"

    def __init__(self, *, member_id: int, departure_ref: str) -> None:
        super().__init__(member_id=member_id, departure_ref=departure_ref)


class ChurnStepMovedOn(Conflict):
    """The step has come to its end, or is no alarm."""

    code = "churn_step_moved_on"

    def __init__(self, *, benefit: str) -> None:
        super().__init__(benefit=benefit)


class ChurnNoteMissing(Refused):
    """Whoever settles a step by hand says how they know."""

    code = "churn_note_missing"

    def __init__(self) -> None:
        super().__init__()


class NoChurnTerms(Missing):
    """Nothing says yet what leaving means."""

    code = "no_churn_terms"

    def __init__(self) -> None:
        super().__init__()


class UnknownChurnTerms(Missing):
    """There is no such version of what leaving means."""

    code = "unknown_churn_terms"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class BadChurnTerms(Refused):
    """Something about what leaving is to mean makes no sense."""

    code = "bad_churn_terms"

    def __init__(self, *, faults: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(faults=list(faults))


class ChurnTermsMovedOn(Conflict):
    """Another version of what leaving means has come in between."""

    code = "churn_terms_moved_on"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class ChurnTermsTooSoon(Refused):
    """Terms of leaving hold from the next day at the earliest."""

    code = "churn_terms_too_soon"

    def __init__(self, *, starts_on: date, earliest: date) -> None:
        super().__init__(starts_on=starts_on, earliest=earliest)

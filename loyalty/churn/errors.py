"""What can go wrong with leavings and their policy."""

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

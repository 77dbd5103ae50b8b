"""Why there is no statement, or no dispute."""

from loyalty.errors import Conflict, Missing, Refused


class PeriodAhead(Refused):
    """A month that has not begun has no statement."""

    code = "period_ahead"

    def __init__(self) -> None:
        super().__init__()


class UnknownDispute(Missing):
    """There is no such dispute of this partner."""

    code = "unknown_dispute"

    def __init__(self) -> None:
        super().__init__()


class DisputeAnswered(Conflict):
    """The dispute has been answered already."""

    code = "dispute_answered"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class DayAhead(Refused):
    """A day that has not begun adds up to nothing."""

    code = "day_ahead"

    def __init__(self) -> None:
        super().__init__()

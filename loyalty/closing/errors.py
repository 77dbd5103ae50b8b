"""Why a month cannot be closed, opened again or signed off."""

from collections.abc import Sequence
from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class BooksUnsound(Conflict):
    """The proof of the books has findings, so the month stays open."""

    code = "books_unsound"

    def __init__(self, *, findings: int, first: str) -> None:
        super().__init__(findings=findings, first=first)


class MonthAhead(Refused):
    """The month has not begun, and the books know nothing of it."""

    code = "month_ahead"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period.strftime("%Y-%m"))


class MonthBlocked(Conflict):
    """Something has to be settled first, so the month stays open."""

    code = "month_blocked"

    def __init__(self, *, period: date, because: Sequence[str]) -> None:
        super().__init__(period=period.strftime("%Y-%m"), because=", ".join(because))


class MonthUnready(Refused):
    """Steps are not ticked off yet, so the month cannot be signed off."""

    code = "month_unready"

    def __init__(self, *, period: date, steps: int) -> None:
        super().__init__(period=period.strftime("%Y-%m"), steps=steps)


class MonthSignedOff(Conflict):
    """The month was signed off already."""

    code = "month_signed_off"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period.strftime("%Y-%m"))


class MonthClosedAlong(Refused):
    """The month was closed along with a later one, and has no checklist of its own."""

    code = "month_closed_along"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period.strftime("%Y-%m"))


class ChecklistMovedOn(Conflict):
    """What the checklist rests on has changed since; please look again."""

    code = "checklist_moved_on"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period.strftime("%Y-%m"))


class NotLastClosed(Conflict):
    """Only the month that was closed last can be opened again."""

    code = "not_last_closed"

    def __init__(self, *, period: date, last: date | None) -> None:
        super().__init__(
            period=period.strftime("%Y-%m"),
            last="-" if last is None else last.strftime("%Y-%m"),
        )


class UnknownStep(Missing):
    """There is no such step that a person ticks off."""

    code = "unknown_step"

    def __init__(self, *, step: str) -> None:
        super().__init__(step=step)


class StepBlocked(Conflict):
    """What blocks the step has to be settled before it can be ticked off."""

    code = "step_blocked"

    def __init__(self, *, step: str, because: Sequence[str]) -> None:
        super().__init__(step=step, because=", ".join(because))


class StepUnexplained(Refused):
    """A step with findings is ticked off with a note that explains them."""

    code = "step_unexplained"

    def __init__(self, *, step: str) -> None:
        super().__init__(step=step)

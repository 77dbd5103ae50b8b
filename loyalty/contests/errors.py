"""Why a tournament cannot go on as somebody wishes."""

from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class UnknownContest(Missing):
    """There is no such tournament, or it is not held there."""

    code = "unknown_contest"

    def __init__(self, *, contest_id: int) -> None:
        super().__init__(contest_id=contest_id)


class BadContest(Refused):
    """Some of what is said about the tournament makes no sense."""

    code = "bad_contest"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class EntriesClosed(Refused):
    """The tournament takes no entries any more."""

    code = "entries_closed"

    def __init__(self, *, until: date) -> None:
        super().__init__(until=until)


class NotForOutsiders(Refused):
    """Only members of the club, who take part in the alliance, may enter."""

    code = "not_for_outsiders"


class EnteredElsewhere(Conflict):
    """The member has entered in another city."""

    code = "entered_elsewhere"

    def __init__(self, *, city: str) -> None:
        super().__init__(city=city)


class NotEntered(Missing):
    """The member has not entered, or has withdrawn."""

    code = "not_entered"

    def __init__(self, *, contest_id: int) -> None:
        super().__init__(contest_id=contest_id)


class DrawTooEarly(Refused):
    """The draw waits until entries are closed, and a final until its heats are over."""

    code = "draw_too_early"


class AlreadyDrawn(Conflict):
    """The draw has been made; it is never made again."""

    code = "already_drawn"


class NotPlaying(Refused):
    """Nobody plays there now."""

    code = "not_playing"


class BadResult(Refused):
    """The result is of no match that is open, or of somebody who is not in it."""

    code = "bad_result"

    def __init__(self, *, matches: list[int]) -> None:
        super().__init__(matches=matches)

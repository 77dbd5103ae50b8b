"""Why a month cannot be closed."""

from datetime import date

from loyalty.errors import Conflict, Refused


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


class RateUnwritable(Refused):
    """The carrying rate has no exact decimal, so no journal can be valued at it."""

    code = "rate_unwritable"

    def __init__(self, *, fen_num: int, fen_den: int) -> None:
        super().__init__(fen_num=fen_num, fen_den=fen_den)

"""Why there is no such report."""

from loyalty.errors import Missing, Refused


class UnknownReport(Missing):
    """There is no report of this name."""

    code = "unknown_report"

    def __init__(self, *, report: str) -> None:
        super().__init__(report=report)


class UnknownFacts(Missing):
    """This report has no such facts behind it."""

    code = "unknown_facts"

    def __init__(self, *, facts: str) -> None:
        super().__init__(facts=facts)


class MonthUnreadable(Refused):
    """This is not a month."""

    code = "month_unreadable"

    def __init__(self, *, period: str) -> None:
        super().__init__(period=period)


class BadYearlyFigure(Refused):
    """This cannot be such a figure of a year."""

    code = "bad_yearly_figure"

    def __init__(self, *, year: int) -> None:
        super().__init__(year=year)

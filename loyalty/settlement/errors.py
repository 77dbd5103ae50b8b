"""Why something is not stated, disputed, netted, paid or charged."""

from collections.abc import Sequence
from datetime import date

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


class UnknownStatement(Missing):
    """There is no such statement."""

    code = "unknown_statement"

    def __init__(self) -> None:
        super().__init__()


class UnknownSettlement(Missing):
    """There is no such settlement."""

    code = "unknown_settlement"

    def __init__(self) -> None:
        super().__init__()


class UnknownClearance(Missing):
    """The calendar has no period for that day."""

    code = "unknown_clearance"

    def __init__(self, *, calendar: str, day: date) -> None:
        super().__init__(calendar=calendar, day=day)


class BadClearance(Refused):
    """The days of a period must follow each other, and no two periods may overlap."""

    code = "bad_clearance"

    def __init__(self) -> None:
        super().__init__()


class NothingToState(Refused):
    """Nothing has happened that is not on a statement already."""

    code = "nothing_to_state"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class EarlierDraft(Conflict):
    """An earlier statement of the partner is still a draft and must be issued first."""

    code = "earlier_draft"

    def __init__(self, *, last_on: date) -> None:
        super().__init__(last_on=last_on)


class PeriodStated(Conflict):
    """The partner's statements reach that day already; late facts come onto the next.

    An issued statement is never drawn up again.
    """

    code = "period_stated"

    def __init__(self, *, last_on: date) -> None:
        super().__init__(last_on=last_on)


class PeriodRunning(Refused):
    """A statement is issued once its period is over."""

    code = "period_running"

    def __init__(self, *, last_on: date) -> None:
        super().__init__(last_on=last_on)


class StatementMovedOn(Conflict):
    """The statement is in another state than this can be done in."""

    code = "statement_moved_on"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class StatementChanged(Conflict):
    """The draft has changed since it was submitted and must be submitted again."""

    code = "statement_changed"

    def __init__(self) -> None:
        super().__init__()


class DisputesOpen(Conflict):
    """What is disputed must be answered before a statement is agreed."""

    code = "disputes_open"

    def __init__(self, *, disputes: int) -> None:
        super().__init__(disputes=disputes)


class DisputeWindowOver(Refused):
    """The days in which the statement could be disputed are over."""

    code = "dispute_window_over"

    def __init__(self, *, until: date) -> None:
        super().__init__(until=until)


class NothingAgreed(Refused):
    """No statement of the partner is agreed and waits to be netted."""

    code = "nothing_agreed"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class Overpaid(Refused):
    """More was paid than is open, or in the wrong direction."""

    code = "overpaid"

    def __init__(self, *, open_fen: int) -> None:
        super().__init__(open_fen=open_fen)


class PaymentKnown(Conflict):
    """A payment with that bank reference is written down with other content."""

    code = "payment_known"

    def __init__(self, *, bank_ref: str) -> None:
        super().__init__(bank_ref=bank_ref)


class BadCharge(Refused):
    """What is charged to a partner must make sense in every figure."""

    code = "bad_charge"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class OrderKnown(Conflict):
    """The partner's order of that number is written down already."""

    code = "order_known"

    def __init__(self, *, order_ref: str) -> None:
        super().__init__(order_ref=order_ref)


class NoPriceForPoints(Refused):
    """The partner pays no price for points that a fee in points could be worth."""

    code = "no_price_for_points"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)

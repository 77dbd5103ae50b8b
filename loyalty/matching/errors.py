"""Why nothing is matched, or a break is not settled."""

from loyalty.errors import Conflict, Missing, Refused


class NothingTold(Refused):
    """The partner has told nothing of this month."""

    code = "nothing_told"

    def __init__(self, *, partner: str, period: str) -> None:
        super().__init__(partner=partner, period=period)


class UnknownBreak(Missing):
    """There is no such break."""

    code = "unknown_break"

    def __init__(self) -> None:
        super().__init__()


class BreakClosed(Conflict):
    """The break is no longer open."""

    code = "break_closed"

    def __init__(self) -> None:
        super().__init__()


class NotAResolution(Refused):
    """This does not settle a break of its kind."""

    code = "not_a_resolution"

    def __init__(self, *, resolution: str) -> None:
        super().__init__(resolution=resolution)


class BadMatchTerms(Refused):
    """The terms make no sense."""

    code = "bad_match_terms"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class InvoiceKnown(Conflict):
    """This invoice has been entered already."""

    code = "invoice_known"

    def __init__(self, *, invoice_no: str) -> None:
        super().__init__(invoice_no=invoice_no)


class BadInvoice(Refused):
    """The parts of the invoice do not add up to its total."""

    code = "bad_invoice"

    def __init__(self, *, total_fen: int, lines_fen: int) -> None:
        super().__init__(total_fen=total_fen, lines_fen=lines_fen)


class NotMended(Refused):
    """What was to mend the break was refused."""

    code = "not_mended"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class UnknownPayout(Missing):
    """There is no such payout."""

    code = "unknown_payout"

    def __init__(self, *, payout_id: str) -> None:
        super().__init__(payout_id=payout_id)


class ArrivalAhead(Refused):
    """Nothing can have arrived on a day that has not come."""

    code = "arrival_ahead"

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


class BadInvoiceLine(Refused):
    """A line of the invoice cannot be read, or does not multiply out."""

    code = "bad_invoice_line"

    def __init__(self, *, line: int, reason: str) -> None:
        super().__init__(line=line, reason=reason)


class BookingsChanged(Conflict):
    """What this would book is another sum by now."""

    code = "bookings_changed"

    def __init__(self) -> None:
        super().__init__()


class BreakFoundAgain(Conflict):
    """The same difference is open as another break."""

    code = "break_found_again"

    def __init__(self) -> None:
        super().__init__()


class NotInSuspense(Conflict):
    """Nothing of this waits in suspense."""

    code = "not_in_suspense"

    def __init__(self, *, about: str) -> None:
        super().__init__(about=about)


class BadReceipt(Refused):
    """Money that came is written down with all that is known of it."""

    code = "bad_receipt"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class ReceiptKnown(Conflict):
    """This payment is written down already, with other figures."""

    code = "receipt_known"

    def __init__(self, *, bank_ref: str) -> None:
        super().__init__(bank_ref=bank_ref)


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

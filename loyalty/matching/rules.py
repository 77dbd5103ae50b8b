"""What a partner's lines may be, how close is close enough, and what mends a break."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SUBJECT: Final = "partner_statement"
INVOICE_SUBJECT: Final = "partner_invoice"

# What is undone is a kind of its own, below zero.
REVERSAL_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accrual": "reversal",
        "redemption": "return",
        "exchange_out": "exchange_out_reversal",
        "exchange_in": "exchange_in_reversal",
    }
)
REVERSING: Final = tuple(REVERSAL_OF.values())
KINDS: Final = (*REVERSAL_OF, *REVERSING)
# As our own statements call them, so that a partner may answer in our words.
KIND_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {kind: kind for kind in KINDS}
    | {
        "accrued": "accrual",
        "reversed": "reversal",
        "redeemed": "redemption",
        "returned": "return",
        "exchanged_out": "exchange_out",
        "exchanged_in": "exchange_in",
    }
)

# What we owe a partner, so that a larger figure of it is less of what it owes us.
OWED_BY_US: Final = ("redemption", "return", "exchange_out", "exchange_out_reversal")
# A coalition is owed for the points that bills give, and owes for those spent with us.
OWED_TO_COALITION: Final = ("accrual", "reversal", *OWED_BY_US[2:])

REJECTIONS: Final = ("reject_name", "reject_number", "reject_closed")
STATUSES: Final = ("posted", "reversed", *REJECTIONS)
STATUS_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {status: status for status in STATUSES}
    | {status.upper(): status for status in STATUSES}
    | dict.fromkeys(("confirmed", "accepted", "settled", "booked", "ok"), "posted")
    | dict.fromkeys(("canceled", "cancelled", "voided"), "reversed")
)

# Which of its days decides the month of a thing.
BASES: Final = ("occurred", "posted", "effective")
DAY_MINUTES: Final = 24 * 60

# Found by both sides, but not the same.
PAIR_CODES: Final = (
    "MATCHED",
    "UNITS_DIFF",
    "RATE_DIFF",
    "AMOUNT_DIFF",
    "LATE",
    "REJECT_NAME",
    "REJECT_NUMBER",
    "REJECT_CLOSED",
)
HOWS: Final = ("our_ref", "partner_ref", "amount")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a partner's lines are compared with ours."""

    date_basis: str = "occurred"
    cut_off_minutes: int = DAY_MINUTES  # the minute of the day at which its day ends
    time_zone: str = "Asia/Shanghai"
    tolerance_fen: int = 0
    days_apart: int = 5  # further apart is late, even within a month


# What can be done about a break. `posts` says which use case carries it out.
RESOLUTIONS: Final = (
    "post_missing",  # book what the partner has and we have not
    "reverse_ours",  # take back what only we have
    "their_figure",  # the partner is right; the difference is ours to bear or to have
    "our_figure",  # we are right; the partner corrects, or bears it
    "timing",  # both have it, in different months
    "refuse_line",  # billed twice, or for nobody: it is not paid
    "write_off",  # too small to pursue
    "suspense",  # theirs counts, before anybody knows whose it is
)
# Whose event will be there when the match runs again; everything else ends the line.
COMES_TRUE: Final = "post_missing"
SUSPENSE: Final = "suspense"
REOPEN: Final = "reopen"  # takes a resolution back, and what it has booked
# What is in suspense comes to its true account in one of these ways.
_OUT_OF_SUSPENSE: Final = ("post_missing", "refuse_line", "their_figure", "write_off")
# What posted points is undone by an accrual's own reversal, never from here.
_STAYS: Final = (COMES_TRUE, "reverse_ours")
ASK: Final = "ask_partner"  # settles nothing by itself

_SUGGESTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "MISSING_OURS": ("post_missing", ASK, SUSPENSE, "refuse_line", "their_figure"),
        "MISSING_THEIRS": (ASK, "reverse_ours", "our_figure", "write_off"),
        "UNITS_DIFF": (ASK, "their_figure", "our_figure", "write_off"),
        "RATE_DIFF": (ASK, "our_figure", "their_figure", "write_off"),
        "AMOUNT_DIFF": (ASK, "our_figure", "their_figure", "write_off"),
        "DUPLICATE": ("refuse_line", ASK),
        "LATE": ("timing", ASK),
        "REJECT_NAME": (ASK, "reverse_ours", "refuse_line", "write_off"),
        "REJECT_NUMBER": (ASK, SUSPENSE, "refuse_line", "reverse_ours", "write_off"),
        "REJECT_CLOSED": ("reverse_ours", ASK, "refuse_line", "write_off"),
        "REVERSED_ONE_SIDE": (ASK, "their_figure", "our_figure"),
    }
)


def suggested(
    *, code: str, kind: str | None, is_theirs: bool, resolution: str | None = None
) -> tuple[str, ...]:
    """Return what may mend a break, the most likely first.

    `is_theirs` says that only the partner has it, `resolution` how it was settled
    before. What we cannot carry out by ourselves is not offered: points leave and
    arrive by accruals alone here.
    """
    if resolution == SUSPENSE:
        return _OUT_OF_SUSPENSE if kind == "accrual" else _OUT_OF_SUSPENSE[1:]
    if resolution is not None:
        return () if resolution in _STAYS else (REOPEN,)
    if code == "REVERSED_ONE_SIDE" and is_theirs and kind == "reversal":
        return ("post_missing", ASK, "our_figure")
    offered = _SUGGESTIONS[code]
    if kind not in ("accrual", "reversal"):
        offered = tuple(one for one in offered if one != "post_missing")
    if kind != "accrual":
        offered = tuple(one for one in offered if one != "reverse_ours")
    # Only what has no event of ours waits for one; only what has one is given up.
    useless = "write_off" if is_theirs else SUSPENSE
    return tuple(one for one in offered if one != useless)


# What a booking is about, and what it is to the journal.
CAUSES: Final = (
    "difference",  # the partner's figure is right
    "loss",  # what we bear rather than pursue
    "tolerance",  # what lines that agree differ by, within what two people allowed
    "suspense",  # what counts before anybody knows whose it is; below zero: it is known
    "received",  # what came to the bank unexplained; below zero: it went back
)
RECEIVED: Final = "received"


def event_of(*, cause: str, fen: int) -> tuple[str, int]:
    """Return the event of the journal that a booking is, and its amount."""
    match cause:
        case "suspense":
            return "suspended", fen
        case "received":
            return "unexplained_in", fen
        case "loss":
            return "written_off_in", -fen
    return "partner_adjusted", fen


def owed_more(
    *, is_owed_by_us: bool, code: str, ours_fen: int | None, theirs_fen: int | None
) -> int:
    """Return by how much more a partner owes where its figure holds, not ours.

    What it has refused of ours it has not.
    """
    is_refused = code.startswith("REJECT_") and ours_fen is not None
    theirs = 0 if is_refused else theirs_fen or 0
    apart = theirs - (ours_fen or 0)
    return -apart if is_owed_by_us else apart


# How long a break has been open, in days: the first day of each step.
AGES: Final = (0, 8, 31, 61, 91)
ESCALATED_DAYS: Final = 30  # R12: older than that is escalated
_TENTHS = 1_000  # of a per cent, of all


def percent(*, agreed: int, breaks: int) -> str | None:
    """Return what part agrees, in per cent with one decimal, never rounded up.

    A single break in a million lines is not 100 per cent. None: there is nothing.
    """
    if not agreed + breaks:
        return None
    tenths = _TENTHS * agreed // (agreed + breaks)
    return f"{tenths // 10}.{tenths % 10}"

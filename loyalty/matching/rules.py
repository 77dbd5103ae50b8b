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
)
# Whose event will be there when the match runs again; everything else ends the line.
COMES_TRUE: Final = "post_missing"
ASK: Final = "ask_partner"  # settles nothing by itself

_SUGGESTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "MISSING_OURS": ("post_missing", ASK, "refuse_line"),
        "MISSING_THEIRS": (ASK, "reverse_ours", "our_figure"),
        "UNITS_DIFF": (ASK, "their_figure", "our_figure", "write_off"),
        "RATE_DIFF": (ASK, "our_figure", "their_figure", "write_off"),
        "AMOUNT_DIFF": (ASK, "our_figure", "their_figure", "write_off"),
        "DUPLICATE": ("refuse_line", ASK),
        "LATE": ("timing", ASK),
        "REJECT_NAME": (ASK, "reverse_ours", "refuse_line"),
        "REJECT_NUMBER": (ASK, "refuse_line", "reverse_ours"),
        "REJECT_CLOSED": ("reverse_ours", ASK, "refuse_line"),
        "REVERSED_ONE_SIDE": (ASK, "their_figure", "our_figure"),
    }
)


def suggested(*, code: str, kind: str | None, is_theirs: bool) -> tuple[str, ...]:
    """Return what may mend a break, the most likely first.

    `is_theirs` says that only the partner has it. What we cannot carry out by
    ourselves is not offered: points leave and arrive by accruals alone here.
    """
    if code == "REVERSED_ONE_SIDE" and is_theirs and kind == "reversal":
        return ("post_missing", ASK, "our_figure")
    offered = _SUGGESTIONS[code]
    if kind not in ("accrual", "reversal"):
        offered = tuple(one for one in offered if one != "post_missing")
    if kind != "accrual":
        offered = tuple(one for one in offered if one != "reverse_ours")
    return offered


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

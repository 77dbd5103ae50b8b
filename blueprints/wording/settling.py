"""Refusals of what is settled with partners."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "day_ahead": ("这一天还没有到。", "This day has not come yet."),
    "unknown_dispute": ("没有这条异议。", "There is no such dispute."),
    "dispute_answered": (
        "这条异议已经答复过了，请刷新后再看。",
        "This dispute has been answered already. Please reload and look again.",
    ),
}

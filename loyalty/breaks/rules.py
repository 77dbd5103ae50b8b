"""What a difference between two sides is called, and what is compared."""

from typing import Final

# domain.md 3.1, without what is no difference.
BREAKS: Final = (
    "MISSING_OURS",
    "MISSING_THEIRS",
    "UNITS_DIFF",
    "RATE_DIFF",
    "DUPLICATE",
    "LATE",
    "REJECT_NAME",
    "REJECT_NUMBER",
    "REJECT_CLOSED",
    "REVERSED_ONE_SIDE",
)
# And what only a comparison of two sources finds.
DIFFERENCES: Final = (*BREAKS, "AMOUNT_DIFF")
# What is compared: an insurer's month, a merchant's day as it was fetched or told, a
# month of the payment provider's, a partner's file line by line, and what it bills.
SUBJECTS: Final = (
    *("insurer_bill", "day_totals", "till_totals", "stripe"),
    *("partner_statement", "partner_invoice"),
)

"""The steps of a month-end (domain.md 2.9): when, by whom, and on what evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from loyalty.closing.evidence import books, inputs, money, partners, terms
from loyalty.closing.rules import Evidence, Month
from loyalty.closing.workings import Workings
from loyalty.staff.rules import Permission

Gather = Callable[[Workings], Evidence]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be looked at before a month is signed off.

    What it is called, and what its figures and findings mean, stands in the words of
    the console.
    """

    code: str
    working_day: int  # after the month; below zero: before its last working day
    owner: Permission  # who ticks it off
    gather: Gather
    is_quarterly: bool = False


_MAKE, _CHECK = Permission.FINANCE_MAKE, Permission.FINANCE_CHECK

# The last two steps, lock and sign-off, are no steps to tick: see `operations`.
STEPS: Final = (
    Step("reference_frozen", -2, _CHECK, terms.reference_frozen),
    Step("files_in", 0, _MAKE, inputs.files_in),
    Step("due_work", 0, _MAKE, books.due_work),
    Step("units_proof", 1, _MAKE, books.units_proof),
    Step("billing_tie_out", 1, _MAKE, inputs.billing_tie_out),
    Step("partner_match", 1, _MAKE, partners.partner_match),
    Step("till_totals", 2, _MAKE, partners.till_totals),
    Step("insurer_bill", 2, _MAKE, partners.insurer_bill),
    Step("vouchers", 2, _MAKE, partners.vouchers),
    Step("cohorts", 3, _MAKE, money.cohorts),
    Step("flags", 3, _CHECK, terms.flags),
    Step("churned_wallets", 3, _MAKE, books.churned_wallets),
    Step("accrued_view", 4, _MAKE, money.accrued_view),
    Step("statements", 4, _MAKE, partners.statements),
    Step("gl_export", 5, _CHECK, money.gl_export),
    Step("working_paper", 5, _MAKE, money.working_paper, is_quarterly=True),
)
BY_CODE: Final = {step.code: step for step in STEPS}


def steps_of(month: Month) -> tuple[Step, ...]:
    """Return the steps of a month; some come with the end of a quarter only."""
    return tuple(
        step for step in STEPS if month.ends_a_quarter or not step.is_quarterly
    )

"""Why an activity is not booked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loyalty.errors import Conflict, LoyaltyError, Missing, Refused
from loyalty.prepaid.errors import BlockEmpty, CreditUsedUp


class UnknownAccrual(Missing):
    """There is no such accrual of this partner."""

    code = "unknown_accrual"

    def __init__(self) -> None:
        super().__init__()


class TotalsDisagree(Refused):
    """The control totals are not those of the lines: nothing was posted."""

    code = "totals_disagree"

    def __init__(self, *, line_count: int, amount_total: str) -> None:
        super().__init__(line_count=line_count, amount_total=amount_total)


class UnknownAccount(Refused):
    """No such account is linked at this partner."""

    code = "unknown_account"

    def __init__(self) -> None:
        super().__init__()


class UnsupportedCurrency(Refused):
    """Only amounts in CNY are taken."""

    code = "currency_not_supported"

    def __init__(self) -> None:
        super().__init__()


class ZeroAmount(Refused):
    """An amount of nothing earns nothing, and takes nothing back."""

    code = "zero_amount"

    def __init__(self) -> None:
        super().__init__()


class RefundNotNegative(Refused):
    """What names an original is a refund, and must be negative."""

    code = "refund_not_negative"

    def __init__(self) -> None:
        super().__init__()


class RefundWithoutOriginal(Refused):
    """A negative amount is a refund, and must name its original."""

    code = "refund_without_original"

    def __init__(self) -> None:
        super().__init__()


class UnknownOriginal(Refused):
    """The original was not posted for this account."""

    code = "unknown_original"

    def __init__(self) -> None:
        super().__init__()


class RefundExceedsOriginal(Refused):
    """More would be taken back than the original has left."""

    code = "refund_exceeds_original"

    def __init__(self) -> None:
        super().__init__()


class NoTerms(Refused):
    """No terms say what this activity earns at this partner."""

    code = "no_terms"

    def __init__(self) -> None:
        super().__init__()


class ReferenceReused(Conflict):
    """The partner_ref names something else already."""

    code = "reference_reused"

    def __init__(self) -> None:
        super().__init__()


# What the booking of a line calls them.
_BY_REASON: Final[Mapping[str, type[LoyaltyError]]] = MappingProxyType(
    {
        error.code: error
        for error in (
            UnknownAccount,
            UnsupportedCurrency,
            ZeroAmount,
            RefundNotNegative,
            RefundWithoutOriginal,
            UnknownOriginal,
            RefundExceedsOriginal,
            NoTerms,
            ReferenceReused,
        )
    }
)

# What a partner cannot pay for.
_UNPAID: Final = {error.code: error for error in (BlockEmpty, CreditUsedUp)}


def refusal(reason: str, *, partner: str) -> LoyaltyError:
    """Return the error that the reason of a rejected line stands for."""
    unpaid = _UNPAID.get(reason)
    return _BY_REASON[reason]() if unpaid is None else unpaid(partner=partner)

"""What can go wrong with voucher codes."""

from loyalty.errors import Conflict, Missing, Refused


class UnknownVoucher(Missing):
    """No voucher has this code."""

    code = "unknown_voucher"


class VoucherNotIssued(Conflict):
    """The voucher is not in the hands of a member, so it cannot be used or voided."""

    code = "voucher_not_issued"

    def __init__(self, *, tail: str, state: str) -> None:
        super().__init__(tail=tail, state=state)


class VoucherExpired(Refused):
    """The voucher's last good day has passed."""

    code = "voucher_expired"

    def __init__(self, *, tail: str, valid_until: str) -> None:
        super().__init__(tail=tail, valid_until=valid_until)


class VoucherUsed(Conflict):
    """A voucher of the order has been used, so it stays."""

    code = "voucher_used"

    def __init__(self, *, unused: int, wanted: int) -> None:
        super().__init__(unused=unused, wanted=wanted)


class PoolEmpty(Refused):
    """Too few codes are left in the pool of the item."""

    code = "pool_empty"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class CodeTooWeak(Refused):
    """A code of the pool is too short to be safe from guessing."""

    code = "code_too_weak"

    def __init__(self, *, line: int) -> None:
        super().__init__(line=line)

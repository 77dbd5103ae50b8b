"""What can be anticipated going wrong with payments."""

from loyalty.errors import Conflict, Missing, Refused, Unavailable


class UnknownPayment(Missing):
    """There is no such payment."""

    code = "unknown_payment"

    def __init__(self, *, payment_ref: str) -> None:
        super().__init__(payment_ref=payment_ref)


class UnknownRefund(Missing):
    """There is no such refund."""

    code = "unknown_refund"

    def __init__(self, *, refund_ref: str) -> None:
        super().__init__(refund_ref=refund_ref)


class PaymentRefReused(Conflict):
    """The reference belongs to a payment of something else."""

    code = "payment_ref_reused"

    def __init__(self, *, payment_ref: str) -> None:
        super().__init__(payment_ref=payment_ref)


class RefundRefReused(Conflict):
    """The reference belongs to a refund of something else."""

    code = "refund_ref_reused"

    def __init__(self, *, refund_ref: str) -> None:
        super().__init__(refund_ref=refund_ref)


class NotPaid(Refused):
    """Nothing was paid that could be given back."""

    code = "not_paid"

    def __init__(self, *, payment_ref: str) -> None:
        super().__init__(payment_ref=payment_ref)


class RefundTooLarge(Refused):
    """More would be given back than was paid."""

    code = "refund_too_large"

    def __init__(self, *, amount_fen: int, left_fen: int) -> None:
        super().__init__(amount_fen=amount_fen, left_fen=left_fen)


class PaymentsNotOffered(Unavailable):
    """Card payments are not offered here."""

    code = "payments_not_offered"

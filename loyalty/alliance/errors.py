"""What can go wrong with partners, and with accounts at them."""

from loyalty.errors import Missing


class UnknownPartner(Missing):
    """There is no such partner."""

    code = "unknown_partner"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)

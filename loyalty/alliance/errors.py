"""What can go wrong with partners, and with accounts at them."""

from loyalty.errors import Missing


class UnknownPartner(Missing):
    """There is no such partner."""

    code = "unknown_partner"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class NotLinked(Missing):
    """No member of that name has an account at this partner."""

    code = "not_linked"

    def __init__(self) -> None:
        super().__init__()

"""Why points cannot be spent at a till, or not be given back."""

from loyalty.errors import Conflict, Missing, Refused


class NoTillTerms(Refused):
    """No terms say what points are worth at this partner's tills."""

    code = "no_till_terms"

    def __init__(self) -> None:
        super().__init__()


class NoSuchAccount(Refused):
    """No such account is linked at this partner."""

    code = "unknown_account"

    def __init__(self) -> None:
        super().__init__()


class TooFewPoints(Refused):
    """The member has too few points."""

    code = "insufficient_points"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(needed=needed, available=available)


class AccountClosed(Refused):
    """Points of this account cannot be spent now."""

    code = "account_closed"

    def __init__(self) -> None:
        super().__init__()


class UnknownRedemption(Missing):
    """There is no such redemption of this partner."""

    code = "unknown_redemption"

    def __init__(self) -> None:
        super().__init__()


class RedemptionMovedOn(Conflict):
    """The redemption is past the point where this can be done."""

    code = "redemption_moved_on"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class AuthorizationExpired(Conflict):
    """The points were not captured in time, and are the member's again."""

    code = "authorization_expired"

    def __init__(self) -> None:
        super().__init__()


class RefundTooLarge(Refused):
    """More points would be given back than the redemption has left."""

    code = "refund_too_large"

    def __init__(self, *, points: int, left: int) -> None:
        super().__init__(points=points, left=left)


class NameReused(Conflict):
    """The partner_ref names something else already."""

    code = "reference_reused"

    def __init__(self) -> None:
        super().__init__()

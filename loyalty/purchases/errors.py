"""What can be anticipated going wrong when points are bought."""

from datetime import date

from loyalty.errors import Conflict, Missing, Refused, Unavailable


class PurchasesNotOffered(Unavailable):
    """Points cannot be bought now."""

    code = "purchases_not_offered"


class UnknownPurchase(Missing):
    """The member has bought nothing under that name."""

    code = "unknown_purchase"


class PurchaseRefReused(Conflict):
    """The same reference was sent before, for something else."""

    code = "purchase_ref_reused"

    def __init__(self, *, purchase_ref: str) -> None:
        super().__init__(purchase_ref=purchase_ref)


class PointsNotSold(Refused):
    """So many points are not sold."""

    code = "points_not_sold"

    def __init__(self, *, points_min: int, step: int) -> None:
        super().__init__(points_min=points_min, step=step)


class PriceMoved(Conflict):
    """The price is another one now."""

    code = "purchase_price_moved"

    def __init__(self, *, points: int, price_fen: int) -> None:
        super().__init__(points=points, price_fen=price_fen)


class TooMuchAtOnce(Refused):
    """More would be bought than a person may."""

    code = "purchase_limit"

    def __init__(self, *, left_fen: int, day_fen: int, year_fen: int) -> None:
        super().__init__(left_fen=left_fen, day_fen=day_fen, year_fen=year_fen)


class NotYetAMember(Refused):
    """The member has not taken part for long enough."""

    code = "purchase_too_early"

    def __init__(self, *, from_day: date) -> None:
        super().__init__(from_day=from_day)


class MayNotBuy(Refused):
    """The member has left the network, or may not spend at present."""

    code = "may_not_buy"


class ReturnTooLate(Refused):
    """The days in which points are taken back are over."""

    code = "purchase_return_late"

    def __init__(self, *, until: date) -> None:
        super().__init__(until=until)


class NothingUnspent(Refused):
    """Nothing of the purchase is left that could be taken back."""

    code = "purchase_spent"

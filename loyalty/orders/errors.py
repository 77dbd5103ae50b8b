"""Why something cannot be ordered, or an order cannot go where it is sent."""

from collections.abc import Sequence
from datetime import datetime

from loyalty.errors import Conflict, Missing, Refused, Unavailable


class UnknownOrder(Missing):
    """The member has no such order."""

    code = "unknown_order"

    def __init__(self, *, order_ref: str) -> None:
        super().__init__(order_ref=order_ref)


class NotAMember(Missing):
    """Nobody takes part under this number, or not any longer."""

    code = "not_a_member"


class BadOrderRef(Refused):
    """An order is named by 32 hexadecimal digits."""

    code = "bad_order_ref"


class PartnerRefReused(Conflict):
    """The partner's reference names another order already."""

    code = "reference_reused"

    def __init__(self, *, partner_ref: str) -> None:
        super().__init__(partner_ref=partner_ref)


class OrderRefReused(Conflict):
    """The same order was sent before, with other content."""

    code = "order_ref_reused"

    def __init__(self, *, order_ref: str) -> None:
        super().__init__(order_ref=order_ref)


class QuantityOutOfRange(Refused):
    """So many cannot be ordered at once."""

    code = "quantity_out_of_range"

    def __init__(self, *, quantity: int, most: int) -> None:
        super().__init__(quantity=quantity, most=most)


class WayNotOffered(Refused):
    """The item cannot be paid in this way."""

    code = "way_not_offered"

    def __init__(self, *, way: str) -> None:
        super().__init__(way=way)


class NotOnSale(Refused):
    """The item is not on sale."""

    code = "not_on_sale"

    def __init__(self, *, item_code: str) -> None:
        super().__init__(item_code=item_code)


class ChannelNotAllowed(Refused):
    """The item is not sold in this channel."""

    code = "channel_not_allowed"

    def __init__(self, *, channel: str, channels: Sequence[str]) -> None:
        super().__init__(channel=channel, channels=list(channels))


class BrandNotAllowed(Refused):
    """The item is for other brands."""

    code = "brand_not_allowed"

    def __init__(self, *, brands: Sequence[str]) -> None:
        super().__init__(brands=list(brands))


class ClubNotAllowed(Refused):
    """The item is for members of other clubs."""

    code = "club_not_allowed"

    def __init__(self, *, clubs: Sequence[str]) -> None:
        super().__init__(clubs=list(clubs))


class ClubPlaceOrdered(Conflict):
    """A place in this club is ordered already, and waits."""

    code = "club_place_ordered"


class TierNotAllowed(Refused):
    """The item is for other tiers."""

    code = "tier_not_allowed"

    def __init__(self, *, tiers: Sequence[str]) -> None:
        super().__init__(tiers=list(tiers))


class LimitReached(Refused):
    """The member has had as many of the item as anybody may."""

    code = "limit_reached"

    def __init__(self, *, count: int, days: int) -> None:
        super().__init__(count=count, days=days)


class PriceChanged(Conflict):
    """The price is no longer the one that was shown."""

    code = "price_changed"

    def __init__(self, *, points: int, cash_fen: int) -> None:
        super().__init__(points=points, cash_fen=cash_fen)


class PointsMissing(Refused):
    """There are too few points."""

    code = "points_missing"

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(
            needed=needed, available=available, missing=max(0, needed - available)
        )


class GateClosed(Refused):
    """Points cannot be spent while a line is suspended for unpaid bills."""

    code = "gate_closed"

    def __init__(self, *, gate: str) -> None:
        super().__init__(gate=gate)


class SpendLocked(Refused):
    """The member has locked the spending of points."""

    code = "spend_locked"


class SignInStale(Refused):
    """Spending needs a sign-in of the last minutes."""

    code = "sign_in_stale"


class VelocityReached(Refused):
    """A day's redemptions have a limit, which this one would pass."""

    code = "velocity_reached"

    def __init__(self, *, orders_max: int, points_max: int) -> None:
        super().__init__(orders_max=orders_max, points_max=points_max)


class StoredValueReached(Refused):
    """What is as good as money, such as airtime and fuel cards, is limited per day."""

    code = "stored_value_reached"

    def __init__(self, *, max_fen: int, left_fen: int) -> None:
        super().__init__(max_fen=max_fen, left_fen=left_fen)


class ClerkCapReached(Refused):
    """What one clerk may redeem for members in a day has a limit."""

    code = "clerk_cap_reached"

    def __init__(self, *, orders_max: int, points_max: int) -> None:
        super().__init__(orders_max=orders_max, points_max=points_max)


class RecipientIncomplete(Refused):
    """Something that is needed to fulfil the order was left out, or cannot be."""

    code = "recipient_incomplete"

    def __init__(self, *, needed: Sequence[str]) -> None:
        super().__init__(needed=list(needed))


class ConsentMissing(Refused):
    """The person to be insured must agree."""

    code = "consent_missing"


class OrderMovedOn(Conflict):
    """The order is in a state in which this cannot be done."""

    code = "order_moved_on"

    def __init__(self, *, order_ref: str, state: str) -> None:
        super().__init__(order_ref=order_ref, state=state)


class PartnerIsAsked(Conflict):
    """A partner is being asked about the order; what it answers comes first."""

    code = "partner_is_asked"

    def __init__(self, *, order_ref: str) -> None:
        super().__init__(order_ref=order_ref)


class NotReturnable(Refused):
    """What was ordered cannot be taken back."""

    code = "not_returnable"

    def __init__(self, *, order_ref: str) -> None:
        super().__init__(order_ref=order_ref)


class FreeLookOver(Refused):
    """The days in which the policy could be canceled are over."""

    code = "free_look_over"

    def __init__(self, *, until: str | None) -> None:
        super().__init__(until=until)


class ReturnTooLarge(Refused):
    """More would be given back than is left of the order."""

    code = "return_too_large"

    def __init__(self, *, quantity: int, left: int) -> None:
        super().__init__(quantity=quantity, left=left)


class ReviewTooEarly(Refused):
    """An order of this size waits a day before anybody may let it go."""

    code = "review_too_early"

    def __init__(self, *, not_before: datetime) -> None:
        super().__init__(not_before=not_before)


class OwnOrder(Refused):
    """Who took an order may not review it."""

    code = "own_order"


class NoteMissing(Refused):
    """Who decides about an order of this size says why."""

    code = "note_missing"


class NotInsurable(Refused):
    """The insurer does not take this person for this cover."""

    code = "not_insurable"

    def __init__(self) -> None:
        super().__init__()


class InsuredAge(NotInsurable):
    """The person to be insured is too young or too old for this cover."""

    code = "insured_age"


class InsuredAlready(NotInsurable):
    """The person to be insured has this cover already."""

    code = "insured_already"


class InsuredIdRefused(NotInsurable):
    """The insurer cannot read the identity number of the person to be insured."""

    code = "insured_id_refused"


class InsurerReviews(Refused):
    """A person at the insurer has to look at this first."""

    code = "insurer_reviews"

    def __init__(self) -> None:
        super().__init__()


class InsurerSilent(Unavailable):
    """The insurer did not answer; nothing was held."""

    code = "insurer_silent"

    def __init__(self) -> None:
        super().__init__()


class NoCertificate(Unavailable):
    """The certificate cannot be fetched from the insurer now."""

    code = "no_certificate"

    def __init__(self) -> None:
        super().__init__()

"""Why a rate cannot hold, or points cannot be exchanged."""

from collections.abc import Sequence
from datetime import date, datetime

from loyalty.errors import Conflict, Missing, Refused
from loyalty.settings import TIME_ZONE


class UnknownRateCard(Missing):
    """There is no such rate card."""

    code = "unknown_rate_card"

    def __init__(self, *, partner: str, direction: str, version: int | None) -> None:
        super().__init__(partner=partner, direction=direction, version=version)


class NoRate(Missing):
    """Nothing can be exchanged between these units today."""

    code = "no_rate"

    def __init__(self, *, partner: str, from_unit: str, to_unit: str) -> None:
        super().__init__(partner=partner, from_unit=from_unit, to_unit=to_unit)


class BadRateCard(Refused):
    """A rate card must make sense in every figure."""

    code = "bad_rate_card"

    def __init__(self, *, faults: Sequence[str]) -> None:
        super().__init__(faults=list(faults))


class RateTooSoon(Refused):
    """A rate holds from the day after its approval at the earliest."""

    code = "rate_too_soon"

    def __init__(self, *, valid_from: date, earliest: date) -> None:
        super().__init__(valid_from=valid_from, earliest=earliest)


class CycleGains(Refused):
    """Exchanging in a circle would make more of the same units."""

    code = "cycle_gains"

    def __init__(self, *, cycle: Sequence[str], gain: str, on: date) -> None:
        super().__init__(cycle=" → ".join(cycle), gain=gain, on=on)


class RateCardMovedOn(Conflict):
    """The rate card is in a state in which this cannot be done."""

    code = "rate_card_moved_on"

    def __init__(self, *, state: str) -> None:
        super().__init__(state=state)


class UnknownExchange(Missing):
    """The member has no such exchange."""

    code = "unknown_exchange"

    def __init__(self, *, exchange_ref: str) -> None:
        super().__init__(exchange_ref=exchange_ref)


class AccountNotLinked(Missing):
    """The account does not belong to this member."""

    code = "account_not_linked"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class AccountNotBound(Refused):
    """The name at this account is not known, or another account has taken its place."""

    code = "account_not_bound"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class AccountInUse(Conflict):
    """The account belongs to another member."""

    code = "account_in_use"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class BadAccountNumber(Refused):
    """The number cannot be one of this partner's."""

    code = "bad_account_number"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class NameDiffers(Refused):
    """The account is in another name; only one's own can be bound."""

    code = "name_differs"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class AccountBound(Conflict):
    """An account is bound to this partner already, and stays."""

    code = "account_bound"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class LinkMovedOn(Conflict):
    """The account is in a state in which this cannot be done."""

    code = "link_moved_on"

    def __init__(self, *, partner: str, state: str) -> None:
        super().__init__(partner=partner, state=state)


class PartnerRefReused(Conflict):
    """The partner's reference names another exchange already."""

    code = "reference_reused"

    def __init__(self, *, partner_ref: str) -> None:
        super().__init__(partner_ref=partner_ref)


class AmountTooSmall(Refused):
    """Too little to be exchanged."""

    code = "amount_too_small"

    def __init__(self, *, least: int) -> None:
        super().__init__(least=least)


class AmountTooLarge(Refused):
    """More than can be exchanged at once."""

    code = "amount_too_large"

    def __init__(self, *, most: int) -> None:
        super().__init__(most=most)


class BadQuote(Refused):
    """The quote is not one of ours."""

    code = "bad_quote"

    def __init__(self) -> None:
        super().__init__()


class QuoteExpired(Refused):
    """The quote no longer holds; another one is made at once."""

    code = "quote_expired"

    def __init__(self, *, expired_at: datetime) -> None:
        super().__init__(expired_at=expired_at.isoformat())


class RateChanged(Conflict):
    """The rate is no longer the one that was quoted."""

    code = "rate_changed"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class CapReached(Refused):
    """What may be exchanged in a day, a month or a year has a limit."""

    code = "exchange_cap_reached"

    def __init__(self, *, per: str, most: int, left: int) -> None:
        super().__init__(per=per, most=most, left=left)


class ExchangesReached(Refused):
    """Points go to partners once a day."""

    code = "exchanges_reached"

    def __init__(self, *, most: int) -> None:
        super().__init__(most=most)


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


class HasLeft(Refused):
    """Who has left the network exchanges nothing."""

    code = "has_left"


class PartnerHasTime(Refused):
    """The partner may still answer by itself; until then nobody answers for it."""

    code = "partner_has_time"

    def __init__(self, *, until: datetime) -> None:
        super().__init__(until=until.astimezone(TIME_ZONE))


class ExchangeFinal(Refused):
    """By its rate card an exchange is final once the partner has done it."""

    code = "exchange_final"

    def __init__(self, *, partner: str) -> None:
        super().__init__(partner=partner)


class ReversalUnderWay(Conflict):
    """The partner is being asked to take it back; its answer comes first."""

    code = "reversal_under_way"

    def __init__(self, *, exchange_ref: str) -> None:
        super().__init__(exchange_ref=exchange_ref)


class ExchangeMovedOn(Conflict):
    """The exchange is in a state in which this cannot be done."""

    code = "exchange_moved_on"

    def __init__(self, *, exchange_ref: str, state: str) -> None:
        super().__init__(exchange_ref=exchange_ref, state=state)

"""Whom a clerk serves: looked up, written down, and open to that clerk alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.formatting import masked_name
from blueprints.sessions import this_staff
from loyalty.access.queries import (
    member_of_number,
    signed_in_member,
)
from loyalty.clock import now
from loyalty.errors import Missing
from loyalty.linking.models import MemberValidation
from loyalty.linking.validating import validations_of
from loyalty.members.models import Subscription
from loyalty.members.queries import member_id_of, subscriptions
from loyalty.orders.queries import OrderLine, orders, orders_of_staff
from loyalty.orders.quotes import spendable
from loyalty.orders.rules import (
    CLERK_ORDERS_PER_DAY,
    CLERK_POINTS_PER_DAY,
    OVER_STATES,
)
from loyalty.tiers.queries import standing

_MSISDN_DIGITS_MIN = 5


_ORDERS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points that run out together."""

    points: int
    on: date


@dataclass(frozen=True, slots=True)
class Customer:
    """What a clerk sees of a member."""

    member_id: int
    member_ref: str
    served: str  # names the member in this clerk's addresses
    name: str  # masked
    tier: str | None  # None: none
    has_priority: bool  # serve first (domain.md C07)
    lines: list[Subscription]  # alive
    issuers: list[tuple[str, int]]  # what the points are, the largest part first
    expiring: Expiring | None  # None: nothing ever runs out
    recent: list[OrderLine]
    name_checks: Sequence[MemberValidation]  # by partners, the newest first
    has_left: bool


@dataclass(frozen=True, slots=True)
class Day:
    """What a clerk has redeemed for members today, and may at most."""

    orders: list[OrderLine]
    points: int
    orders_max: int = CLERK_ORDERS_PER_DAY
    points_max: int = CLERK_POINTS_PER_DAY

    @property
    def count(self) -> int:
        """How many were taken."""
        return len(self.orders)


def found_by(session: Session, words: str) -> int | None:
    """Return the member with a number or a reference; None: nobody."""
    if words.isdecimal() and len(words) >= _MSISDN_DIGITS_MIN:
        member_id = member_of_number(session, msisdn=words, at=now())
        if member_id is not None:
            return member_id
    return member_id_of(session, member_ref=words) if words else None


def shown_of(words: str) -> str:
    """Return what the audit trail keeps of what was looked up."""
    return f"***{words[-4:]}"


def seal(member_id: int) -> str:
    """Return what names a member in the addresses of this clerk alone."""
    return str(_serializer().dumps(member_id))


def served_member(served: str) -> int:
    """Return the member a clerk looked up.

    Raises `NotLookedUp` for an address that somebody else, or nobody, was given.
    """
    try:
        return int(_serializer().loads(served))
    except BadSignature as error:
        raise NotLookedUp from error


def _serializer() -> URLSafeSerializer:
    """Sign for this sign-in of this clerk alone: a page found later opens nothing."""
    return URLSafeSerializer(
        services().keyring.key("counter.served"), salt=this_staff().token_hash
    )


class NotLookedUp(Missing):
    """Look the member up first."""

    code = "not_looked_up"

    def __init__(self) -> None:
        super().__init__()


def customer_of(session: Session, member_id: int, served: str) -> Customer:
    """Return what a clerk sees of whoever was looked up."""
    on = now().date()
    known = signed_in_member(session, member_id)
    assert known is not None, "whoever was looked up is there"
    rung = standing(session, member_id=member_id, on=on)
    lots = spendable(session, member_id=member_id, on=on)
    parts: dict[str, int] = {}
    for lot in lots:
        parts[lot.issuer] = parts.get(lot.issuer, 0) + lot.units_left
    lines = [
        line
        for line in subscriptions(session, member_id=member_id)
        if line.ended_on is None
    ]
    return Customer(
        member_id=member_id,
        member_ref=known.member_ref,
        served=served,
        name=masked_name(known.name),
        tier=rung.tier,
        has_priority=rung.has_priority,
        lines=lines,
        issuers=sorted(parts.items(), key=lambda part: -part[1]),
        expiring=_next_to_expire(lots),
        recent=orders(session, member_id=member_id, limit=_ORDERS_SHOWN),
        name_checks=validations_of(session, member_id=member_id, limit=_ORDERS_SHOWN),
        has_left=not lines,
    )


def _next_to_expire(lots: Any) -> Expiring | None:
    """Return the points that run out first; lots come with the soonest first."""
    for last_good_day, group in groupby(lots, key=lambda lot: lot.expires_on):
        if last_good_day is not None:
            return Expiring(sum(lot.units_left for lot in group), last_good_day)
    return None


def day_of(session: Session) -> Day:
    """Return what this clerk has done today."""
    taken = orders_of_staff(session, staff_id=this_staff().staff_id, on=now().date())
    counted = [line for line in taken if line.state not in OVER_STATES]
    return Day(orders=counted, points=sum(line.points for line in counted))

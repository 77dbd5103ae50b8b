"""Every feed: its columns, what its total counts, whose its lines are, who books it.

To add a feed, describe it in `LAYOUTS` and name its booking in `BOOKINGS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from sqlalchemy.orm import Session

from loyalty.accrual.activities import book_activities
from loyalty.accrual.operations import (
    book_adjustments,
    book_bills,
    book_payments,
)
from loyalty.alliance.models import KINDS
from loyalty.alliance.operations import book_links, book_partners
from loyalty.churn.operations import book_events
from loyalty.feeds.kinds import (
    CATEGORY,
    CODE,
    CURRENCY,
    DAY,
    FEN,
    FOREVER,
    INSTANT,
    MONTH,
    MSISDN,
    REF,
    SIGNED,
    TEXT,
    WHOLE,
    Column,
    called,
    one_of,
    optional,
    required,
)
from loyalty.feeds.statements import book_statement
from loyalty.matching.rules import KIND_NAMES, STATUS_NAMES
from loyalty.members.models import BRANDS, EVENTS, NETWORKS, PAY_TYPES, REASONS
from loyalty.members.operations import book_subscribers
from loyalty.points.operations import book_opening
from loyalty.redemption.operations import book_redemptions

CHANNELS = ("web", "hall", "hotline", "manager", "club", "partner", "pos")
ACTIVITIES = ("card", "flight", "sale")


class Booking(Protocol):
    """Books the chunk in the temporary table `line`, and answers in `verdict`."""

    def __call__(self, session: Session, *, feed_file: int) -> None:
        """Leave a verdict for every line that was not booked just now."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the lines of a feed look like."""

    columns: tuple[Column, ...]
    total: str | None = None  # the column summed; None: the total is the rows
    # Whose a staged line `s` is, as SQL that is null where nobody is found; None:
    # lines depend on each other, and one worker books them in their order.
    member: str | None = None
    # Whether lines `s` share something that runs out, so that their order counts
    # across members too, as SQL; None: they never do.
    in_order: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that can be loaded."""

    name: str
    columns: tuple[Column, ...]
    total: str | None
    book: Booking
    member: str | None
    in_order: str | None = None


def _claimed(space: str, key: str) -> str:
    return f"(SELECT member_id FROM claim WHERE space = '{space}' AND key = {key})"


_ACCOUNT_OWNER = f"""
CASE WHEN (SELECT kind FROM partner p WHERE p.partner = s.partner)
          IN ('bank', 'airline')
     THEN {_claimed("account", "s.partner || '/' || s.account_ref")}
     WHEN (SELECT kind FROM partner p WHERE p.partner = s.partner)
          IN ('merchant', 'venue')
     THEN {_claimed("member", "s.account_ref")} END
"""

_BILLED_MEMBER = """
(SELECT u.member_id FROM subscription u
  WHERE u.msisdn = s.msisdn AND u.activated_on <= s.billed_on
  ORDER BY u.activated_on DESC, u.ended_on DESC NULLS FIRST LIMIT 1)
"""

_LATEST_HOLDER = """
(SELECT u.member_id FROM subscription u
  WHERE u.msisdn = s.msisdn
  ORDER BY u.activated_on DESC, u.ended_on DESC NULLS FIRST LIMIT 1)
"""

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "partners": Layout(required(partner=CODE, kind=one_of(KINDS), name=TEXT)),
        "subscribers": Layout(
            (
                *required(
                    member_ref=REF,
                    name=TEXT,
                    id_hash=REF,
                    msisdn=MSISDN,
                    network=one_of(NETWORKS),
                    brand=one_of(BRANDS),
                    pay_type=one_of(PAY_TYPES),
                    activated_on=DAY,
                ),
                *optional(
                    city=TEXT,
                    county=TEXT,
                    hall=TEXT,
                    group_ref=REF,
                    phone_contact=TEXT,
                    email=TEXT,
                ),
            )
        ),
        "links": Layout(
            required(partner=CODE, account_ref=REF, member_ref=REF, linked_on=DAY)
        ),
        "opening": Layout(
            (
                *required(
                    member_ref=REF,
                    unit=CODE,
                    points=WHOLE,
                    issuer=CODE,
                    earned_in=MONTH,
                ),
                Column("expires_on", DAY, empty=FOREVER),
            ),
            total="points",
            member=_claimed("member", "s.member_ref"),
        ),
        "bills": Layout(
            required(
                bill_ref=REF,
                msisdn=MSISDN,
                period=MONTH,
                billed_on=DAY,
                due_on=DAY,
                amount=FEN,
            ),
            total="amount",
            member=_BILLED_MEMBER,
        ),
        "payments": Layout(
            required(payment_ref=REF, bill_ref=REF, paid_on=DAY, amount=FEN),
            total="amount",
            member=_claimed("bill", "s.bill_ref"),
        ),
        "adjustments": Layout(
            required(adjustment_ref=REF, bill_ref=REF, adjusted_on=DAY, amount=FEN),
            total="amount",
            member=_claimed("bill", "s.bill_ref"),
        ),
        "activities": Layout(
            (
                *required(
                    partner_ref=REF,
                    partner=CODE,
                    account_ref=REF,
                    activity=one_of(ACTIVITIES),
                    occurred_on=DAY,
                    amount=FEN,
                    currency=CURRENCY,
                ),
                *optional(mcc=CATEGORY, original_ref=REF),
            ),
            total="amount",
            member=_ACCOUNT_OWNER,
            in_order="EXISTS (SELECT FROM accrual_billing b"
            " WHERE b.partner = s.partner)",
        ),
        "redemptions": Layout(
            required(
                redemption_ref=REF,
                member_ref=REF,
                item_code=CODE,
                quantity=WHOLE,
                channel=one_of(CHANNELS),
                occurred_at=INSTANT,
            ),
            total="quantity",
            member=_claimed("member", "s.member_ref"),
        ),
        "subscription-events": Layout(
            (
                *required(event_ref=REF, msisdn=MSISDN, event=one_of(EVENTS)),
                *optional(reason=one_of(REASONS)),
                *required(occurred_at=INSTANT),
            ),
            member=_LATEST_HOLDER,
        ),
        "partner-statement": Layout(
            (
                *required(partner_ref=REF),
                *optional(our_ref=REF),
                *required(kind=called(KIND_NAMES), occurred_on=DAY),
                Column("units", SIGNED, empty="0"),
                Column("amount", FEN),
                Column("status", called(STATUS_NAMES), empty="posted"),
            ),
            total="amount",
        ),
    }
)

BOOKINGS: Mapping[str, Booking] = MappingProxyType(
    {
        "partners": book_partners,
        "subscribers": book_subscribers,
        "links": book_links,
        "opening": book_opening,
        "bills": book_bills,
        "payments": book_payments,
        "adjustments": book_adjustments,
        "activities": book_activities,
        "redemptions": book_redemptions,
        "subscription-events": book_events,
        "partner-statement": book_statement,
    }
)

FEEDS: Mapping[str, Feed] = MappingProxyType(
    {
        name: Feed(
            name,
            layout.columns,
            layout.total,
            BOOKINGS[name],
            member=layout.member,
            in_order=layout.in_order,
        )
        for name, layout in LAYOUTS.items()
    }
)

"""Tables of orders: what was ordered, what happened to it, what it brought."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

STATES = (
    "awaiting_review",
    "awaiting_payment",
    "accepted",
    "in_progress",
    "fulfilled",
    "canceled",
    "failed",
    "returned",
)


class MemberOrder(Base):
    """Something a member ordered, at the prices and on the terms of that moment."""

    __tablename__ = "member_order"
    __table_args__ = (
        CheckConstraint("way IN ('points', 'points_cash', 'cash')", name="way_known"),
        CheckConstraint(
            f"state IN ({', '.join(repr(state) for state in STATES)})",
            name="state_known",
        ),
        CheckConstraint(
            "service_channel IN ('CLUB', 'RETENTION_WINDOW')",
            name="service_channel_known",
        ),
        CheckConstraint(
            "quantity > 0 AND points >= 0 AND cash_fen >= 0", name="buys_something"
        ),
        CheckConstraint(
            "returned_quantity BETWEEN 0 AND quantity", name="returns_what_it_has"
        ),
        Index(None, "state", "state_at"),
        Index(None, "member_id", "placed_at"),
        Index(None, "staff_id", "placed_at"),
        Index(None, "order_ref"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    order_ref: Mapped[str] = mapped_column(primary_key=True)
    item_code: Mapped[str] = mapped_column(ForeignKey("catalogue_item.item_code"))
    quantity: Mapped[int]
    way: Mapped[str]
    points: Mapped[int] = mapped_column(BigInteger)  # for all of it, as is all money
    cash_fen: Mapped[int] = mapped_column(BigInteger)
    settlement_fen: Mapped[int] = mapped_column(BigInteger)
    partner: Mapped[str | None]  # None: our own product
    cost_treatment: Mapped[str]
    account: Mapped[str]
    fulfilment: Mapped[str]
    code_source: Mapped[str]
    valid_days: Mapped[int]
    term_months: Mapped[int | None]  # None: no insurance
    free_look_days: Mapped[int]
    channel: Mapped[str]
    service_channel: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.staff_id"))
    tier: Mapped[str | None]  # None: the member had none
    recipient: Mapped[bytes | None]  # sealed; None: goes to nobody in particular
    recipient_hint: Mapped[str | None]  # masked
    content: Mapped[UUID]  # keyed hash of what was asked: a replay has the same
    state: Mapped[str]
    state_at: Mapped[datetime]
    placed_at: Mapped[datetime]
    held_by: Mapped[UUID | None]  # the entry; None: no points are set aside
    redeemed_by: Mapped[UUID | None]  # the entry; None: no points have left
    returned_quantity: Mapped[int] = mapped_column(server_default=text("0"))


class _OfOrder:
    """A row that belongs to an order, and knows which."""

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    order_ref: Mapped[str] = mapped_column(primary_key=True)


def _of_order() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["member_id", "order_ref"], ["member_order.member_id", "member_order.order_ref"]
    )


class OrderEvent(_OfOrder, Base):
    """Something that happened to an order; only ever added to."""

    __tablename__ = "order_event"
    __table_args__ = (_of_order(),)

    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]  # None: it went as it should


class OrderAttempt(_OfOrder, Base):
    """One question put to a partner, and its answer."""

    __tablename__ = "order_attempt"
    __table_args__ = (_of_order(),)

    attempt_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    what: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # None: under way, or we were killed
    outcome: Mapped[str | None]  # None: as above
    detail: Mapped[str | None]  # None: nothing to explain


class Delivery(_OfOrder, Base):
    """A parcel on its way."""

    __tablename__ = "delivery"
    __table_args__ = (
        _of_order(),
        CheckConstraint(
            "state IN ('packing', 'shipped', 'delivered', 'lost', 'sent_back')",
            name="state_known",
        ),
        CheckConstraint(
            "state = 'packing' OR (carrier IS NOT NULL AND tracking_no IS NOT NULL)",
            name="can_be_traced",
        ),
        Index(None, "tracking_no"),
    )

    state: Mapped[str]
    carrier: Mapped[str | None]  # None: not handed over yet
    tracking_no: Mapped[str | None]  # None: as above
    state_at: Mapped[datetime]


class Policy(_OfOrder, Base):
    """An insurance policy that an order brought."""

    __tablename__ = "policy"
    __table_args__ = (_of_order(),)

    insurer: Mapped[str]
    policy_no: Mapped[str]
    issued_on: Mapped[date]
    covered_until: Mapped[date]  # the last day of cover
    free_look_until: Mapped[date | None]  # the last day; None: has no free look
    canceled_on: Mapped[date | None]  # None: it stands


class InsurerQuestion(Base):
    """A question whether somebody can be insured, and its answer; never about whom."""

    __tablename__ = "insurer_question"

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_code: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # None: no answer was written down
    outcome: Mapped[str | None]  # None: as above
    detail: Mapped[str | None]  # None: nothing to explain


class Booking(_OfOrder, Base):
    """Places at a venue on a day."""

    __tablename__ = "booking"
    __table_args__ = (
        _of_order(),
        CheckConstraint(
            "state IN ('booked', 'attended', 'missed', 'canceled')", name="state_known"
        ),
    )

    venue: Mapped[str]
    on_day: Mapped[date]
    places: Mapped[int]
    state: Mapped[str]
    state_at: Mapped[datetime]


class PrepaidCredit(_OfOrder, Base):
    """Money paid in advance, on its way to a line's prepaid balance."""

    __tablename__ = "prepaid_credit"
    __table_args__ = (
        _of_order(),
        CheckConstraint(
            "state IN ('asked', 'credited', 'refused', 'dropped', 'taken_back',"
            " 'kept')",
            name="state_known",
        ),
    )

    msisdn: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    # dropped: never credited; kept: could not be taken back, so it stays the member's
    state: Mapped[str]
    state_at: Mapped[datetime]

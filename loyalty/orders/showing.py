"""Read one order, with all that happened to it and all it brought."""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item
from loyalty.orders.errors import (
    UnknownOrder,
)
from loyalty.orders.rules import (
    OPEN_STATES,
    REVIEW_AFTER,
    Standing,
    Way,
    cancel_refusal,
    returnable,
)
from loyalty.payments.queries import payments_for, refunds_of


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened to an order."""

    state: str
    at: datetime
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One question to a partner, and its answer."""

    what: str
    asked_at: datetime
    answered_at: datetime | None
    outcome: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class VoucherView:
    """A voucher of an order; `vouchers.operations.reveal` opens its code."""

    voucher_id: UUID
    code_sealed: bytes
    code_tail: str
    state: str
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Where a parcel is."""

    state: str
    carrier: str | None
    tracking_no: str | None
    state_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy that an order brought."""

    insurer: str
    policy_no: str
    issued_on: date
    covered_until: date
    free_look_until: date | None
    canceled_on: date | None


@dataclass(frozen=True, slots=True)
class BookingView:
    """Places that an order booked."""

    venue: str
    on_day: date
    places: int
    state: str


@dataclass(frozen=True, slots=True)
class PaymentView:
    """The payment of an order."""

    payment_ref: str
    amount_fen: int
    state: str  # asked, open, succeeded or expired
    url: str | None  # of the hosted page; None: it was not opened yet
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefundView:
    """Money of an order that goes back."""

    refund_ref: str
    amount_fen: int
    state: str  # asked, succeeded or failed
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class PrepaidView:
    """Money of an order that became prepaid balance."""

    msisdn: str
    amount_fen: int
    state: str


V = TypeVar("V", DeliveryView, PolicyView, BookingView, PrepaidView)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with all that happened to it and all it brought."""

    member_id: int
    order_ref: str
    item: Item
    quantity: int
    way: Way
    points: int
    cash_fen: int
    settlement_fen: int
    partner: str | None
    fulfilment: str
    channel: str
    service_channel: str
    staff_id: int | None
    tier: str | None
    recipient_hint: str | None
    state: str
    state_at: datetime
    placed_at: datetime
    returned_quantity: int
    events: list[EventView]
    attempts: list[AttemptView]
    vouchers: list[VoucherView]  # none before the order is fulfilled
    delivery: DeliveryView | None
    policy: PolicyView | None
    booking: BookingView | None
    payment: PaymentView | None
    refunds: list[RefundView]
    prepaid: PrepaidView | None
    may_cancel: bool
    may_return: int  # how many pieces the member could give back apart from the rest
    may_take_back: int  # how many pieces a clerk could

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in OPEN_STATES

    @property
    def review_not_before(self) -> datetime:
        """When a large order may be let go at the earliest."""
        return self.placed_at + REVIEW_AFTER


def order(
    session: Session, *, member_id: int, order_ref: str, on: date | None = None
) -> OrderView:
    """Return an order with all that happened to it.

    `on` is the day for which `may_cancel` is asked; None: whether a free look or a
    booking is over is left to `operations.cancel`. Raises `UnknownOrder`.
    """
    key: dict[str, object] = {"member": member_id, "ref": order_ref}
    row = session.execute(
        text(
            "SELECT * FROM member_order WHERE member_id = :member AND order_ref = :ref"
        ),
        key,
    ).one_or_none()
    if row is None:
        raise UnknownOrder(order_ref=order_ref)
    payment = _payment(session, member_id, order_ref)
    shown = OrderView(
        item=catalogue_item(session, row.item_code),
        events=[
            EventView(**event)
            for event in _rows(
                session, "state, at, actor, reason", "order_event", key, "nth"
            )
        ],
        attempts=[
            AttemptView(**attempt)
            for attempt in _rows(
                session,
                "what, asked_at, answered_at, outcome, detail",
                "order_attempt",
                key,
                "attempt_no",
            )
        ],
        vouchers=_vouchers(session, key),
        delivery=_one(session, DeliveryView, "delivery", key),
        policy=_one(session, PolicyView, "policy", key),
        booking=_one(session, BookingView, "booking", key),
        payment=payment,
        refunds=_refunds(session, member_id, payment),
        prepaid=_one(session, PrepaidView, "prepaid_credit", key),
        may_cancel=False,
        may_return=0,
        may_take_back=0,
        **_facts(row),
    )
    return _with_choices(shown, row.code_source, on)


def _facts(row: Row[Any]) -> dict[str, Any]:
    """Return what a row of the table says of itself in an `OrderView`."""
    known = OrderView.__dataclass_fields__
    facts = {name: value for name, value in row._mapping.items() if name in known}  # noqa: SLF001 - SQLAlchemy's public name
    return facts | {"way": Way(row.way)}


def _with_choices(shown: OrderView, code_source: str, on: date | None) -> OrderView:
    """Add what the member, or a clerk for the member, may do now."""
    standing = Standing(
        state=shown.state,
        fulfilment=shown.fulfilment,
        code_source=code_source,
        left=shown.quantity - shown.returned_quantity,
        unused=sum(
            voucher.state == "issued"
            and (on is None or voucher.valid_until is None or voucher.valid_until >= on)
            for voucher in shown.vouchers
        ),
        is_asked=bool(shown.attempts),
        free_look_until=shown.policy.free_look_until if shown.policy else None,
        booked_for=shown.booking.on_day if shown.booking else None,
    )
    return replace(
        shown,
        may_cancel=cancel_refusal(standing, by_member=True, on=on) is None,
        may_return=returnable(standing, by_member=True),
        may_take_back=returnable(standing, by_member=False),
    )


def _rows(
    session: Session, columns: str, table: str, key: dict[str, object], order_by: str
) -> list[dict[str, Any]]:
    found = session.execute(
        text(
            f"SELECT {columns} FROM {table} WHERE member_id = :member"
            f" AND order_ref = :ref ORDER BY {order_by}"
        ),
        key,
    )
    return [dict(row) for row in found.mappings()]


def _one(
    session: Session, view: type[V], table: str, key: dict[str, object]
) -> V | None:
    """Return the only row of an order in a table; None: there is none."""
    columns = ", ".join(one.name for one in fields(view))
    found = _rows(session, columns, table, key, "order_ref")
    return view(**found[0]) if found else None


def _vouchers(session: Session, key: dict[str, object]) -> list[VoucherView]:
    """Return the vouchers that are the member's, not those set aside for later."""
    found = _rows(
        session,
        "voucher_id, code_sealed, code_tail, state, valid_until",
        "voucher",
        key,
        "voucher_id",
    )
    return [VoucherView(**row) for row in found if row["state"] != "reserved"]


def _payment(session: Session, member_id: int, order_ref: str) -> PaymentView | None:
    asked = payments_for(
        session, member_id=member_id, purpose="order", purpose_ref=order_ref
    )
    if not asked:
        return None
    return PaymentView(
        payment_ref=asked[0].payment_ref,
        amount_fen=asked[0].amount_fen,
        state=asked[0].state,
        url=asked[0].url,
        expires_at=asked[0].expires_at,
    )


def _refunds(
    session: Session, member_id: int, payment: PaymentView | None
) -> list[RefundView]:
    if payment is None:
        return []
    return [
        RefundView(
            refund_ref=refund.refund_ref,
            amount_fen=refund.amount_fen,
            state=refund.state,
            reason=refund.reason,
            asked_at=refund.asked_at,
        )
        for refund in refunds_of(
            session, member_id=member_id, payment_ref=payment.payment_ref
        )
    ]

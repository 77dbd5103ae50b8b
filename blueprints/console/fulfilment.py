"""What waits for hands: parcels, places, large orders, and what is stuck."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.formatting import masked_name
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.web.shop import partner_names
from blueprints.wording import say
from loyalty.access.queries import numbers_of, signed_in_member
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.orders import delivery, operations
from loyalty.orders.queries import OrderLine, WorkQueues, search
from loyalty.orders.queries import work_queues as queues_of
from loyalty.orders.rules import Recipient
from loyalty.orders.showing import OrderView, order
from loyalty.staff.queries import names as staff_names
from loyalty.staff.rules import Permission

_SEARCH_LENGTH_MAX = 64
QUEUES = ("pack", "sent", "bookings", "stuck")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done to an order from its page."""

    permission: Permission
    action: str  # as the audit trail calls it
    do: Callable[..., OrderView]
    fields: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


# By the name of the button that was pressed.
STEPS: Mapping[str, Step] = {
    "ship": Step(
        Permission.FULFIL,
        "order.shipped",
        operations.ship,
        ("carrier", "tracking_no"),
    ),
    "deliver": Step(Permission.FULFIL, "order.delivered", operations.deliver),
    "lose": Step(Permission.FULFIL, "order.lost", operations.lose),
    "send_back": Step(Permission.FULFIL, "order.sent_back", operations.send_back),
    "attend": Step(Permission.FULFIL, "order.attended", operations.attend),
    "miss": Step(Permission.FULFIL, "order.missed", operations.miss),
}
REVIEWS: Mapping[str, Step] = {
    "release": Step(
        Permission.REVIEW, "order.released", operations.release_review, ("note",)
    ),
    "decline": Step(
        Permission.REVIEW, "order.declined", operations.decline_review, ("note",)
    ),
}


@bp.get("/fulfilment")
@requires(Permission.FULFIL)
def fulfilment() -> ResponseReturnValue:
    """Show what waits, the oldest first; a search finds any order."""
    return _list(place="console.fulfilment", detail="console.fulfil_order")


@bp.get("/fulfilment/<int:member_id>/<order_ref>")
@requires(Permission.FULFIL)
def fulfil_order(member_id: int, order_ref: str) -> ResponseReturnValue:
    """Show an order to whoever packs it: the address too, which is written down."""
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        recipient = None
        if shown.fulfilment == "DELIVERY" and shown.state == "accepted":
            recipient = operations.open_recipient(
                session,
                member_id=member_id,
                order_ref=order_ref,
                keyring=services().keyring,
            )
            note(session, action="order.address_read", object_=f"order:{order_ref}")
        return _page(session, shown, place="console.fulfilment", recipient=recipient)


@bp.post("/fulfilment/<int:member_id>/<order_ref>")
@requires(Permission.FULFIL)
def fulfil_step(member_id: int, order_ref: str) -> ResponseReturnValue:
    """Take an order a step on."""
    return _take_step(
        STEPS, member_id, order_ref, back="console.fulfil_order", actor=_actor()
    )


@bp.get("/reviews")
@requires(Permission.REVIEW)
def reviews() -> ResponseReturnValue:
    """Show large orders that a supervisor lets go, a day after they were placed."""
    with services().database.unit_of_work() as session:
        waiting = queues_of(session, at=now()).reviews
    return render_template("console/fulfilment/reviews.html", orders=waiting, at=now())


@bp.get("/reviews/<int:member_id>/<order_ref>")
@requires(Permission.REVIEW)
def review_order(member_id: int, order_ref: str) -> ResponseReturnValue:
    """Show a large order with the number to call back, which is written down."""
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        numbers = numbers_of(session, member_id=member_id, at=now())
        note(session, action="order.number_read", object_=f"order:{order_ref}")
        return _page(
            session,
            shown,
            place="console.reviews",
            number=numbers[0] if numbers else None,
        )


@bp.post("/reviews/<int:member_id>/<order_ref>")
@requires(Permission.REVIEW)
def review_step(member_id: int, order_ref: str) -> ResponseReturnValue:
    """Let a large order go, or refuse it, saying what the call back brought."""
    return _take_step(
        REVIEWS,
        member_id,
        order_ref,
        back="console.review_order",
        staff_id=this_staff().staff_id,
    )


@bp.get("/orders")
@requires(Permission.READ)
def all_orders() -> ResponseReturnValue:
    """Show what is under way to those who read everything and change nothing."""
    return _list(place="console.all_orders", detail="console.read_order")


@bp.get("/orders/<int:member_id>/<order_ref>")
@requires(Permission.READ)
def read_order(member_id: int, order_ref: str) -> ResponseReturnValue:
    """Show an order with every attempt and event."""
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        return _page(session, shown, place="console.all_orders")


def _list(*, place: str, detail: str) -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:_SEARCH_LENGTH_MAX]
    asked = request.args.get("queue")
    queue = asked if asked in QUEUES else QUEUES[0]
    with services().database.unit_of_work() as session:
        lanes = _lanes(queues_of(session, at=now()))
        found = search(session, words=words, at=now()) if words else lanes[queue]
    return render_template(
        "console/fulfilment/list.html",
        place=place,
        detail=detail,
        orders=found,
        counts={name: len(lane) for name, lane in lanes.items()},
        queue=None if words else queue,
        words=words,
    )


def _lanes(waiting: WorkQueues) -> dict[str, list[OrderLine]]:
    """Return what waits, by what is to be done about it."""
    return {
        "pack": [one for one in waiting.deliveries if one.state == "accepted"],
        "sent": [one for one in waiting.deliveries if one.state == "in_progress"],
        "bookings": waiting.bookings,
        "stuck": waiting.stuck,
    }


def _take_step(
    steps: Mapping[str, Step],
    member_id: int,
    order_ref: str,
    *,
    back: str,
    **who: Any,
) -> ResponseReturnValue:
    """Take a step, write it down with it, then ask whoever has to be asked."""
    step = steps.get(request.form.get("step", ""))
    here = redirect(url_for(back, member_id=member_id, order_ref=order_ref), 303)
    if step is None:
        return here
    said = {name: request.form.get(name, "").strip() for name in step.fields}
    try:
        with services().database.unit_of_work() as session:
            before = order(session, member_id=member_id, order_ref=order_ref)
            after = step.do(
                session,
                member_id=member_id,
                order_ref=order_ref,
                at=now(),
                **said,
                **who,
            )
            note(
                session,
                action=step.action,
                object_=f"order:{order_ref}",
                before={"state": before.state},
                after={"state": after.state, **said},
                reason=said.get("note"),
            )
    except LoyaltyError as error:
        flash(say(error), "harm")
        return here
    delivery.advance(
        services().database,
        services().connections,
        services().keyring,
        member_id=member_id,
        order_ref=order_ref,
        at=now(),
    )
    flash(speak("已记录。", "Done."), "done")
    return here


def _actor() -> str:
    return f"staff:{this_staff().staff_id}"


def _page(
    session: Session,
    shown: OrderView,
    *,
    place: str,
    recipient: Recipient | None = None,
    number: str | None = None,
) -> str:
    known = signed_in_member(session, shown.member_id)
    return render_template(
        "console/fulfilment/order.html",
        place=place,
        order=shown,
        member_ref=known.member_ref if known else "",
        name=masked_name(known.name if known else ""),
        recipient=recipient,
        number=number,
        at=now(),
        names=partner_names(session),
        people=staff_names(session),
    )

"""Checkout: one page that shows what will happen, asks what is needed, and does it.

The prices on the page come back with its form: one that has changed meanwhile is
shown before anything happens. A form that is sent again, by a second click, from
another tab or after a lost answer, is answered with the order it placed.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from flask import (
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.formatting import msisdn as masked
from blueprints.formatting import yuan
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.orders import go_on, to_order
from blueprints.web.recipients import FIELDS, asked_of, read
from blueprints.web.shop import CHANNEL, partner_names, takes_money
from blueprints.wording import say, words_for
from loyalty.access.errors import CoolingDown
from loyalty.access.operations import verified
from loyalty.access.passkeys import passkeys
from loyalty.access.queries import guard
from loyalty.access.rules import BOUND_POINTS_MAX, CODE_MINUTES, Level, is_fresh
from loyalty.catalogue.errors import UnknownItem
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.orders.eligibility import Insured, check_insurable
from loyalty.orders.errors import (
    GateClosed,
    NotAMember,
    OrderRefReused,
    PointsMissing,
    PriceChanged,
    RecipientIncomplete,
    SpendLocked,
    UnknownOrder,
    WayNotOffered,
)
from loyalty.orders.operations import place
from loyalty.orders.queries import OrderLine, orders
from loyalty.orders.quotes import Quote, lines_of, quote
from loyalty.orders.rules import (
    QUANTITY_MAX,
    Recipient,
    Way,
    binding,
    recipient_faults,
    recipient_hint,
)
from loyalty.orders.shelf import OPEN_GATE
from loyalty.orders.showing import OrderView, order

_CHOICES_MAX: Final = 10  # more of one thing at once is nothing for a small form
_TYPED_LENGTH_MAX: Final = 300
_JUST_NOW: Final = timedelta(minutes=10)
_AMOUNT = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page asks for, and what was typed into it."""

    item_code: str
    way: str
    quantity: int
    order_ref: str = ""  # "": to be named when the page is drawn
    expected: tuple[int, int] = (-1, -1)  # points and fen shown; -1: none were
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says about a wish that was not carried out."""

    faults: Mapping[str, str] = field(default_factory=dict)  # codes of sentences
    refusal: str | None = None  # None: nothing was refused
    first_ref: str | None = None  # None: this page has placed no order yet
    sent_to: str | None = None  # None: no code was sent just now


@dataclass(frozen=True, slots=True)
class Standing:
    """How a wish stands now: its price, whom it is for, and what it is bound to."""

    quote: Quote
    asked: tuple[str, ...]
    lines: tuple[str, ...]  # the member's own, alive
    recipient: Recipient | None
    faults: Mapping[str, str]
    bound: str
    is_confirmed: bool


@bp.get("/catalogue/<item_code>/checkout")
@member_required
def checkout(item_code: str) -> ResponseReturnValue:
    """Show what it comes to, and ask for what is needed."""
    way = request.args.get("way", Way.POINTS.value)
    try:
        return _draw(Wish(item_code, way, _quantity(request.args.get("quantity"))))
    except WayNotOffered as error:
        return _back_to_item(item_code, error)


@bp.post("/catalogue/<item_code>/checkout")
@member_required
def place_order(item_code: str) -> ResponseReturnValue:
    """Place the order, or draw the page again with what is missing."""
    wish, act = _wish(item_code), request.form.get("act")
    try:
        if act == "update":
            return _draw(wish)
        return _send(wish) if act == "send" else _place(wish)
    except (NotAMember, UnknownItem):
        raise
    except WayNotOffered as error:
        return _back_to_item(item_code, error)
    except OrderRefReused as error:
        again = replace(wish, order_ref="")
        return _draw(again, Answer(refusal=say(error), first_ref=wish.order_ref))
    except RecipientIncomplete as error:
        return _draw(wish, _incomplete(error.facts["needed"]))
    except LoyaltyError as error:
        return _draw(wish, Answer(refusal=say(error)))


def _send(wish: Wish) -> ResponseReturnValue:
    """Send the code that confirms exactly this order."""
    stands = _standing(wish)
    if stands.faults:
        return _draw(wish, Answer(faults=stands.faults))
    _check_insurable(stands)
    item = stands.quote.item
    sent_to = confirming.send(
        member_id=this_member().member_id,
        bound=stands.bound,
        chinese=f"兑换“{item.title_zh}”（{_price(stands.quote, '积分')}）",
        english=f"redeeming {item.title_en} ({_price(stands.quote, 'points')})",
    )
    return _draw(wish, Answer(sent_to=sent_to))


def _place(wish: Wish) -> ResponseReturnValue:
    """Place the order, once it is known to be wanted as it is and by whom."""
    who, at, stands = this_member(), now(), _standing(wish)
    if _is_placed(wish):
        # Sent before: the first order is the answer, or it was for something else.
        if stands.faults:
            raise OrderRefReused(order_ref=wish.order_ref)
        return to_order(_order(wish, stands, fresh_at=at, at=at))
    if stands.faults:
        return _draw(wish, Answer(faults=stands.faults))
    offered = stands.quote
    if (offered.points, offered.cash_fen) != wish.expected:
        raise PriceChanged(points=offered.points, cash_fen=offered.cash_fen)
    _check_insurable(stands)
    fresh_at = who.fresh_at
    if _needs_code(offered, fresh_at, at):
        if not stands.is_confirmed and not confirming.accept(
            member_id=who.member_id, bound=stands.bound
        ):
            is_typed = bool(request.form.get("code", "").strip())
            fault = "code_wrong" if is_typed else "code_needed"
            return _draw(wish, Answer(faults={"code": fault}, sent_to=_sent_to()))
        fresh_at = at  # who confirms this very order is here now
    return to_order(_order(wish, stands, fresh_at=fresh_at, at=at))


def _check_insurable(stands: Standing) -> None:
    """Ask the insurer before a code is asked for, or anything is held."""
    kit = services()
    check_insurable(
        kit.database,
        kit.connections.underwriter,
        Insured(this_member().member_id, stands.quote.item, stands.recipient),
        at=now(),
    )


def _order(
    wish: Wish, stands: Standing, *, fresh_at: datetime, at: datetime
) -> OrderView:
    """Place the order; what partners do for it begins after the commit."""
    kit, member_id = services(), this_member().member_id
    placed = retrying(
        kit.database,
        lambda session: place(
            session,
            member_id=member_id,
            order_ref=wish.order_ref,
            item_code=wish.item_code,
            quantity=wish.quantity,
            way=wish.way,
            channel=CHANNEL,
            recipient=stands.recipient,
            staff_id=None,
            fresh_at=fresh_at,
            expected_points=wish.expected[0],
            expected_cash_fen=wish.expected[1],
            keyring=kit.keyring,
            at=at,
        ),
    )
    return go_on(placed.order)


def _draw(wish: Wish, answer: Answer | None = None) -> ResponseReturnValue:
    """Draw the page as things stand now; what was typed is still there."""
    answer, who, at = answer or Answer(), this_member(), now()
    with services().database.unit_of_work() as session:
        latest = orders(session, member_id=who.member_id, limit=1)
    if not wish.order_ref:
        wish = replace(wish, order_ref=_next_ref(wish.item_code, latest))
    stands = _standing(wish)
    offered, item = stands.quote, stands.quote.item
    with services().database.unit_of_work() as session:
        obstacle = _obstacle(session, stands)
        page: dict[str, Any] = {
            "names": partner_names(session),
            "obstacle": say(obstacle) if obstacle else None,
            "has_passkey": bool(
                passkeys(session, owner="member", owner_id=who.member_id)
            ),
        }
    # Who has just ordered, goes back and finds the page ready again is told so.
    recent = [
        line
        for line in latest
        if line.item_code == item.item_code and at - line.placed_at < _JUST_NOW
    ]
    needs_code = not stands.is_confirmed and _needs_code(offered, who.fresh_at, at)
    page |= {
        "wish": wish,
        "quote": offered,
        "asked": stands.asked,
        "typed": _prefilled(wish, stands),
        "lines": [(line, masked(line)) for line in stands.lines],
        "quantities": _quantities(item, wish.quantity),
        "faults": {name: words_for(code, {}) for name, code in answer.faults.items()},
        "refusal": answer.refusal,
        "first_ref": answer.first_ref,
        "sent_to": answer.sent_to,
        "recent": recent[0] if recent else None,
        "needs_code": needs_code,
        "is_confirmed": stands.is_confirmed,
        "is_whole": not stands.faults,
        "bound": stands.bound,
        "review_points": BOUND_POINTS_MAX if offered.level >= Level.REVIEWED else None,
        "today": at.date(),
        "code_minutes": CODE_MINUTES,
    }
    status = 422 if answer.faults or answer.refusal else 200
    response = make_response(render_template("web/checkout.html", **page), status)
    # Kept by the browser for its back button, so that what was typed and the order's
    # name come back with it; by nobody else.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _obstacle(session: Session, stands: Standing) -> LoyaltyError | None:
    """Return what keeps the order from being placed, known before it is tried."""
    offered = stands.quote
    keeps = guard(session, this_member().member_id)
    until = keeps.cool_down_until
    if offered.gate != OPEN_GATE and offered.points:
        return GateClosed(gate=offered.gate)
    if offered.missing:
        return PointsMissing(needed=offered.points, available=offered.available)
    if keeps.spend_locked_at is not None:
        return SpendLocked()
    if offered.level >= Level.BOUND and until is not None and until > now():
        return CoolingDown(until=until)
    return None


def _standing(wish: Wish) -> Standing:
    """Return how a wish stands now.

    A way that is not offered to this member falls back to points alone.
    """
    who, at = this_member(), now()
    with services().database.unit_of_work() as session:
        shown = catalogue_item(session, wish.item_code)
        if shown.state in ("draft", "approved"):
            raise UnknownItem(item_code=wish.item_code)
        offered = quote(
            session,
            member_id=who.member_id,
            item_code=wish.item_code,
            quantity=wish.quantity,
            way=wish.way,
            channel=CHANNEL,
            on=at.date(),
        )
        if offered.cash_fen and not takes_money():
            raise WayNotOffered(way=wish.way)
        lines = tuple(lines_of(session, member_id=who.member_id))
        asked = asked_of(offered.item, way=wish.way)
        recipient, faults = read(wish.typed, asked=asked, lines=lines)
        if not faults:
            late = recipient_faults(
                recipient, fulfilment=offered.item.fulfilment, on=at.date()
            )
            faults = dict.fromkeys(late, "day_unlikely")
        bound = binding(
            order_ref=wish.order_ref or "",
            item_code=wish.item_code,
            quantity=wish.quantity,
            way=wish.way,
            points=offered.points,
            cash_fen=offered.cash_fen,
            recipient_hint=recipient_hint(recipient),
        )
        is_confirmed = verified(
            session, member_id=who.member_id, purpose="confirm", bound=bound, at=at
        )
    return Standing(offered, asked, lines, recipient, faults, bound, is_confirmed)


def _is_placed(wish: Wish) -> bool:
    with services().database.unit_of_work() as session, suppress(UnknownOrder):
        order(session, member_id=this_member().member_id, order_ref=wish.order_ref)
        return True
    return False


def _needs_code(offered: Quote, fresh_at: datetime, at: datetime) -> bool:
    """Tell whether the member has to show once more who it is (domain.md 4.3)."""
    if offered.level >= Level.BOUND:
        return True
    return not is_fresh(fresh_at, at=at)


def _next_ref(item_code: str, latest: Sequence[OrderLine]) -> str:
    """Return the name of a member's next order of an item.

    It changes with every order the member places and with nothing else, so that the
    same page in two tabs, or drawn again after a lost answer, names one order.
    """
    before = latest[0].order_ref if latest else "none"
    named = f"{this_member().member_id}|{item_code}|{before}"
    return services().keyring.digest("order.next", named).hex()[:32]


def _prefilled(wish: Wish, stands: Standing) -> Mapping[str, str]:
    """Return what stands in the fields: what was typed, else what we know anyway."""
    if wish.typed:
        return wish.typed
    line = stands.lines[0] if stands.lines else ""
    name = this_member().name
    return {"name": name, "insured_name": name, "phone": line, "msisdn": line}


def _quantities(item: Item, chosen: int) -> list[tuple[int, str]]:
    most = min(
        1 if item.fulfilment == "CLUB" else _CHOICES_MAX,
        item.limit_count or _CHOICES_MAX,
        _CHOICES_MAX if item.stock_left is None else max(item.stock_left, 1),
    )
    return [(n, str(n)) for n in sorted({*range(1, most + 1), chosen})]


def _price(offered: Quote, unit: str) -> str:
    asks = [f"{offered.points:,} {unit}"] if offered.points else []
    asks += [yuan(offered.cash_fen)] if offered.cash_fen else []
    return " + ".join(asks) or f"0 {unit}"


def _wish(item_code: str) -> Wish:
    """Return what the form says; figures that are none are taken for nothing."""
    form = request.form
    expected = [form.get(name, "") for name in ("expected_points", "expected_cash_fen")]
    shown = [int(said) if _AMOUNT.fullmatch(said) else -1 for said in expected]
    return Wish(
        item_code=item_code,
        way=form.get("way", Way.POINTS.value),
        quantity=_quantity(form.get("quantity")),
        order_ref=form.get("order_ref", ""),
        expected=(shown[0], shown[1]),
        typed={
            name: said[:_TYPED_LENGTH_MAX]
            for name, said in form.items()
            if name in FIELDS
        },
    )


def _quantity(said: str | None) -> int:
    quantity = int(said) if said and _AMOUNT.fullmatch(said) else 1
    return quantity if 1 <= quantity <= QUANTITY_MAX else 1


def _incomplete(needed: object) -> Answer:
    assert isinstance(needed, list)
    return Answer(faults=dict.fromkeys(needed, "field_needed"))


def _sent_to() -> str | None:
    """Return to which number the page said a code was sent, masked already."""
    return request.form.get("sent_to", "")[:20] or None


def _back_to_item(item_code: str, error: LoyaltyError) -> Response:
    flash(say(error), "warm")
    return cast("Response", redirect(url_for("web.item", item_code=item_code), 303))

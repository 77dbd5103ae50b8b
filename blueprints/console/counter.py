"""Serve a member at a counter or on the hotline (domain.md A06, C07, E03 to E05).

Three steps for a customer: find the member, which is written down; offer something
with its script and send the member a code; take the code. A page about a member is
open only to whoever looked the member up, for as long as they are signed in.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any
from uuid import uuid4

import segno
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.formatting import masked_name, yuan
from blueprints.formatting import points as points_words
from blueprints.language import language, speak
from blueprints.sessions import requires, this_staff
from blueprints.web.recipients import asked_of, read
from blueprints.web.shop import partner_names
from blueprints.wording import say, term, words_for
from loyalty.access.queries import (
    language_of,
    member_of_number,
    numbers_of,
    signed_in_member,
)
from loyalty.catalogue.rules import WhyNot
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.members.models import Subscription
from loyalty.members.queries import member_id_of, subscriptions
from loyalty.orders import delivery, operations
from loyalty.orders.eligibility import Insured, check_insurable
from loyalty.orders.errors import PointsMissing, UnknownOrder
from loyalty.orders.queries import OrderLine, orders, orders_of_staff
from loyalty.orders.quotes import Quote, quote, spendable
from loyalty.orders.rules import (
    CLERK_ORDERS_PER_DAY,
    CLERK_POINTS_PER_DAY,
    OVER_STATES,
    QUANTITY_MAX,
    Recipient,
    Way,
    binding,
    recipient_hint,
)
from loyalty.orders.shelf import OPEN_GATE, Shelf, shelf
from loyalty.orders.showing import OrderView, order
from loyalty.payments.delivery import Urls
from loyalty.staff.rules import Permission
from loyalty.tiers.queries import standing
from loyalty.vouchers.operations import reveal

PURPOSE = "assist"
_ORDERS_SHOWN = 3
_MSISDN_DIGITS_MIN = 5
_SEARCH_LENGTH_MAX = 60
_TYPED = (
    "name",
    "phone",
    "address",
    "insured_name",
    "insured_id",
    "msisdn",
    "on_day",
    "consent",
)
# Where somebody can be sent instead; tills and partners are not among them.
CHANNELS_SPOKEN_OF = ("hall", "hotline", "manager", "club", "web")


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


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer wants, as the form says it."""

    order_ref: str
    item_code: str
    quantity: int
    way: str
    typed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Deal:
    """A wish with what it costs, and whom it is for."""

    wish: Wish
    offer: Quote
    recipient: Recipient | None  # None: the item asks for nobody
    faults: dict[str, str]  # field → code of what is wrong with it

    @property
    def hint(self) -> str | None:
        """What may be shown of the recipient."""
        return recipient_hint(self.recipient)

    @property
    def bound(self) -> str:
        """What a code confirms, and nothing else."""
        return binding(
            order_ref=self.wish.order_ref,
            item_code=self.wish.item_code,
            quantity=self.wish.quantity,
            way=self.wish.way,
            points=self.offer.points,
            cash_fen=self.offer.cash_fen,
            recipient_hint=self.hint,
        )

    @property
    def noted(self) -> dict[str, Any]:
        """What the audit trail keeps of it."""
        return {
            "order_ref": self.wish.order_ref,
            "item_code": self.wish.item_code,
            "quantity": self.wish.quantity,
            "way": self.wish.way,
            "points": self.offer.points,
            "cash_fen": self.offer.cash_fen,
        }


@bp.get("/counter")
@requires(Permission.COUNTER)
def counter() -> ResponseReturnValue:
    """Ask whom to serve, and show what this clerk did today."""
    with services().database.unit_of_work() as session:
        return render_template("console/counter/find.html", day=_day(session), words="")


@bp.post("/counter")
@requires(Permission.COUNTER)
def find_member() -> ResponseReturnValue:
    """Find a member by number or reference; the look-up is kept, found or not."""
    words = "".join(request.form.get("words", "").split())
    with services().database.unit_of_work() as session:
        member_id = _found(session, words)
        note(
            session,
            action="member.look_up",
            object_="member:?" if member_id is None else f"member:{member_id}",
            after={"by": _shown_of(words), "found": member_id is not None},
        )
        if member_id is not None:
            return redirect(url_for("console.serve", served=_seal(member_id)), 303)
        day = _day(session)
    page = render_template(
        "console/counter/find.html", day=day, words=words, is_missing=True
    )
    return page, 404


@bp.get("/counter/<served>")
@requires(Permission.COUNTER)
def serve(served: str) -> ResponseReturnValue:
    """Show a member, and what can be had in this clerk's channel."""
    with services().database.unit_of_work() as session:
        return _serve(session, served)


@bp.post("/counter/<served>/code")
@requires(Permission.COUNTER)
def assist_code(served: str) -> ResponseReturnValue:
    """Send the member a code that confirms this order alone, and ask for it."""
    member_id, wish = _member_id(served), _wish()
    try:
        with services().database.unit_of_work() as session:
            deal = _deal(session, member_id=member_id, wish=wish)
            obstacle = _obstacle(deal)
            if obstacle is not None:
                page = _serve(session, served, deal=deal, problem=obstacle)
                return page, 422
            note(
                session,
                action="member.code_asked",
                object_=f"member:{member_id}",
                after=deal.noted,
            )
    except LoyaltyError as error:
        with services().database.unit_of_work() as session:
            return _serve(session, served, problem=say(error)), 422
    item = deal.offer.item
    try:
        _check_insurable(member_id, deal)
    except LoyaltyError as error:
        with services().database.unit_of_work() as session:
            return _serve(session, served, deal=deal, problem=say(error)), 422
    try:
        confirming.send(
            member_id=member_id,
            purpose=PURPOSE,
            bound=deal.bound,
            chinese=f"在柜台兑换 {item.title_zh}（{_cost(deal.offer)}）",
            english=f"redeeming {item.title_en} ({_cost(deal.offer)})",
        )
    except LoyaltyError as error:
        return _ask_for_code(served, deal, problem=error)
    return _ask_for_code(served, deal)


@bp.post("/counter/<served>/orders")
@requires(Permission.COUNTER)
def assist_order(served: str) -> ResponseReturnValue:
    """Place the order that the member's code confirms, once however often sent."""
    member_id, wish = _member_id(served), _wish()
    done = redirect(
        url_for("console.receipt", served=served, order_ref=wish.order_ref), 303
    )
    if _is_placed(member_id, wish):
        return done
    with services().database.unit_of_work() as session:
        deal = _deal(session, member_id=member_id, wish=wish)
    try:
        _check_insurable(member_id, deal)
        if not confirming.accept(
            member_id=member_id, bound=deal.bound, purpose=PURPOSE
        ):
            return _ask_for_code(served, deal, is_wrong=True)
        _place(member_id, deal)
    except LoyaltyError as error:
        if _is_placed(member_id, wish):  # by another press of the same button
            return done
        return _ask_for_code(served, deal, problem=error)
    _fulfil(member_id, wish.order_ref)
    return done


@bp.get("/counter/<served>/orders/<order_ref>")
@requires(Permission.COUNTER)
def receipt(served: str, order_ref: str) -> ResponseReturnValue:
    """Show what was done, to be read out or printed; never a voucher code."""
    member_id = _member_id(served)
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        return render_template(
            "console/counter/receipt.html",
            order=shown,
            customer=_customer(session, member_id, served),
            left=sum(
                lot.units_left
                for lot in spendable(session, member_id=member_id, on=now().date())
            ),
            names=partner_names(session),
            pay_code=_pay_code(shown),
            is_sent="sent" in request.args,
        )


@bp.post("/counter/<served>/orders/<order_ref>/message")
@requires(Permission.COUNTER)
def send_codes(served: str, order_ref: str) -> ResponseReturnValue:
    """Send the member the codes of an order again."""
    member_id = _member_id(served)
    with services().database.unit_of_work() as session:
        note(session, action="voucher.sent_again", object_=f"order:{order_ref}")
    try:
        _tell_codes(member_id, order_ref)
    except confirming.NotSent as error:
        flash(say(error), "harm")
        return redirect(
            url_for("console.receipt", served=served, order_ref=order_ref), 303
        )
    return redirect(
        url_for("console.receipt", served=served, order_ref=order_ref, sent="yes"), 303
    )


def _found(session: Session, words: str) -> int | None:
    """Return the member with a number or a reference; None: nobody."""
    if words.isdecimal() and len(words) >= _MSISDN_DIGITS_MIN:
        member_id = member_of_number(session, msisdn=words, at=now())
        if member_id is not None:
            return member_id
    return member_id_of(session, member_ref=words) if words else None


def _shown_of(words: str) -> str:
    """Return what the audit trail keeps of what was looked up."""
    return f"***{words[-4:]}"


def _seal(member_id: int) -> str:
    return str(_serializer().dumps(member_id))


def _member_id(served: str) -> int:
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


def _wish() -> Wish:
    form = request.form
    quantity = form.get("quantity", "1")
    is_count = quantity.isdecimal() and len(quantity) <= len(str(QUANTITY_MAX))
    return Wish(
        order_ref=form.get("order_ref", ""),
        item_code=form.get("item_code", ""),
        quantity=int(quantity) if is_count else 0,
        way=form.get("way", Way.POINTS),
        typed={name: form.get(name, "") for name in _TYPED},
    )


def _deal(session: Session, *, member_id: int, wish: Wish) -> Deal:
    """Return what a wish comes to now."""
    offer = quote(
        session,
        member_id=member_id,
        item_code=wish.item_code,
        quantity=wish.quantity,
        way=wish.way,
        channel=this_staff().channel,
        on=now().date(),
    )
    recipient, faults = read(
        wish.typed,
        asked=asked_of(offer.item, way=wish.way),
        lines=numbers_of(session, member_id=member_id, at=now()),
    )
    return Deal(wish, offer, recipient, faults)


def _obstacle(deal: Deal) -> str | None:
    """Return why a code would be sent in vain; the order itself looks again."""
    if deal.offer.why_not is not None:
        return why_not_words(deal.offer.why_not, channel=this_staff().channel)
    if deal.offer.missing:
        return say(
            PointsMissing(needed=deal.offer.points, available=deal.offer.available)
        )
    if deal.faults:
        return speak(
            "还有几处需要填写或改正。", "Some things are still to be filled in."
        )
    return None


def why_not_words(why_not: WhyNot, *, channel: str) -> str:
    """Return why an item cannot be had at this counter."""
    facts: Mapping[str, Any] = why_not.facts
    if why_not.code == "channel_not_allowed":
        sold_in = [code for code in facts["channels"] if code in CHANNELS_SPOKEN_OF]
        return speak(
            f"{term('channel', channel)}不能办理这一项，"
            f"只在{'、'.join(term('channel', code) for code in sold_in)}办理。",
            f"This is not sold by way of {term('channel', channel).lower()}, only by"
            f" {', '.join(term('channel', code).lower() for code in sold_in)}.",
        )
    if why_not.code in ("brand_not_allowed", "tier_not_allowed", "club_not_allowed"):
        kind = why_not.code.removesuffix("_not_allowed")
        names = [term(kind, code) for code in facts[f"{kind}s"]]
        return speak(
            f"这一项只提供给{'、'.join(names)}会员。",
            f"This is for {' and '.join(names)} members only.",
        )
    if why_not.code == "limit_reached":
        return speak(
            f"这位会员已兑满 {facts['count']} 份。",
            f"This member has had all {facts['count']} of these.",
        )
    if why_not.code == "sold_out":
        return speak("已经兑完，补货后再来。", "All of them are gone for now.")
    return words_for(why_not.code, dict(facts)) or speak(
        "这一项现在不供应。", "This is not on offer now."
    )


def _cost(offer: Quote) -> str:
    parts = [points_words(offer.points)] if offer.points or not offer.cash_fen else []
    parts += [yuan(offer.cash_fen)] if offer.cash_fen else []
    return " + ".join(parts)


def _check_insurable(member_id: int, deal: Deal) -> None:
    """Ask the insurer before the member is asked for a code, or anything is held."""
    kit = services()
    check_insurable(
        kit.database,
        kit.connections.underwriter,
        Insured(member_id, deal.offer.item, deal.recipient),
        at=now(),
    )


def _place(member_id: int, deal: Deal) -> None:
    at, clerk, wish = now(), this_staff(), deal.wish

    def place(session: Session) -> None:
        placed = operations.place(
            session,
            member_id=member_id,
            order_ref=wish.order_ref,
            item_code=wish.item_code,
            quantity=wish.quantity,
            way=wish.way,
            channel=clerk.channel,
            recipient=deal.recipient,
            staff_id=clerk.staff_id,
            fresh_at=at,
            expected_points=deal.offer.points,
            expected_cash_fen=deal.offer.cash_fen,
            keyring=services().keyring,
            at=at,
        )
        if not placed.replayed:
            note(
                session,
                action="order.placed",
                object_=f"order:{wish.order_ref}",
                after={**deal.noted, "member_id": member_id},
            )

    retrying(services().database, place)


def _fulfil(member_id: int, order_ref: str) -> None:
    """Ask whoever has to be asked, and send the member the codes there are."""
    shown = delivery.advance(
        services().database,
        services().connections,
        services().keyring,
        member_id=member_id,
        order_ref=order_ref,
        at=now(),
        urls=_ways_back(order_ref),
        language=language(),
    )
    if any(voucher.state == "issued" for voucher in shown.vouchers):
        with suppress(confirming.NotSent):  # the clerk can send them again
            _tell_codes(member_id, order_ref)


def _ways_back(order_ref: str) -> Urls:
    """Return where the payment page sends the member: to the order, on their phone."""
    path = url_for("web.order", order_ref=order_ref)
    root = (services().settings.public_url or request.host_url).rstrip("/")
    return Urls(success=f"{root}{path}", cancel=f"{root}{path}")


def _tell_codes(member_id: int, order_ref: str) -> None:
    """Send the codes of an order to the member, for they are shown to no clerk."""
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        codes = [
            reveal(services().keyring, voucher)
            for voucher in shown.vouchers
            if voucher.state == "issued"
        ]
        numbers = numbers_of(session, member_id=member_id, at=now())
        is_chinese = language_of(session, member_id) == "zh"
    if not codes or not numbers:
        return
    confirming.deliver(
        numbers[0],
        f"【积分联盟】您兑换的{shown.item.title_zh}券码：{'；'.join(codes)}。"
        "凭码使用，请勿告诉不认识的人。"
        if is_chinese
        else f"Jifen: your {shown.item.title_en}: {'; '.join(codes)}."
        " Whoever has the code can use it; show it to nobody you do not know.",
    )


def _pay_code(shown: OrderView) -> Markup | None:
    """Return the address of the payment page to be scanned; None: nothing is due."""
    payment = shown.payment
    if shown.state != "awaiting_payment" or payment is None or payment.url is None:
        return None
    drawn = segno.make(payment.url, error="m").svg_inline(scale=4, border=2)
    return Markup(drawn)  # noqa: S704 - segno draws it, from modules alone


def _is_placed(member_id: int, wish: Wish) -> bool:
    with services().database.unit_of_work() as session, suppress(UnknownOrder):
        order(session, member_id=member_id, order_ref=wish.order_ref)
        return True
    return False


def _serve(
    session: Session,
    served: str,
    *,
    deal: Deal | None = None,
    problem: str | None = None,
) -> str:
    member_id = _member_id(served)
    clerk, on = this_staff(), now().date()
    found: Shelf = shelf(
        session,
        member_id=member_id,
        channel=clerk.channel,
        on=on,
        search=request.args.get("q", "").strip()[:_SEARCH_LENGTH_MAX] or None,
    )
    return render_template(
        "console/counter/serve.html",
        customer=_customer(session, member_id, served),
        shelf=found,
        # What can be had here comes first; the rest says why not.
        offers=sorted(found.offers, key=lambda offer: offer.why_not is not None),
        gate_is_shut=found.gate != OPEN_GATE,
        takes_money=services().connections.payments is not None,
        day=_day(session),
        problem=problem,
        deal=deal,
        faults={name: words_for(code, {}) for name, code in deal.faults.items()}
        if deal
        else {},
        new_ref=lambda: uuid4().hex,
        today=on,
        why=partial(why_not_words, channel=clerk.channel),
        names=partner_names(session),
        numbers=numbers_of(session, member_id=member_id, at=now()),
    )


def _ask_for_code(
    served: str,
    deal: Deal,
    *,
    problem: LoyaltyError | None = None,
    is_wrong: bool = False,
) -> ResponseReturnValue:
    with services().database.unit_of_work() as session:
        page = render_template(
            "console/counter/confirm.html",
            customer=_customer(session, _member_id(served), served),
            deal=deal,
            problem=say(problem) if problem else None,
            is_wrong=is_wrong,
            day=_day(session),
            names=partner_names(session),
        )
    return page, 422 if problem or is_wrong else 200


def _customer(session: Session, member_id: int, served: str) -> Customer:
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
        has_left=not lines,
    )


def _next_to_expire(lots: Any) -> Expiring | None:
    """Return the points that run out first; lots come with the soonest first."""
    for last_good_day, group in groupby(lots, key=lambda lot: lot.expires_on):
        if last_good_day is not None:
            return Expiring(sum(lot.units_left for lot in group), last_good_day)
    return None


def _day(session: Session) -> Day:
    taken = orders_of_staff(session, staff_id=this_staff().staff_id, on=now().date())
    counted = [line for line in taken if line.state not in OVER_STATES]
    return Day(orders=counted, points=sum(line.points for line in counted))

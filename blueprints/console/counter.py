"""Serve a member at a counter or on the hotline (domain.md A06, C07, E03 to E05).

Three steps for a customer: find the member, which is written down; offer something
with its script and send the member a code; take the code. A page about a member is
open only to whoever looked the member up, for as long as they are signed in.
"""

from functools import partial
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.console import bp
from blueprints.console.assisting import (
    check_insured,
    fulfil,
    is_placed,
    pay_code,
    place_for,
    tell_codes,
)
from blueprints.console.noting import note
from blueprints.console.serving import (
    customer_of,
    day_of,
    found_by,
    seal,
    served_member,
    shown_of,
)
from blueprints.console.wishes import (
    Deal,
    cost_of,
    deal_of,
    obstacle_of,
    why_not_words,
    wish_told,
)
from blueprints.sessions import requires, this_staff
from blueprints.web.shop import partner_names
from blueprints.wording import say, words_for
from loyalty.access.queries import (
    numbers_of,
)
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.orders.quotes import spendable
from loyalty.orders.shelf import OPEN_GATE, Shelf, shelf
from loyalty.orders.showing import order
from loyalty.staff.rules import Permission

PURPOSE = "assist"
_SEARCH_LENGTH_MAX = 60


@bp.get("/counter")
@requires(Permission.COUNTER)
def counter() -> ResponseReturnValue:
    """Ask whom to serve, and show what this clerk did today."""
    with services().database.unit_of_work() as session:
        return render_template(
            "console/counter/find.html", day=day_of(session), words=""
        )


@bp.post("/counter")
@requires(Permission.COUNTER)
def find_member() -> ResponseReturnValue:
    """Find a member by number or reference; the look-up is kept, found or not."""
    words = "".join(request.form.get("words", "").split())
    with services().database.unit_of_work() as session:
        member_id = found_by(session, words)
        note(
            session,
            action="member.look_up",
            object_="member:?" if member_id is None else f"member:{member_id}",
            after={"by": shown_of(words), "found": member_id is not None},
        )
        if member_id is not None:
            return redirect(url_for("console.serve", served=seal(member_id)), 303)
        day = day_of(session)
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
    member_id, wish = served_member(served), wish_told()
    try:
        with services().database.unit_of_work() as session:
            deal = deal_of(session, member_id=member_id, wish=wish)
            obstacle = obstacle_of(deal)
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
        check_insured(member_id, deal)
    except LoyaltyError as error:
        with services().database.unit_of_work() as session:
            return _serve(session, served, deal=deal, problem=say(error)), 422
    try:
        confirming.send(
            member_id=member_id,
            purpose=PURPOSE,
            bound=deal.bound,
            chinese=f"在柜台兑换 {item.title_zh}（{cost_of(deal.offer)}）",
            english=f"redeeming {item.title_en} ({cost_of(deal.offer)})",
        )
    except LoyaltyError as error:
        return _ask_for_code(served, deal, problem=error)
    return _ask_for_code(served, deal)


@bp.post("/counter/<served>/orders")
@requires(Permission.COUNTER)
def assist_order(served: str) -> ResponseReturnValue:
    """Place the order that the member's code confirms, once however often sent."""
    member_id, wish = served_member(served), wish_told()
    done = redirect(
        url_for("console.receipt", served=served, order_ref=wish.order_ref), 303
    )
    if is_placed(member_id, wish):
        return done
    with services().database.unit_of_work() as session:
        deal = deal_of(session, member_id=member_id, wish=wish)
    try:
        check_insured(member_id, deal)
        if not confirming.accept(
            member_id=member_id, bound=deal.bound, purpose=PURPOSE
        ):
            return _ask_for_code(served, deal, is_wrong=True)
        place_for(member_id, deal)
    except LoyaltyError as error:
        if is_placed(member_id, wish):  # by another press of the same button
            return done
        return _ask_for_code(served, deal, problem=error)
    fulfil(member_id, wish.order_ref)
    return done


@bp.get("/counter/<served>/orders/<order_ref>")
@requires(Permission.COUNTER)
def receipt(served: str, order_ref: str) -> ResponseReturnValue:
    """Show what was done, to be read out or printed; never a voucher code."""
    member_id = served_member(served)
    with services().database.unit_of_work() as session:
        shown = order(session, member_id=member_id, order_ref=order_ref)
        return render_template(
            "console/counter/receipt.html",
            order=shown,
            customer=customer_of(session, member_id, served),
            left=sum(
                lot.units_left
                for lot in spendable(session, member_id=member_id, on=now().date())
            ),
            names=partner_names(session),
            pay_code=pay_code(shown),
            is_sent="sent" in request.args,
        )


@bp.post("/counter/<served>/orders/<order_ref>/message")
@requires(Permission.COUNTER)
def send_codes(served: str, order_ref: str) -> ResponseReturnValue:
    """Send the member the codes of an order again."""
    member_id = served_member(served)
    with services().database.unit_of_work() as session:
        note(session, action="voucher.sent_again", object_=f"order:{order_ref}")
    try:
        tell_codes(member_id, order_ref)
    except confirming.NotSent as error:
        flash(say(error), "harm")
        return redirect(
            url_for("console.receipt", served=served, order_ref=order_ref), 303
        )
    return redirect(
        url_for("console.receipt", served=served, order_ref=order_ref, sent="yes"), 303
    )


def _serve(
    session: Session,
    served: str,
    *,
    deal: Deal | None = None,
    problem: str | None = None,
) -> str:
    member_id = served_member(served)
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
        customer=customer_of(session, member_id, served),
        shelf=found,
        # What can be had here comes first; the rest says why not.
        offers=sorted(found.offers, key=lambda offer: offer.why_not is not None),
        gate_is_shut=found.gate != OPEN_GATE,
        takes_money=services().connections.payments is not None,
        day=day_of(session),
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
            customer=customer_of(session, served_member(served), served),
            deal=deal,
            problem=say(problem) if problem else None,
            is_wrong=is_wrong,
            day=day_of(session),
            names=partner_names(session),
        )
    return page, 422 if problem or is_wrong else 200

"""Buy points for cash on the payment provider's page, and give unspent ones back."""

from datetime import datetime
from functools import partial
from typing import Final, cast

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

from blueprints import services
from blueprints.formatting import number, yuan
from blueprints.language import language, speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.shop import takes_money
from blueprints.wording import say
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.payments.delivery import Urls
from loyalty.payments.queries import refunds_of
from loyalty.purchases import queries
from loyalty.purchases.delivery import advance
from loyalty.purchases.errors import PurchasesNotOffered
from loyalty.purchases.operations import place, take_back
from loyalty.purchases.queries import PurchaseView
from loyalty.purchases.rules import Terms

_CHOICES: Final = (1, 2, 5, 10, 20)  # times the smallest purchase
_REF_LENGTH_MAX: Final = 64
_POINTS_MAX: Final = 1_000_000_000
# How often the page looks by itself whether a payment was confirmed.
_LOOKS_MAX, _LOOK_SECONDS = 24, 5


@bp.get("/points/buy")
@member_required
def buy_points() -> ResponseReturnValue:
    """Show what points cost, how many may be bought, and what was bought before."""
    return _page()


@bp.post("/points/buy")
@member_required
def place_purchase() -> ResponseReturnValue:
    """Ask for points, and lead to the page on which they are paid."""
    wanted = request.form.get("points", 0, type=int)
    ref = request.form.get("purchase_ref", "")
    at, member_id = now(), this_member().member_id
    try:
        terms = _terms(at)
        points = wanted if 0 < wanted <= _POINTS_MAX else 0
        if terms is None or not takes_money() or not 0 < len(ref) <= _REF_LENGTH_MAX:
            raise PurchasesNotOffered
        work = partial(
            place,
            member_id=member_id,
            purchase_ref=ref,
            points=points,
            expected_fen=terms.price_fen(points) or 0,
            at=at,
        )
        bought = retrying(services().database, work)
    except LoyaltyError as error:
        return _page(refusal=say(error), chosen=wanted)
    return _to_pay(_go_on(bought))


@bp.get("/points/buy/<purchase_ref>")
@member_required
def purchase(purchase_ref: str) -> ResponseReturnValue:
    """Show where a purchase stands, and what of it may be given back.

    While a payment waits to be confirmed the page looks again by itself, a limited
    number of times.
    """
    looks = request.args.get("paid", type=int)
    shown = _purchase(purchase_ref)
    if looks is not None and shown.is_open:
        shown = _go_on(shown)
    is_waiting = looks is not None and shown.is_open
    with services().database.unit_of_work() as session:
        refunds = refunds_of(
            session, member_id=shown.member_id, payment_ref=shown.payment_ref
        )
    page = make_response(
        render_template(
            "web/purchase.html", shown=shown, is_waiting=is_waiting, refunds=refunds
        )
    )
    page.headers["Cache-Control"] = "no-store"
    if looks is not None and looks < _LOOKS_MAX and is_waiting:
        again = url_for("web.purchase", purchase_ref=purchase_ref, paid=looks + 1)
        page.headers["Refresh"] = f"{_LOOK_SECONDS}; url={again}"
    return page


@bp.post("/points/buy/<purchase_ref>/pay")
@member_required
def pay_purchase(purchase_ref: str) -> ResponseReturnValue:
    """Go on to the payment page of a purchase that waits for it."""
    shown = _go_on(_purchase(purchase_ref))
    if shown.is_open and shown.payment_state != "open":
        flash(
            speak(
                "支付页面暂时打不开，请过一会儿再试。",
                "The payment page does not open just now. Please try again in a"
                " moment.",
            ),
            "warm",
        )
    return _to_pay(shown)


@bp.post("/points/buy/<purchase_ref>/return")
@member_required
def return_purchase(purchase_ref: str) -> ResponseReturnValue:
    """Take unspent points back; the money goes to the card it came from."""
    before = _purchase(purchase_ref)
    work = partial(
        take_back,
        member_id=before.member_id,
        purchase_ref=purchase_ref,
        reason="changed_mind",
        actor="member",
        at=now(),
    )
    try:
        after = retrying(services().database, work)
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        _go_on(after)
        points = after.returned_points - before.returned_points
        fen = after.returned_fen - before.returned_fen
        flash(
            speak(
                f"已退 {number(points)} 积分，{yuan(fen)} 将原路退回。",
                f"{number(points)} points are taken back, and {yuan(fen)} is on its"
                " way to your card.",
            ),
            "done",
        )
    return redirect(url_for("web.purchase", purchase_ref=purchase_ref), 303)


def _page(*, refusal: str = "", chosen: int = 0) -> ResponseReturnValue:
    """Draw the page as things stand now."""
    at, member_id = now(), this_member().member_id
    with services().database.unit_of_work() as session:
        terms = queries.terms_on(session, day=at.date())
        bought = queries.purchases(session, member_id=member_id, at=at)
        room = (
            None
            if terms is None
            else queries.room(session, member_id=member_id, terms=terms, at=at)
        )
    is_offered = terms is not None and terms.is_offered and takes_money()
    choices = []
    if terms is not None and room is not None and is_offered:
        sizes = [times * terms.points_min for times in _CHOICES]
        choices = [
            (points, terms.price_fen(points))
            for points in sizes
            if (terms.price_fen(points) or 0) <= room.fen
        ]
    page = make_response(
        render_template(
            "web/buy_points.html",
            terms=terms,
            room=room,
            is_offered=is_offered,
            choices=choices,
            chosen=chosen,
            bought=bought,
            refusal=refusal,
            purchase_ref=_next_ref(bought),
        ),
        422 if refusal else 200,
    )
    page.headers["Cache-Control"] = "private, no-cache"
    return page


def _terms(at: datetime) -> Terms | None:
    with services().database.unit_of_work() as session:
        return queries.terms_on(session, day=at.date())


def _purchase(purchase_ref: str) -> PurchaseView:
    """Return a purchase of the member; anybody else's is not there."""
    with services().database.unit_of_work() as session:
        return queries.purchase(
            session,
            member_id=this_member().member_id,
            purchase_ref=purchase_ref,
            at=now(),
        )


def _go_on(shown: PurchaseView) -> PurchaseView:
    """Bring a purchase on its way; what stays open is taken up by a job."""
    kit = services()
    home = (kit.settings.public_url or request.host_url).rstrip("/")
    page = f"{home}{url_for('web.purchase', purchase_ref=shown.purchase_ref)}"
    return advance(
        kit.database,
        kit.connections.payments,
        member_id=shown.member_id,
        purchase_ref=shown.purchase_ref,
        at=now(),
        urls=Urls(success=f"{page}?paid=0", cancel=page),
        language=language(),
    )


def _to_pay(shown: PurchaseView) -> Response:
    """Send the browser to pay what is left to pay, else to the purchase."""
    page = url_for("web.purchase", purchase_ref=shown.purchase_ref)
    is_payable = shown.is_open and shown.payment_state == "open"
    return cast(
        "Response", redirect((shown.payment_url if is_payable else None) or page, 303)
    )


def _next_ref(bought: list[PurchaseView]) -> str:
    """Return the name of a member's next purchase.

    It changes with every purchase and with nothing else, so that the same page in two
    tabs, or sent again after a lost answer, names one purchase.
    """
    before = bought[0].purchase_ref if bought else "none"
    named = f"{this_member().member_id}|{before}"
    return services().keyring.digest("purchase.next", named).hex()[:32]

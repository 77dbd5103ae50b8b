"""A member's orders: the list, and each as a receipt to be shown at a counter."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from io import BytesIO
from typing import cast
from uuid import UUID

import segno
from flask import (
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.formatting import yuan
from blueprints.language import language, speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.shop import partner_names
from blueprints.web.story import heading, story
from blueprints.wording import say
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError, Missing
from loyalty.orders.delivery import advance
from loyalty.orders.errors import NoCertificate
from loyalty.orders.operations import cancel, return_part
from loyalty.orders.queries import OrderLine
from loyalty.orders.queries import orders as orders_of
from loyalty.orders.rules import OVER_STATES, partner_reference, share
from loyalty.orders.showing import OrderView, VoucherView
from loyalty.orders.showing import order as order_of
from loyalty.payments.delivery import Urls
from loyalty.vouchers.operations import reveal
from loyalty.vouchers.rules import plain
from partners.ports import Outcome

_PAGE = 20
# What certificates may be; anything else is downloaded as it is, for nobody to open.
_PAPERS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
# How often the page looks by itself whether a payment was confirmed.
_LOOKS_MAX, _LOOK_SECONDS = 24, 5


@dataclass(frozen=True, slots=True)
class ShownVoucher:
    """A voucher as its owner sees it."""

    voucher_id: UUID
    state: str
    tail: str
    valid_until: date | None  # None: never runs out
    code: str | None  # in groups of four; None: it can be used no more


@dataclass(frozen=True, slots=True)
class Back:
    """What comes back when an order, or a part of it, is undone."""

    quantity: int
    points: int
    cash_fen: int


@bp.get("/orders")
@member_required
def orders() -> ResponseReturnValue:
    """List the member's orders, the newest first."""
    before = _cursor(request.args.get("before", ""))
    with services().database.unit_of_work() as session:
        found = orders_of(
            session, member_id=this_member().member_id, before=before, limit=_PAGE + 1
        )
    return render_template(
        "web/orders.html",
        orders=found[:_PAGE],
        older=_older(found[_PAGE - 1]) if len(found) > _PAGE else None,
        newest=url_for("web.orders") if before is not None else None,
    )


@bp.get("/orders/<order_ref>")
@member_required
def order(order_ref: str) -> ResponseReturnValue:
    """Show where an order stands, what it brought, and what may still be done.

    Nobody but its owner sees it, and no cache keeps it. While a payment waits to be
    confirmed the page looks again by itself, a limited number of times.
    """
    looks = request.args.get("paid", type=int)
    shown = _order(order_ref)
    if looks is not None and shown.state == "awaiting_payment":
        shown = go_on(shown)
    with services().database.unit_of_work() as session:
        names = partner_names(session)
    vouchers = [_voucher(shown, voucher) for voucher in shown.vouchers]
    usable = sum(voucher.code is not None for voucher in vouchers)
    is_waiting = looks is not None and shown.state == "awaiting_payment"
    page = make_response(
        render_template(
            "web/order.html",
            order=shown,
            names=names,
            vouchers=vouchers,
            heading=heading(shown, usable=usable),
            story=story(shown),
            back=_back(shown, shown.quantity - shown.returned_quantity),
            is_waiting=is_waiting,
            pay_url=_pay_url(shown),
            has_certificate=shown.policy is not None
            and services().connections.underwriter is not None,
        )
    )
    page.headers["Cache-Control"] = "no-store"
    is_issuing = shown.fulfilment == "INSURANCE" and shown.is_open
    is_moving = is_waiting or is_issuing
    if looks is not None and looks < _LOOKS_MAX and is_moving:
        again = url_for("web.order", order_ref=order_ref, paid=looks + 1)
        page.headers["Refresh"] = f"{_LOOK_SECONDS}; url={again}"
    return page


@bp.get("/orders/<order_ref>/qr/<uuid:voucher_id>.svg")
@member_required
def voucher_qr(order_ref: str, voucher_id: UUID) -> ResponseReturnValue:
    """Draw the code of a voucher, for the scanner at a counter."""
    shown = _order(order_ref)
    vouchers = (_voucher(shown, one) for one in shown.vouchers)
    codes = {voucher.voucher_id: voucher.code for voucher in vouchers}
    code = codes.get(voucher_id)
    if code is None:
        abort(404)
    return _drawn(plain(code))


@bp.get("/orders/<order_ref>/certificate")
@member_required
def certificate(order_ref: str) -> ResponseReturnValue:
    """Fetch the certificate of a policy from its insurer, and hand it on.

    The insurer's own address is never shown, and what it sends is only downloaded.
    """
    kit, shown = services(), _order(order_ref)
    underwriter = kit.connections.underwriter
    if shown.policy is None or underwriter is None:
        abort(404)
    found = underwriter.certificate(
        partner_reference(member_id=shown.member_id, order_ref=order_ref)
    )
    if found.outcome is not Outcome.CONFIRMED or found.content is None:
        flash(say(NoCertificate()), "warm")
        return redirect(url_for("web.order", order_ref=order_ref), 303)
    ending = _PAPERS.get(found.content_type or "", "bin")
    kind = found.content_type if ending != "bin" else "application/octet-stream"
    paper = Response(found.content, mimetype=kind)
    name = "".join(c for c in shown.policy.policy_no if c.isalnum())
    paper.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    paper.headers["Cache-Control"] = "no-store"
    return paper


@bp.post("/orders/<order_ref>/cancel")
@member_required
def cancel_order(order_ref: str) -> ResponseReturnValue:
    """Cancel an order; what it took comes back."""
    shown = _order(order_ref)
    back = _back(shown, shown.quantity - shown.returned_quantity)
    return _undone(order_ref, partial(cancel, reason="canceled_by_member"), back)


@bp.post("/orders/<order_ref>/return")
@member_required
def return_order(order_ref: str) -> ResponseReturnValue:
    """Give back some of the codes of an order that were not used."""
    quantity = request.form.get("quantity", 0, type=int)
    back = _back(_order(order_ref), quantity)
    undo = partial(return_part, quantity=quantity, reason=None)
    return _undone(order_ref, undo, back)


@bp.post("/orders/<order_ref>/pay")
@member_required
def pay_order(order_ref: str) -> ResponseReturnValue:
    """Go on to the payment page of an order that waits for it."""
    shown = go_on(_order(order_ref))
    if _pay_url(shown) is None and shown.state == "awaiting_payment":
        flash(
            speak(
                "支付页面暂时打不开，积分还为您留着。请过一会儿再试。",
                "The payment page does not open just now. Your points are still set"
                " aside; please try again in a moment.",
            ),
            "warm",
        )
    return to_order(shown)


def go_on(shown: OrderView) -> OrderView:
    """Bring an order on its way at partners; what stays open is chased by a job."""
    kit = services()
    home = (kit.settings.public_url or request.host_url).rstrip("/")
    page = f"{home}{url_for('web.order', order_ref=shown.order_ref)}"
    return advance(
        kit.database,
        kit.connections,
        kit.keyring,
        member_id=shown.member_id,
        order_ref=shown.order_ref,
        at=now(),
        urls=Urls(success=f"{page}?paid=0", cancel=page),
        language=language(),
    )


def to_order(shown: OrderView) -> Response:
    """Send the browser to pay what is left to pay, else to the order."""
    page = url_for("web.order", order_ref=shown.order_ref)
    return cast("Response", redirect(_pay_url(shown) or page, 303))


def _undone(
    order_ref: str, undo: Callable[..., OrderView], back: Back
) -> ResponseReturnValue:
    """Undo an order in a unit of work, then let partners know, and say what came."""
    key = {"member_id": this_member().member_id, "order_ref": order_ref}
    try:
        shown = retrying(
            services().database, partial(undo, actor="member", at=now(), **key)
        )
    except Missing:
        raise
    except LoyaltyError as error:
        flash(say(error), "warm")
        return redirect(url_for("web.order", order_ref=order_ref), 303)
    shown = go_on(shown)
    if shown.state != "in_progress":
        flash(_came_back(back), "done")
    return redirect(url_for("web.order", order_ref=order_ref), 303)


def _came_back(back: Back) -> str:
    """Return what came back, in a sentence."""
    chinese, english = [], []
    if back.points:
        chinese.append(f"{back.points:,} 积分已退回原来的批次")
        english.append(f"{back.points:,} points are back in their lots")
    if back.cash_fen:
        chinese.append(f"{yuan(back.cash_fen)} 将原路退回")
        english.append(f"{yuan(back.cash_fen)} is on its way back to your card")
    if not chinese:
        return speak("已取消。", "It is cancelled.")
    return speak(f"{'，'.join(chinese)}。", f"{', and '.join(english)}.".capitalize())


def _order(order_ref: str) -> OrderView:
    """Return an order of the member; anybody else's is not there."""
    with services().database.unit_of_work() as session:
        return order_of(
            session,
            member_id=this_member().member_id,
            order_ref=order_ref,
            on=now().date(),
        )


def _voucher(shown: OrderView, voucher: VoucherView) -> ShownVoucher:
    until = voucher.valid_until
    has_lapsed = until is not None and until < now().date()
    is_over = shown.state in OVER_STATES
    is_usable = voucher.state == "issued" and not has_lapsed and not is_over
    return ShownVoucher(
        voucher_id=voucher.voucher_id,
        state="expired" if voucher.state == "issued" and has_lapsed else voucher.state,
        tail=voucher.code_tail,
        valid_until=until,
        code=reveal(services().keyring, voucher) if is_usable else None,
    )


def _drawn(code: str) -> Response:
    drawing = BytesIO()
    segno.make(code, error="m", micro=False).save(
        drawing, kind="svg", border=0, xmldecl=True, omitsize=True
    )
    answer = Response(drawing.getvalue(), mimetype="image/svg+xml")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _back(shown: OrderView, quantity: int) -> Back:
    """Return what comes back for so many pieces of an order."""
    left = shown.quantity - shown.returned_quantity
    if not 0 < quantity <= left:
        return Back(0, 0, 0)
    part = {
        "quantity": quantity,
        "returned": shown.returned_quantity,
        "of": shown.quantity,
    }
    is_paid = shown.payment is not None and shown.payment.state == "succeeded"
    return Back(
        quantity=quantity,
        points=share(shown.points, **part),
        cash_fen=share(shown.cash_fen, **part) if is_paid else 0,
    )


def _pay_url(shown: OrderView) -> str | None:
    """Return where an order can be paid; None: nowhere, or it need not be."""
    if shown.state != "awaiting_payment" or shown.payment is None:
        return None
    return shown.payment.url if shown.payment.state == "open" else None


def _older(last: OrderLine) -> str:
    cursor = f"{last.placed_at.isoformat()}~{last.order_ref}"
    return url_for("web.orders", before=cursor)


def _cursor(said: str) -> tuple[datetime, str] | None:
    """Return the last order that was seen; None: the list begins at its beginning."""
    placed_at, _, order_ref = said.partition("~")
    try:
        moment = datetime.fromisoformat(placed_at)
    except ValueError:
        return None
    return (moment, order_ref) if moment.tzinfo is not None else None

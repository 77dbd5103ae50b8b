"""Place what a member has confirmed at a counter, and bring it to its end."""

from contextlib import suppress

import segno
from flask import request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints import confirming, services
from blueprints.console.noting import note
from blueprints.console.wishes import Deal, Wish
from blueprints.language import language
from blueprints.sessions import this_staff
from loyalty.access.queries import (
    language_of,
    numbers_of,
)
from loyalty.clock import now
from loyalty.database import retrying
from loyalty.orders import delivery, operations
from loyalty.orders.eligibility import Insured, check_insurable
from loyalty.orders.errors import UnknownOrder
from loyalty.orders.showing import OrderView, order
from loyalty.payments.delivery import Urls
from loyalty.vouchers.operations import reveal


def check_insured(member_id: int, deal: Deal) -> None:
    """Ask the insurer before the member is asked for a code, or anything is held."""
    kit = services()
    check_insurable(
        kit.database,
        kit.connections.underwriter,
        Insured(member_id, deal.offer.item, deal.recipient),
        at=now(),
    )


def place_for(member_id: int, deal: Deal) -> None:
    """Place what a member has confirmed, and write down which clerk did."""
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


def fulfil(member_id: int, order_ref: str) -> None:
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
            tell_codes(member_id, order_ref)


def _ways_back(order_ref: str) -> Urls:
    """Return where the payment page sends the member: to the order, on their phone."""
    path = url_for("web.order", order_ref=order_ref)
    root = (services().settings.public_url or request.host_url).rstrip("/")
    return Urls(success=f"{root}{path}", cancel=f"{root}{path}")


def tell_codes(member_id: int, order_ref: str) -> None:
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


def pay_code(shown: OrderView) -> Markup | None:
    """Return the address of the payment page to be scanned; None: nothing is due."""
    payment = shown.payment
    if shown.state != "awaiting_payment" or payment is None or payment.url is None:
        return None
    drawn = segno.make(payment.url, error="m").svg_inline(scale=4, border=2)
    return Markup(drawn)  # noqa: S704 - segno draws it, from modules alone


def is_placed(member_id: int, wish: Wish) -> bool:
    """Whether this very wish is an order already."""
    with services().database.unit_of_work() as session, suppress(UnknownOrder):
        order(session, member_id=member_id, order_ref=wish.order_ref)
        return True
    return False

"""What partners' own customers redeem: the catalogue, and orders from it."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN, name_of, ref_of
from blueprints.api.paging import PageSchema, list_of, page, place_of
from blueprints.api.shapes import Closed, MoneySchema, Open, Whole, written
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.alliance.errors import NotLinked
from loyalty.catalogue.queries import on_sale
from loyalty.clock import business_date, now
from loyalty.feeds.kinds import CODE, MSISDN, REF
from loyalty.linking.queries import linked_member
from loyalty.orders.errors import UnknownOrder
from loyalty.orders.partnering import (
    CHANNEL,
    PartnerWish,
    cancel_for,
    order_for,
    place_for,
)
from loyalty.orders.rules import Recipient
from loyalty.orders.showing import OrderView

_PREFIX = "ord"
_QUANTITY_MAX = 1_000


class ItemSchema(Open):
    """Something points can buy through partners."""

    item_code = fields.String(required=True)
    title_zh = fields.String(required=True)
    title_en = fields.String(required=True)
    family = fields.String(required=True)
    points = fields.Integer(required=True)
    market_fen = fields.Nested(MoneySchema, required=True, data_key="market_price")
    valid_until = fields.Date(required=True, allow_none=True)


class OrderSchema(Closed):
    """What a customer of the partner wants."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    account_ref = written(REF, pattern=REF_PATTERN, required=True)
    item_code = written(CODE, required=True)
    quantity = Whole(load_default=1, validate=validate.Range(1, _QUANTITY_MAX))
    msisdn = written(MSISDN, pattern="^[0-9]{5,15}$", load_default=None)


class OrderAnswerSchema(Open):
    """Where an order stands."""

    id = fields.String(required=True)
    partner_ref = fields.String(required=True)
    status = fields.String(required=True)
    item_code = fields.String(required=True)
    quantity = fields.Integer(required=True)
    points = fields.Integer(required=True)
    placed_at = fields.AwareDateTime(required=True, format="iso")


@bp.get("/v1/catalogue-items")
@requires_scope("catalogue:read")
@contract(
    does=("查看可兑换的商品", "Read what partners' customers can redeem"),
    asks=PageSchema,
    gives={200: list_of(ItemSchema, "ItemPage")},
)
def list_items(session: Session, asked: Mapping[str, Any]) -> Given:
    """List what is on sale through partners, by code."""
    after = place_of(asked["cursor"]) or ""
    rows = sorted(
        (
            item
            for item in on_sale(session, on=business_date())
            if item.item_code > after
            and (item.channels is None or CHANNEL in item.channels)
        ),
        key=lambda item: item.item_code,
    )
    return Given(page(rows, limit=asked["limit"], place=lambda item: item.item_code))


@bp.post("/v1/orders")
@requires_scope("orders:write")
@contract(
    does=("代客户下单", "Order something for a customer of the partner"),
    takes=OrderSchema,
    gives={201: OrderAnswerSchema},
    refuses=(
        "not_linked",
        "unknown_item",
        "not_on_sale",
        "channel_not_allowed",
        "points_missing",
        "confirmation_missing",
        "reference_reused",
    ),
)
def create_order(session: Session, asked: Mapping[str, Any]) -> Given:
    """Order by points; what only the member can confirm is refused."""
    member_id = linked_member(
        session, partner=caller().partner, account_ref=asked["account_ref"]
    )
    if member_id is None or caller().member_id not in (None, member_id):
        raise NotLinked
    msisdn = asked["msisdn"]
    placed = place_for(
        session,
        PartnerWish(
            partner=caller().partner,
            partner_ref=asked["partner_ref"],
            member_id=member_id,
            item_code=asked["item_code"],
            quantity=asked["quantity"],
            recipient=None if msisdn is None else Recipient(msisdn=msisdn),
        ),
        keyring=services().keyring,
        at=now(),
    )
    told = _told(asked["partner_ref"], placed)
    place = url_for("api.show_order", order_id=told["id"])
    return Given(told, 201, location=place)


@bp.get("/v1/orders/<order_id>")
@requires_scope("orders:write")
@contract(
    does=("查看订单", "Show where an order stands"),
    gives={200: OrderAnswerSchema},
    refuses=("unknown_order",),
)
def show_order(session: Session, order_id: str) -> Given:
    """Show an order of the partner."""
    ref = _ref(order_id)
    found = order_for(session, partner=caller().partner, partner_ref=ref, at=now())
    return Given(_told(ref, found))


@bp.post("/v1/orders/<order_id>/cancel")
@requires_scope("orders:write")
@contract(
    does=("取消订单", "Cancel an order, where its customer could"),
    gives={200: OrderAnswerSchema},
    refuses=("unknown_order", "order_moved_on", "not_returnable", "voucher_used"),
)
def cancel_order(session: Session, order_id: str) -> Given:
    """Cancel an order of the partner, and give its points back."""
    ref = _ref(order_id)
    found = cancel_for(session, partner=caller().partner, partner_ref=ref, at=now())
    return Given(_told(ref, found))


def _ref(order_id: str) -> str:
    ref = ref_of(_PREFIX, order_id)
    if ref is None:
        raise UnknownOrder(order_ref=order_id)
    return ref


def _told(partner_ref: str, view: OrderView) -> dict[str, object]:
    return {
        "id": name_of(_PREFIX, partner_ref),
        "partner_ref": partner_ref,
        "status": view.state,
        "item_code": view.item.item_code,
        "quantity": view.quantity,
        "points": view.points,
        "placed_at": view.placed_at,
    }

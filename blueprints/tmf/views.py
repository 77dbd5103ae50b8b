"""Programme, member, account, balance, earn, burn and event subscription of TMF658."""

from collections.abc import Mapping
from typing import Any, Final

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api.accruals import post_line, row_of
from blueprints.api.contract import Given, contract
from blueprints.api.members import linked
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import (
    POINTS_MAX,
    Closed,
    MoneySchema,
    Open,
    Whole,
    written,
)
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.tmf import bp
from loyalty.accrual.errors import UnknownAccount
from loyalty.accrual.queries import account_of
from loyalty.clock import business_date, now, wall
from loyalty.errors import Missing
from loyalty.events.errors import AddressRefused
from loyalty.events.operations import add_endpoint, endpoint_of, remove
from loyalty.events.rules import TYPES
from loyalty.feeds.formats import ACTIVITIES
from loyalty.feeds.kinds import DAY, REF
from loyalty.points.queries import standing
from loyalty.redemption.till import Move, Wish, authorize, capture_held
from partners.webhooks import URL_LENGTH_MAX, BadAddress, place_of

_SPEC: Final = "universal"


class UnknownProgramme(Missing):
    """There is no such programme."""

    code = "unknown_programme"

    def __init__(self) -> None:
        super().__init__()


class QuantitySchema(Open):
    """Points of a unit."""

    amount = fields.Integer(required=True)
    units = fields.String(required=True)


class SpecSchema(Open):
    """A programme."""

    id = fields.String(required=True)
    href = fields.String(required=True)
    name = fields.String(required=True)
    type_ = fields.String(required=True, data_key="@type")


class MemberSchema(Open):
    """Somebody who takes part."""

    id = fields.String(required=True)
    href = fields.String(required=True)
    status = fields.String(required=True)
    type_ = fields.String(required=True, data_key="@type")


class AccountSchema(MemberSchema):
    """The account of a member, with what it holds by unit."""

    balance = fields.List(fields.Nested(QuantitySchema), required=True)


class EarnSchema(Closed):
    """Something that earns."""

    external_id = written(
        REF, pattern=REF_PATTERN, required=True, data_key="externalId"
    )
    activity = fields.String(required=True, validate=validate.OneOf(ACTIVITIES))
    occurred_on = written(DAY, format_="date", required=True, data_key="occurrenceDate")
    amount = fields.Nested(MoneySchema, required=True)


class BurnSchema(Closed):
    """Points that are spent at once."""

    external_id = written(
        REF, pattern=REF_PATTERN, required=True, data_key="externalId"
    )
    points = Whole(
        required=True, validate=validate.Range(1, POINTS_MAX), data_key="quantity"
    )


class MovedSchema(Open):
    """What was earned or burnt, and the balances around it."""

    id = fields.String(required=True)
    quantity = fields.Integer(required=True)
    opening = fields.Integer(required=True, data_key="openingBalance")
    closing = fields.Integer(required=True, data_key="closingBalance")
    type_ = fields.String(required=True, data_key="@type")


class HubSchema(Closed):
    """Where events are to be told."""

    callback = fields.String(required=True, validate=validate.Length(1, URL_LENGTH_MAX))
    query = fields.String(load_default="", validate=validate.Length(0, 1_000))


class SubscriptionSchema(Open):
    """An address that is told, and the secret that signs, shown this once."""

    id = fields.String(required=True)
    callback = fields.String(required=True)
    secret = fields.String(required=True)


@bp.get("/loyaltyProgramProductSpec/<spec_id>")
@requires_scope("catalogue:read")
@contract(
    does=("查看积分计划", "Show the programme"),
    gives={200: SpecSchema},
    refuses=("unknown_programme",),
)
def show_spec(session: Session, spec_id: str) -> Given:
    """Show the one programme there is.

    Raises `UnknownProgramme` for every other name.
    """
    del session
    if spec_id != _SPEC:
        raise UnknownProgramme
    place = url_for("tmf.show_spec", spec_id=_SPEC)
    return Given(
        {
            "id": _SPEC,
            "href": place,
            "name": "Universal points",
            "type_": "LoyaltyProgramProductSpec",
        }
    )


@bp.get("/loyaltyProgramMember/<member_ref>")
@requires_scope("balances:read")
@contract(
    does=("查看会员", "Show a linked member"),
    gives={200: MemberSchema},
    refuses=("not_linked",),
)
def show_member(session: Session, member_ref: str) -> Given:
    """Show whether a linked member takes part still."""
    linked(session, member_ref)
    told = standing(session, member_ref=member_ref)
    return Given(_member("LoyaltyProgramMember", "tmf.show_member", member_ref, told))


@bp.get("/loyaltyAccount/<member_ref>")
@requires_scope("balances:read")
@contract(
    does=("查看账户", "Show the account of a linked member"),
    gives={200: AccountSchema},
    refuses=("not_linked",),
)
def show_account(session: Session, member_ref: str) -> Given:
    """Show what a linked member holds, by unit."""
    linked(session, member_ref)
    told: Mapping[str, Any] = standing(session, member_ref=member_ref)
    body = _member("LoyaltyAccount", "tmf.show_account", member_ref, told)
    held = [
        {"units": unit, "amount": balance["available"]}
        for unit, balance in told["balances"].items()
    ]
    return Given(body | {"balance": held})


@bp.post("/loyaltyAccount/<member_ref>/earn")
@requires_scope("accruals:write", "balances:read")
@contract(
    does=("积分", "Earn"),
    takes=EarnSchema,
    gives={201: MovedSchema},
    refuses=("not_linked", "no_terms", "reference_reused"),
)
def earn(session: Session, asked: Mapping[str, Any], member_ref: str) -> Given:
    """Post an activity of a linked member; it earns as at `/api/v1/accruals`."""
    member_id = linked(session, member_ref)
    opening = _spendable(session, member_ref)
    account_ref = account_of(session, member_id=member_id, partner=caller().partner)
    if account_ref is None:
        raise UnknownAccount
    line = {
        "partner_ref": asked["external_id"],
        "account_ref": account_ref,
        "activity": asked["activity"],
        "occurred_on": asked["occurred_on"],
        "amount": asked["amount"],
        "mcc": "",
        "original_ref": "",
    }
    done: Any = post_line(session, asked["external_id"], row_of(line)).body
    return _moved(
        session,
        member_ref,
        opening=opening,
        id=done["id"],
        quantity=done["points"],
        type_="LoyaltyEarn",
    )


@bp.post("/loyaltyAccount/<member_ref>/burn")
@requires_scope("redemptions:write", "balances:read")
@contract(
    does=("消费积分", "Burn"),
    takes=BurnSchema,
    gives={201: MovedSchema},
    refuses=("not_linked", "insufficient_points", "no_till_terms", "reference_reused"),
)
def burn(session: Session, asked: Mapping[str, Any], member_ref: str) -> Given:
    """Spend points of a linked member: authorized and captured in one."""
    member_id = linked(session, member_ref)
    opening = _spendable(session, member_ref)
    who, at = caller(), now()
    wish = Wish(
        partner=who.partner,
        partner_ref=asked["external_id"],
        member_id=member_id,
        points=asked["points"],
        amount_fen=None,
        partial_allowed=False,
        actor=f"client:{who.client_id}",
        at=at,
    )
    authorize(session, wish)
    move = Move(
        partner=who.partner, partner_ref=wish.partner_ref, actor=wish.actor, at=at
    )
    done = capture_held(session, move)
    return _moved(
        session,
        member_ref,
        opening=opening,
        id=done.partner_ref,
        quantity=done.points,
        type_="LoyaltyBurn",
    )


@bp.post("/hub")
@requires_scope("webhooks:write")
@contract(
    does=("订阅事件", "Subscribe to events"),
    takes=HubSchema,
    gives={201: SubscriptionSchema},
    refuses=("address_refused", "too_many_endpoints"),
)
def subscribe(session: Session, asked: Mapping[str, Any]) -> Given:
    """Tell an address what happens: all of it, or the types its query names."""
    url = asked["callback"]
    try:
        place_of(url, loopback=services().settings.webhooks_to_loopback)
    except BadAddress as error:
        raise AddressRefused(why=str(error)) from error
    named = [one for one in TYPES if f"eventType={one}" in asked["query"].split("&")]
    endpoint, secret = add_endpoint(
        session,
        partner=caller().partner,
        url=url,
        types=named or TYPES,
        keyring=services().keyring,
        at=wall(),
    )
    body = {"id": endpoint.endpoint_id, "callback": url, "secret": secret}
    return Given(body, 201)


@bp.delete("/hub/<endpoint_id>")
@requires_scope("webhooks:write")
@contract(
    does=("退订事件", "Unsubscribe"), gives={204: None}, refuses=("unknown_endpoint",)
)
def unsubscribe(session: Session, endpoint_id: str) -> Given:
    """Tell an address nothing any more."""
    found = endpoint_of(session, partner=caller().partner, endpoint_id=endpoint_id)
    remove(session, found, at=wall())
    return Given(None, 204)


def _member(
    type_: str, endpoint: str, member_ref: str, told: Mapping[str, Any]
) -> dict[str, object]:
    return {
        "id": member_ref,
        "href": url_for(endpoint, member_ref=member_ref),
        "status": "active" if told["left_on"] is None else "terminated",
        "type_": type_,
    }


def _spendable(session: Session, member_ref: str) -> int:
    told: Mapping[str, Any] = standing(session, member_ref=member_ref)
    today = business_date().isoformat()
    return sum(
        lot["units_left"]
        for lot in told["lots"]
        if lot["expires_on"] is None or lot["expires_on"] >= today
    )


def _moved(session: Session, member_ref: str, *, opening: int, **told: object) -> Given:
    around = {"opening": opening, "closing": _spendable(session, member_ref)}
    return Given(told | around, 201)

"""Earn and burn below an account, where earlier versions of TMF658 have them.

Both are told with the balances before and after.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api.accruals import post_line, row_of
from blueprints.api.contract import Given, contract
from blueprints.api.members import balances_of, linked
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
from loyalty.clock import now
from loyalty.feeds.formats import ACTIVITIES
from loyalty.feeds.kinds import DAY, REF
from loyalty.redemption.till import Move, Wish, authorize, capture_held


class AccountEarnSchema(Closed):
    """Something that earns."""

    external_id = written(
        REF, pattern=REF_PATTERN, required=True, data_key="externalId"
    )
    activity = fields.String(required=True, validate=validate.OneOf(ACTIVITIES))
    occurred_on = written(DAY, format_="date", required=True, data_key="occurrenceDate")
    amount = fields.Nested(MoneySchema, required=True)


class AccountBurnSchema(Closed):
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


@bp.post("/loyaltyAccount/<member_ref>/earn")
@requires_scope("accruals:write", "balances:read")
@contract(
    does=("积分", "Earn"),
    takes=AccountEarnSchema,
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
    takes=AccountBurnSchema,
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


def _spendable(session: Session, member_ref: str) -> int:
    return int(balances_of(session, member_ref)["spendable"])


def _moved(session: Session, member_ref: str, *, opening: int, **told: object) -> Given:
    around = {"opening": opening, "closing": _spendable(session, member_ref)}
    return Given(told | around, 201)

"""Points that a member earns at a partner: the API's accruals, by member."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api.accruals import accrual_id_of, activity_of, post_activity
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import written
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.tmf import bp
from blueprints.tmf.listing import SelectionSchema, selected
from blueprints.tmf.naming import member_named
from blueprints.tmf.shapes import (
    EntitySchema,
    MoneySchema,
    NamedSchema,
    QuantitySchema,
    ReferenceSchema,
    entity,
)
from loyalty.accrual.errors import UnknownAccount
from loyalty.accrual.queries import Activity, account_of
from loyalty.feeds.formats import ACTIVITIES
from loyalty.feeds.kinds import CATEGORY, DAY, REF


class EarnSchema(NamedSchema):
    """Something a member did that may earn points, by the partner's own reference."""

    external_id = written(
        REF, pattern=REF_PATTERN, required=True, data_key="externalId"
    )
    member = fields.Nested(
        ReferenceSchema, required=True, data_key="loyaltyProgramMember"
    )
    activity = fields.String(required=True, validate=validate.OneOf(ACTIVITIES))
    occurred_on = written(DAY, format_="date", required=True, data_key="activityDate")
    amount = fields.Nested(MoneySchema, required=True)
    mcc = written(CATEGORY, pattern="^[0-9]{4}$", load_default="")


class EarnedSchema(EntitySchema):
    """What an activity earned; whose it is, the partner knows."""

    external_id = fields.String(attribute="externalId", data_key="externalId")
    activity = fields.String()
    activity_date = fields.Date(attribute="activityDate", data_key="activityDate")
    quantity = fields.Nested(QuantitySchema)
    status = fields.String()


@bp.post("/loyaltyEarn")
@requires_scope("accruals:write")
@contract(
    does=("为会员记入积分", "Post an activity that earns a member points"),
    takes=EarnSchema,
    gives={201: EarnedSchema},
    refuses=("not_linked", "unknown_account", "no_terms", "reference_reused"),
)
def create_earn(session: Session, asked: Mapping[str, Any]) -> Given:
    """Post an activity; its reference seen before has the first result."""
    member_id = member_named(session, asked["member"]["id"])
    account_ref = account_of(session, partner=caller().partner, member_id=member_id)
    if account_ref is None:
        raise UnknownAccount
    line = {
        "partner_ref": asked["external_id"],
        "account_ref": account_ref,
        "activity": asked["activity"],
        "occurred_on": asked["occurred_on"],
        "amount": asked["amount"],
        "mcc": asked["mcc"],
        "original_ref": "",
    }
    told = _told(post_activity(session, line))
    return Given(told, 201, location=told["href"])


@bp.get("/loyaltyEarn/<id_>")
@requires_scope("accruals:write")
@contract(
    does=("查看一笔记入", "Show what an activity earned"),
    asks=SelectionSchema,
    gives={200: EarnedSchema},
    refuses=("unknown_accrual",),
)
def show_earn(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show what an activity of the partner earned."""
    return Given(selected(_told(activity_of(session, id_)), asked))


def _told(known: Activity) -> dict[str, Any]:
    name = accrual_id_of(known)
    points = known.points if known.original_ref is None else -known.points
    href = url_for("tmf.show_earn", id_=name)
    return entity("LoyaltyEarn", name, href) | {
        "externalId": known.partner_ref,
        "activity": known.activity,
        "activityDate": known.occurred_on,
        "quantity": {"unit": known.unit, "value": points},
        "status": "posted",
    }

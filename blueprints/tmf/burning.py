"""Points that a member spends at a partner: held and captured in one step."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.redemptions import redemption_id_of, redemption_named
from blueprints.api.shapes import POINTS_MAX, Closed, Whole, written
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.tmf import bp
from blueprints.tmf.listing import SelectionSchema, selected
from blueprints.tmf.naming import member_named
from blueprints.tmf.shapes import (
    POINTS,
    EntitySchema,
    NamedSchema,
    QuantitySchema,
    ReferenceSchema,
    entity,
)
from loyalty.clock import now
from loyalty.feeds.kinds import REF
from loyalty.redemption.models import MerchantRedemption
from loyalty.redemption.till import Move, Wish, authorize, capture_held


class WantedSchema(Closed):
    """How many points, of whatever unit goes first."""

    unit = fields.String(load_default=POINTS, validate=validate.Equal(POINTS))
    value = Whole(required=True, validate=validate.Range(1, POINTS_MAX))


class BurnSchema(NamedSchema):
    """Points to be spent, by the partner's own reference."""

    external_id = written(
        REF, pattern=REF_PATTERN, required=True, data_key="externalId"
    )
    member = fields.Nested(
        ReferenceSchema, required=True, data_key="loyaltyProgramMember"
    )
    quantity = fields.Nested(WantedSchema, required=True)


class BurntSchema(EntitySchema):
    """Where points that were spent stand."""

    external_id = fields.String(attribute="externalId", data_key="externalId")
    quantity = fields.Nested(QuantitySchema)
    refunded = fields.Nested(QuantitySchema)
    status = fields.String()
    status_date = fields.AwareDateTime(
        format="iso", attribute="statusDate", data_key="statusDate"
    )


@bp.post("/loyaltyBurn")
@requires_scope("redemptions:write")
@contract(
    does=("使用会员积分", "Spend a member's points"),
    takes=BurnSchema,
    gives={201: BurntSchema},
    refuses=(
        "not_linked",
        "insufficient_points",
        "account_closed",
        "no_till_terms",
        "reference_reused",
        "authorization_expired",
        "redemption_moved_on",
    ),
)
def create_burn(session: Session, asked: Mapping[str, Any]) -> Given:
    """Spend points, soonest-expiring first; a reference seen before spends no more."""
    who, actor, at = caller(), f"client:{caller().client_id}", now()
    authorize(
        session,
        Wish(
            partner=who.partner,
            partner_ref=asked["external_id"],
            member_id=member_named(session, asked["member"]["id"]),
            points=asked["quantity"]["value"],
            amount_fen=None,
            partial_allowed=False,
            actor=actor,
            at=at,
        ),
    )
    move = Move(
        partner=who.partner, partner_ref=asked["external_id"], actor=actor, at=at
    )
    told = _told(capture_held(session, move))
    return Given(told, 201, location=told["href"])


@bp.get("/loyaltyBurn/<id_>")
@requires_scope("redemptions:write")
@contract(
    does=("查看一笔积分使用", "Show where points that were spent stand"),
    asks=SelectionSchema,
    gives={200: BurntSchema},
    refuses=("unknown_redemption",),
)
def show_burn(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show points that the partner took."""
    return Given(selected(_told(redemption_named(session, id_)), asked))


def _told(redemption: MerchantRedemption) -> dict[str, Any]:
    name = redemption_id_of(redemption)
    href = url_for("tmf.show_burn", id_=name)
    return entity("LoyaltyBurn", name, href) | {
        "externalId": redemption.partner_ref,
        "quantity": {"unit": POINTS, "value": redemption.points},
        "refunded": {"unit": POINTS, "value": redemption.refunded},
        "status": redemption.state,
        "statusDate": redemption.state_at,
    }

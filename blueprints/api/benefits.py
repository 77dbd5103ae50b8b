"""What members of clubs have at partners: a code is taken, once."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import Closed, Open, written
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.clock import now
from loyalty.clubs import queries
from loyalty.clubs.benefits import use_at_partner
from loyalty.feeds.kinds import REF

_CODE_CHARS = 64


class BenefitUseSchema(Closed):
    """The code that a member shows, and the partner's own name for the use."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    code = fields.String(required=True, validate=validate.Length(1, _CODE_CHARS))


class BenefitUsedSchema(Open):
    """What the member had, and how often it can still be had."""

    partner_ref = fields.String(required=True)
    club = fields.String(required=True)
    entitlement = fields.String(required=True)
    title = fields.String(required=True)
    used_at = fields.AwareDateTime(required=True, format="iso")
    left = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "In this term; null: as often as one likes."},
    )


@bp.post("/v1/benefit-uses")
@requires_scope("redemptions:write")
@contract(
    does=("核销会员权益", "Take the code of a member's club benefit"),
    takes=BenefitUseSchema,
    gives={201: BenefitUsedSchema},
    refuses=(
        "unknown_benefit_code",
        "benefit_code_spent",
        "benefit_code_expired",
        "benefit_used_up",
        "not_a_club_member",
        "reference_reused",
    ),
)
def create_benefit_use(session: Session, asked: Mapping[str, Any]) -> Given:
    """Let a member have what a code stands for; nothing is told of the member."""
    done = use_at_partner(
        session,
        partner=caller().partner,
        partner_ref=asked["partner_ref"],
        code=asked["code"],
        actor=f"client:{caller().client_id}",
        keyring=services().keyring,
        at=now(),
    )
    benefit = queries.benefit(
        session,
        member_id=done.member_id,
        membership_ref=done.membership_ref,
        entitlement=done.entitlement,
    )
    assert benefit is not None, "what was used is what the membership brings"
    return Given(
        {
            "partner_ref": asked["partner_ref"],
            "club": done.club,
            "entitlement": done.entitlement,
            "title": benefit.title_zh,
            "used_at": done.used_at,
            "left": benefit.left,
        },
        201,
    )

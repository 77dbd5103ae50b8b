"""Whether an account at a partner is a member's of that name."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import Closed, Open, written
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.clock import now
from loyalty.feeds.kinds import REF, TEXT
from loyalty.linking.validating import validate_member

_HOLDS: Final = timedelta(hours=24)
_ID_BYTES: Final = 12


class ValidationSchema(Closed):
    """An account, and the name of whoever claims to have it."""

    account_ref = written(REF, pattern=REF_PATTERN, required=True)
    family_name = written(TEXT, required=True)
    given_name = written(TEXT, required=True)


class ValidatedSchema(Open):
    """Whether name and account are one member's."""

    id = fields.String(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["valid", "invalid", "review"])
    )
    member_ref = fields.String(
        metadata={"description": "Only where it is valid, and the member agreed."}
    )
    expires_at = fields.AwareDateTime(required=True, format="iso")


@bp.post("/v1/member-validations")
@requires_scope("members:validate")
@contract(
    does=("核对会员身份", "Check that an account is a member's of that name"),
    takes=ValidationSchema,
    gives={201: ValidatedSchema},
)
def create_validation(session: Session, asked: Mapping[str, Any]) -> Given:
    """Compare names; who is not linked, or did not agree, is invalid like nobody."""
    found = validate_member(
        session,
        partner=caller().partner,
        account_ref=asked["account_ref"],
        family_name=asked["family_name"],
        given_name=asked["given_name"],
        only=caller().member_id,
        at=now(),
    )
    told: dict[str, object] = {
        "id": f"val_{secrets.token_hex(_ID_BYTES)}",
        "status": found.status,
        "expires_at": now() + _HOLDS,
    }
    if found.member_ref is not None:
        told["member_ref"] = found.member_ref
    return Given(told, 201)

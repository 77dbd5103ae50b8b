"""Whether an account at a partner is a member's of that name."""

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
from loyalty.clients.queries import client
from loyalty.clock import now
from loyalty.feeds.kinds import REF, TEXT
from loyalty.linking.validating import Asked, validate_member
from partners.matching import PersonName


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
    refuses=("validations_locked",),
)
def create_validation(session: Session, asked: Mapping[str, Any]) -> Given:
    """Compare names; who is not linked, or did not agree, is invalid like nobody."""
    found = validate_member(
        session,
        asked=Asked(
            client=client(session, client_id=caller().client_id),
            account_ref=asked["account_ref"],
            name=PersonName(family=asked["family_name"], given=asked["given_name"]),
            only=caller().member_id,
        ),
        keyring=services().keyring,
        at=now(),
    )
    told: dict[str, object] = {
        "id": found.validation_id,
        "status": found.status,
        "expires_at": found.expires_at,
    }
    if found.member_ref is not None:
        told["member_ref"] = found.member_ref
    return Given(told, 201)

"""Consents that partners ask members for, one for each account."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.paging import PageSchema, list_of, page, place_of
from blueprints.api.shapes import Closed, Open, written
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.clients.models import PartnerClient
from loyalty.clients.rules import KINDS
from loyalty.clock import now
from loyalty.feeds.kinds import REF
from loyalty.linking.models import LinkConsent
from loyalty.linking.operations import ask, revoke
from loyalty.linking.queries import consent, consents_at, state_of
from loyalty.linking.rules import STATES


class NewConsentSchema(Closed):
    """Whose consent is asked for, and to what."""

    account_ref = written(REF, pattern=REF_PATTERN, required=True)
    kinds = fields.List(
        fields.String(validate=validate.OneOf(list(KINDS))),
        required=True,
        validate=validate.Length(1, len(KINDS)),
    )


class ConsentSchema(Open):
    """Where a consent stands."""

    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATES))
    kinds = fields.List(fields.String(), required=True)
    asked_at = fields.AwareDateTime(required=True, format="iso")
    granted_at = fields.AwareDateTime(required=True, format="iso", allow_none=True)
    expires_at = fields.AwareDateTime(required=True, format="iso")


@bp.post("/v1/link-consents")
@requires_scope("links:write")
@contract(
    does=("请求会员授权", "Ask a member for a consent, to be given in the browser"),
    takes=NewConsentSchema,
    gives={201: ConsentSchema},
)
def create_consent(session: Session, asked: Mapping[str, Any]) -> Given:
    """Write down what is asked; name it as `link_consent` when pushing a request."""
    made = ask(
        session,
        client=session.get_one(PartnerClient, caller().client_id),
        account_ref=asked["account_ref"],
        kinds=asked["kinds"],
        keyring=services().keyring,
        at=now(),
    )
    place = url_for("api.show_consent", consent_id=made.consent_ref)
    return Given(_told(made), 201, location=place)


@bp.get("/v1/link-consents")
@requires_scope("links:write")
@contract(
    does=("查看授权请求", "List the consents that were asked for"),
    asks=PageSchema,
    gives={200: list_of(ConsentSchema, "ConsentPage")},
)
def list_consents(session: Session, asked: Mapping[str, Any]) -> Given:
    """List what the partner asked for, by name."""
    rows = consents_at(
        session,
        partner=caller().partner,
        after=place_of(asked["cursor"]),
        limit=asked["limit"] + 1,
    )
    found = page(rows, limit=asked["limit"], place=lambda row: row.consent_ref)
    found["data"] = [_told(row) for row in rows[: asked["limit"]]]
    return Given(found)


@bp.get("/v1/link-consents/<consent_id>")
@requires_scope("links:write")
@contract(
    does=("查看一个授权请求", "Show where a consent stands"),
    gives={200: ConsentSchema},
    refuses=("unknown_consent",),
)
def show_consent(session: Session, consent_id: str) -> Given:
    """Show a consent of the partner."""
    return Given(
        _told(consent(session, consent_ref=consent_id, partner=caller().partner))
    )


@bp.delete("/v1/link-consents/<consent_id>")
@requires_scope("links:write")
@contract(
    does=("撤销授权", "End a consent; new calls stop at once"),
    gives={204: None},
    refuses=("unknown_consent",),
)
def delete_consent(session: Session, consent_id: str) -> Given:
    """End a consent of the partner; a second time does nothing."""
    known = consent(session, consent_ref=consent_id, partner=caller().partner)
    revoke(
        session,
        consent_ref=known.consent_ref,
        reason="partner",
        at=now(),
        partner=caller().partner,
    )
    return Given(None, 204)


def _told(found: LinkConsent) -> dict[str, object]:
    return {
        "id": found.consent_ref,
        "status": state_of(found, at=now()),
        "kinds": found.kinds,
        "asked_at": found.asked_at,
        "granted_at": found.granted_at,
        "expires_at": found.expires_at,
    }

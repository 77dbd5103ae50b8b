"""Addresses at which partners are told what happens, and what was told there."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.paging import LIMIT, LIMIT_MAX, list_of
from blueprints.api.shapes import Closed, Open, Whole
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.clock import wall
from loyalty.events.errors import AddressRefused
from loyalty.events.models import WebhookEndpoint
from loyalty.events.operations import (
    add_endpoint,
    endpoint_of,
    remove,
    replay,
    rotate_secret,
)
from loyalty.events.queries import deliveries, endpoints
from loyalty.events.rules import TYPES
from partners.webhooks import URL_LENGTH_MAX, BadAddress, place_of

_SEQUENCE_MAX = 2**53 - 1


class NewEndpointSchema(Closed):
    """An address, and what it wants to know."""

    url = fields.String(
        required=True,
        validate=validate.Length(1, URL_LENGTH_MAX),
        metadata={"example": "https://points.bank.example/hooks"},
    )
    types = fields.List(
        fields.String(validate=validate.OneOf(TYPES)),
        required=True,
        validate=validate.Length(1, len(TYPES)),
    )


class EndpointSchema(Open):
    """An address, and how far it has been told."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    types = fields.List(fields.String(), required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(["enabled", "failing", "disabled"])
    )
    last_sequence = fields.Integer(required=True)
    next_sequence = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True, format="iso")


class SecretEndpointSchema(EndpointSchema):
    """An address with the secret that signs what is told there, shown this once."""

    secret = fields.String(required=True)


class EndpointsSchema(Open):
    """All addresses of a partner; there are few."""

    data = fields.List(fields.Nested(EndpointSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AfterSchema(Closed):
    """Which deliveries."""

    after_sequence = fields.Integer(
        load_default=0, validate=validate.Range(0, _SEQUENCE_MAX)
    )
    limit = fields.Integer(load_default=LIMIT, validate=validate.Range(1, LIMIT_MAX))


class DeliverySchema(Open):
    """An event as it was told, or will be."""

    sequence = fields.Integer(required=True)
    id = fields.String(required=True)
    type = fields.String(required=True)
    occurred_at = fields.AwareDateTime(required=True, format="iso")
    data = fields.Dict(required=True)
    delivered_at = fields.AwareDateTime(required=True, format="iso", allow_none=True)
    attempts = fields.Integer(required=True)
    last_status = fields.Integer(required=True, allow_none=True)
    last_fault = fields.String(required=True, allow_none=True)


class ReplaySchema(Closed):
    """From which number on everything is told again."""

    from_sequence = Whole(required=True, validate=validate.Range(1, _SEQUENCE_MAX))


@bp.post("/v1/webhook-endpoints")
@requires_scope("webhooks:write")
@contract(
    does=("登记事件推送地址", "Name an address at which events are told"),
    takes=NewEndpointSchema,
    gives={201: SecretEndpointSchema},
    refuses=("address_refused", "too_many_endpoints"),
)
def create_endpoint(session: Session, asked: Mapping[str, Any]) -> Given:
    """Take an address; its secret is shown this once."""
    endpoint, secret = listen_at(session, url=asked["url"], types=asked["types"])
    place = url_for("api.show_endpoint", endpoint_id=endpoint.endpoint_id)
    return Given(_told(endpoint) | {"secret": secret}, 201, location=place)


@bp.get("/v1/webhook-endpoints")
@requires_scope("webhooks:write")
@contract(
    does=("查看事件推送地址", "List the addresses at which events are told"),
    gives={200: EndpointsSchema},
)
def list_endpoints(session: Session) -> Given:
    """List the partner's addresses, the oldest first."""
    found = endpoints(session, partner=caller().partner)
    return Given({"data": [_told(one) for one in found], "next_cursor": None})


@bp.get("/v1/webhook-endpoints/<endpoint_id>")
@requires_scope("webhooks:write")
@contract(
    does=("查看一个事件推送地址", "Show how far an address has been told"),
    gives={200: EndpointSchema},
    refuses=("unknown_endpoint",),
)
def show_endpoint(session: Session, endpoint_id: str) -> Given:
    """Show an address of the partner."""
    return Given(_told(_endpoint(session, endpoint_id)))


@bp.delete("/v1/webhook-endpoints/<endpoint_id>")
@requires_scope("webhooks:write")
@contract(
    does=("停用事件推送地址", "Tell an address nothing any more"),
    gives={204: None},
    refuses=("unknown_endpoint",),
)
def delete_endpoint(session: Session, endpoint_id: str) -> Given:
    """Forget an address of the partner."""
    remove(session, _endpoint(session, endpoint_id), at=wall())
    return Given(None, 204)


@bp.post("/v1/webhook-endpoints/<endpoint_id>/rotate-secret")
@requires_scope("webhooks:write")
@contract(
    does=("更换推送密钥", "Make a new secret; for 24 hours the old one signs too"),
    gives={200: SecretEndpointSchema},
    refuses=("unknown_endpoint",),
)
def rotate_endpoint_secret(session: Session, endpoint_id: str) -> Given:
    """Give an address a new secret, shown this once."""
    endpoint = _endpoint(session, endpoint_id)
    secret = rotate_secret(session, endpoint, keyring=services().keyring, at=wall())
    return Given(_told(endpoint) | {"secret": secret})


@bp.get("/v1/webhook-endpoints/<endpoint_id>/deliveries")
@requires_scope("webhooks:write")
@contract(
    does=("查看推送记录", "List what was told, or will be, after a number"),
    asks=AfterSchema,
    gives={200: list_of(DeliverySchema, "DeliveryPage")},
    refuses=("unknown_endpoint",),
)
def list_deliveries(
    session: Session, asked: Mapping[str, Any], endpoint_id: str
) -> Given:
    """List events in the order of their numbers, with what came of telling them."""
    endpoint = _endpoint(session, endpoint_id)
    found = deliveries(
        session,
        endpoint_id=endpoint.endpoint_id,
        after_sequence=asked["after_sequence"],
        limit=asked["limit"],
    )
    return Given({"data": found, "next_cursor": None})


@bp.post("/v1/webhook-endpoints/<endpoint_id>/replay")
@requires_scope("webhooks:write")
@contract(
    does=("从某个序号起重新推送", "Tell everything again from a number on"),
    takes=ReplaySchema,
    gives={200: EndpointSchema},
    refuses=("unknown_endpoint", "sequence_out_of_range"),
)
def replay_endpoint(
    session: Session, asked: Mapping[str, Any], endpoint_id: str
) -> Given:
    """Go back to a number; an address that was disabled is told again."""
    endpoint = _endpoint(session, endpoint_id)
    replay(session, endpoint, from_sequence=asked["from_sequence"])
    return Given(_told(endpoint))


def listen_at(
    session: Session, *, url: str, types: Collection[str]
) -> tuple[WebhookEndpoint, str]:
    """Tell the caller's partner at an address; return the secret too.

    Raises `AddressRefused`, `TooManyEndpoints`.
    """
    try:
        place_of(url, loopback=services().settings.webhooks_to_loopback)
    except BadAddress as error:
        raise AddressRefused(why=str(error)) from error
    return add_endpoint(
        session,
        partner=caller().partner,
        url=url,
        types=types,
        keyring=services().keyring,
        at=wall(),
    )


def _endpoint(session: Session, endpoint_id: str) -> WebhookEndpoint:
    return endpoint_of(session, partner=caller().partner, endpoint_id=endpoint_id)


def _told(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.endpoint_id,
        "url": endpoint.url,
        "types": endpoint.types,
        "state": _state(endpoint.disabled_at, endpoint.failing_since),
        "last_sequence": endpoint.last_sequence,
        "next_sequence": endpoint.next_sequence,
        "created_at": endpoint.created_at,
    }


def _state(disabled_at: datetime | None, failing_since: datetime | None) -> str:
    if disabled_at is not None:
        return "disabled"
    return "enabled" if failing_since is None else "failing"

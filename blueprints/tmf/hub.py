"""Listeners: addresses at which events are told, by TM Forum's name."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from flask import url_for
from marshmallow import ValidationError, fields, validate
from sqlalchemy.orm import Session

from blueprints.api.contract import Given, contract
from blueprints.api.webhooks import listen_at
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.tmf import bp
from blueprints.tmf.shapes import EntitySchema, NamedSchema, entity
from loyalty.clock import wall
from loyalty.events.models import WebhookEndpoint
from loyalty.events.operations import endpoint_of, remove
from loyalty.events.rules import TYPES
from partners.webhooks import URL_LENGTH_MAX

_TYPE: Final = "eventType"
_QUERY_LENGTH_MAX: Final = 1_000


def _types(query: str) -> list[str]:
    """Return the types of event that a query names, one or many: all if it is empty.

    Raises `ValidationError`.
    """
    if not query:
        return list(TYPES)
    try:
        told = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise ValidationError("Not a query.") from error
    types = ",".join(told.pop(_TYPE, [])).split(",")
    if told or not set(types) <= set(TYPES):
        raise ValidationError(f"Only {_TYPE}, of types that there are.")
    return types


def _check(query: str) -> None:
    _types(query)


class ListenerSchema(NamedSchema):
    """An address, and which events it wants: `eventType=accrual.posted,…`."""

    callback = fields.String(required=True, validate=validate.Length(1, URL_LENGTH_MAX))
    query = fields.String(
        load_default="",
        validate=[validate.Length(0, _QUERY_LENGTH_MAX), _check],
    )


class SubscriptionSchema(EntitySchema):
    """An address that is told."""

    callback = fields.String(required=True)
    query = fields.String(required=True)


class NewSubscriptionSchema(SubscriptionSchema):
    """An address with the secret that signs what is told there, shown this once."""

    secret = fields.String(required=True)


@bp.post("/hub")
@requires_scope("webhooks:write")
@contract(
    does=("登记事件监听", "Register a listener"),
    takes=ListenerSchema,
    gives={201: NewSubscriptionSchema},
    refuses=("address_refused", "too_many_endpoints"),
)
def create_listener(session: Session, asked: Mapping[str, Any]) -> Given:
    """Take an address; it is told as every webhook endpoint is."""
    types = _types(asked["query"])
    endpoint, secret = listen_at(session, url=asked["callback"], types=types)
    told = _told(endpoint) | {"secret": secret}
    return Given(told, 201, location=told["href"])


@bp.get("/hub/<id_>")
@requires_scope("webhooks:write")
@contract(
    does=("查看事件监听", "Show a listener"),
    gives={200: SubscriptionSchema},
    refuses=("unknown_endpoint",),
)
def show_listener(session: Session, id_: str) -> Given:
    """Show an address of the partner."""
    found = endpoint_of(session, partner=caller().partner, endpoint_id=id_)
    return Given(_told(found))


@bp.delete("/hub/<id_>")
@requires_scope("webhooks:write")
@contract(
    does=("注销事件监听", "Unregister a listener"),
    gives={204: None},
    refuses=("unknown_endpoint",),
)
def delete_listener(session: Session, id_: str) -> Given:
    """Tell an address nothing any more."""
    found = endpoint_of(session, partner=caller().partner, endpoint_id=id_)
    remove(session, found, at=wall())
    return Given(None, 204)


def _told(endpoint: WebhookEndpoint) -> dict[str, Any]:
    href = url_for("tmf.show_listener", id_=endpoint.endpoint_id)
    return entity("EventSubscription", endpoint.endpoint_id, href) | {
        "callback": endpoint.url,
        "query": urlencode({_TYPE: ",".join(endpoint.types)}, safe=","),
    }

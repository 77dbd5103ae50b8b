"""The API described: for machines as OpenAPI 3.1, for people as a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from blueprints.api import bp
from blueprints.api.contract import Contract
from blueprints.api.shapes import Open
from blueprints.oauth.issuer import address_of
from blueprints.sessions import public

VERSION: Final = "1.0.0"
_PROBLEMS: Final = {
    400: "The request is malformed; `errors` says where.",
    401: "There is no good access token.",
    403: "The token does not carry the scope.",
    404: "There is no such thing, or not for this partner.",
    405: "This address does not take that method.",
    409: "It contradicts what is already there.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A rule says no.",
    429: "The client calls too often.",
    503: "It cannot be done right now.",
}
_WITH_BODY: Final = (409, 413, 415)
_ALWAYS: Final = (400, 401, 403, 404, 405, 413, 422, 429, 503)


class FaultSchema(Open):
    """What is wrong with one field."""

    pointer = fields.String(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)


class ProblemSchema(Open):
    """What went wrong (RFC 9457), with the facts as further members."""

    type = fields.String(required=True, metadata={"example": "/problems/not_linked"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    instance = fields.String()
    errors = fields.List(fields.Nested(FaultSchema))


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address."""

    method: str
    path: str  # as OpenAPI writes it
    name: str
    scopes: tuple[str, ...]
    contract: Contract

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"{(\w+)}", self.path)


@bp.get("/v1/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Describe the API to machines."""
    return jsonify(_document())


@bp.get("/docs")
@public
def docs() -> ResponseReturnValue:
    """Describe the API to people."""
    return render_template(
        "api/docs.html",
        operations=list(operations()),
        document=_document(),
        problems=_PROBLEMS,
        example=_example,
    )


def operations() -> Iterator[Operation]:
    """Give all that can be asked, in the order of addresses."""
    rules = sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule)
    for rule in rules:
        view = current_app.view_functions[rule.endpoint]
        held = getattr(view, "contract", None)
        if held is None or not rule.endpoint.startswith("api."):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Operation(
                method=method,
                path=_templated(rule),
                name=rule.endpoint.removeprefix("api."),
                scopes=getattr(view, "required_scopes", ()),
                contract=held,
            )


def _templated(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _document() -> dict[str, Any]:
    spec = APISpec(
        title="Jifen partner API",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin()],
        info={
            "description": "Points of the alliance, for partners' systems.",
            "license": {"name": "MIT"},
        },
    )
    spec.components.security_scheme(
        "oauth2",
        {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": address_of("oauth.token"),
                    "scopes": _scopes(),
                }
            },
        },
    )
    spec.components.schema("Problem", schema=ProblemSchema)
    for status, said in _PROBLEMS.items():
        spec.components.response(
            f"Problem{status}",
            {
                "description": said,
                "content": {
                    "application/problem+json": {
                        "schema": {"$ref": "#/components/schemas/Problem"}
                    }
                },
            },
        )
    for one in operations():
        spec.path(path=one.path, operations={one.method.lower(): _described(one)})
    return spec.to_dict()


def _scopes() -> dict[str, str]:
    return {scope: scope for one in operations() for scope in one.scopes}


def _described(one: Operation) -> dict[str, Any]:
    held = one.contract
    parameters: list[Any] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in one.parameters
    ]
    if one.method == "POST":
        parameters.append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": True,
                "description": "Same key, same request: the same answer, for 48 hours.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]+$",
                },
            }
        )
    if held.asks is not None:
        parameters.append({"in": "query", "schema": held.asks})
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": held.does[1],
        "description": _refusals(held),
        "security": [{"oauth2": list(one.scopes)}],
        "parameters": parameters,
        "responses": _responses(one),
    }
    if held.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": held.takes}},
        }
    return described


def _refusals(held: Contract) -> str:
    if not held.refuses:
        return ""
    return "May be refused as " + ", ".join(f"`{code}`" for code in held.refuses) + "."


def _responses(one: Operation) -> dict[str, Any]:
    statuses = set(_ALWAYS)
    if one.method == "POST":
        statuses |= set(_WITH_BODY)
    told: dict[str, Any] = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in sorted(statuses)
    }
    for status, schema in one.contract.gives.items():
        answer: dict[str, Any] = {"description": one.contract.does[1]}
        if schema is not None:
            answer["content"] = {"application/json": {"schema": schema}}
        told[str(status)] = answer
    return told


def _example(document: dict[str, Any], schema: type[Schema]) -> list[dict[str, Any]]:
    """Return the fields of a request as a table shows them."""
    name = schema.__name__.removesuffix("Schema")
    described = document["components"]["schemas"][name]
    return [
        {"name": field, "required": field in described.get("required", ())} | facts
        for field, facts in described["properties"].items()
    ]

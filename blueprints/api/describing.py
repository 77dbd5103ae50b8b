"""The operations of a face described as OpenAPI 3.1, from what checks each call."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import current_app
from marshmallow import Schema
from werkzeug.routing import Rule

from blueprints.api.contract import Contract
from blueprints.oauth.issuer import address_of

VERSION: Final = "1.0.0"
PROBLEMS: Final = {
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Operations that are described together, and how they tell errors."""

    blueprint: str
    title: str
    description: str
    error: type[Schema]
    error_type: str  # the media type of errors
    gives_list: Callable[[Contract], bool] = lambda _: False


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


def operations(face: Face) -> Iterator[Operation]:
    """Give all that can be asked of a face, in the order of addresses."""
    rules = sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule)
    for rule in rules:
        view = current_app.view_functions[rule.endpoint]
        held = getattr(view, "contract", None)
        if held is None or not rule.endpoint.startswith(f"{face.blueprint}."):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Operation(
                method=method,
                path=_templated(rule),
                name=rule.endpoint.removeprefix(f"{face.blueprint}."),
                scopes=getattr(view, "required_scopes", ()),
                contract=held,
            )


def _templated(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def document_of(face: Face) -> dict[str, Any]:
    """Return the description of a face."""
    spec = APISpec(
        title=face.title,
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_name_of(face))],
        info={
            "description": face.description,
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
                    "scopes": _scopes(face),
                }
            },
        },
    )
    for status, said in PROBLEMS.items():
        spec.components.response(
            f"Problem{status}",
            {
                "description": said,
                "content": {
                    face.error_type: {"schema": face.error},
                },
            },
        )
    for one in operations(face):
        described = _described(face, one)
        spec.path(path=one.path, operations={one.method.lower(): described})
    return spec.to_dict()


def _name_of(face: Face) -> Callable[[Any], str]:
    """Return what schemas are called; those of another face bear its name too."""

    def name(schema: Any) -> str:
        known: Any = resolve_schema_cls(schema)
        bare = str(known.__name__).removesuffix("Schema")
        _, _, home = str(known.__module__).partition("blueprints.")
        other = home.partition(".")[0]
        return bare if other in ("", face.blueprint) else f"{other.capitalize()}{bare}"

    return name


def _scopes(face: Face) -> dict[str, str]:
    return {scope: scope for one in operations(face) for scope in one.scopes}


def _described(face: Face, one: Operation) -> dict[str, Any]:
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
        "responses": _responses(face, one),
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


def _responses(face: Face, one: Operation) -> dict[str, Any]:
    statuses = set(_ALWAYS)
    if one.method == "POST":
        statuses |= set(_WITH_BODY)
    told: dict[str, Any] = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in sorted(statuses)
    }
    for status, schema in one.contract.gives.items():
        answer: dict[str, Any] = {"description": one.contract.does[1]}
        if one.contract.file is not None:
            whole = {"type": "string", "contentMediaType": one.contract.file}
            answer["content"] = {one.contract.file: {"schema": whole}}
        if schema is not None:
            told_as: Any = schema
            if face.gives_list(one.contract):
                told_as = {"type": "array", "items": schema}
            answer["content"] = {"application/json": {"schema": told_as}}
        told[str(status)] = answer
    return told

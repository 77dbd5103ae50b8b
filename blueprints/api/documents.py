"""The API described: for machines as OpenAPI 3.1, for people as a page."""

from typing import Any, Final

from flask import jsonify, render_template
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from blueprints.api import bp
from blueprints.api.describing import PROBLEMS, Face, document_of, operations
from blueprints.api.shapes import Open
from blueprints.sessions import public


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


API: Final = Face(
    blueprint="api",
    title="Jifen partner API",
    description="Points of the alliance, for partners' systems.",
    error=ProblemSchema,
    error_type="application/problem+json",
)


@bp.get("/v1/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Describe the API to machines."""
    return jsonify(document_of(API))


@bp.get("/docs")
@public
def docs() -> ResponseReturnValue:
    """Describe the API to people."""
    return render_template(
        "api/docs.html",
        operations=list(operations(API)),
        document=document_of(API),
        problems=PROBLEMS,
        example=_example,
    )


def _example(document: dict[str, Any], schema: type[Schema]) -> list[dict[str, Any]]:
    """Return the fields of a request as a table shows them."""
    name = schema.__name__.removesuffix("Schema")
    described = document["components"]["schemas"][name]
    return [
        {"name": field, "required": field in described.get("required", ())} | facts
        for field, facts in described["properties"].items()
    ]

"""The facade described to machines."""

from typing import Final

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import fields

from blueprints.api.contract import Contract
from blueprints.api.describing import Face, document_of
from blueprints.api.shapes import Open
from blueprints.sessions import public
from blueprints.tmf import bp
from blueprints.tmf.listing import ListSchema


class ErrorSchema(Open):
    """What went wrong, in TM Forum's shape."""

    type_ = fields.String(required=True, data_key="@type")
    code = fields.String(required=True)
    reason = fields.String(required=True)
    message = fields.String(required=True)
    status = fields.Integer(required=True)
    reference_error = fields.String(required=True, data_key="referenceError")


def _gives_list(held: Contract) -> bool:
    return held.asks is not None and issubclass(held.asks, ListSchema)


TMF658: Final = Face(
    blueprint="tmf",
    title="Jifen loyalty management (TMF658)",
    description="The partner API by the names of TM Forum.",
    error=ErrorSchema,
    error_type="application/json",
    gives_list=_gives_list,
)


@bp.get("/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Describe the facade."""
    return jsonify(document_of(TMF658))

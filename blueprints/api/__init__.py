"""The API of partners' machines: JSON in, JSON out, each call answered once."""

from flask import Blueprint, Flask, Response, g

from blueprints.sessions import csrf, request_id

CALLS_PER_MINUTE = 1_200

bp = Blueprint("api", __name__, url_prefix="/api", template_folder="templates")

# The views import `bp` from here, so they come last.
from blueprints.api import (  # noqa: E402
    accruals,  # noqa: F401
    benefits,  # noqa: F401
    documents,  # noqa: F401
    exchanges,  # noqa: F401
    issued,  # noqa: F401
    links,  # noqa: F401
    members,  # noqa: F401
    orders,  # noqa: F401
    redemptions,  # noqa: F401
    statements,  # noqa: F401
    totals,  # noqa: F401
    validations,  # noqa: F401
    webhooks,  # noqa: F401
)


def register(app: Flask) -> None:
    """Add the API: it knows no cookies, so that no form can be forged to it."""
    app.config.setdefault("API_CALLS_PER_MINUTE", CALLS_PER_MINUTE)
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.after_request(_tell)


def _tell(response: Response) -> Response:
    """Name the request, and say how many more there may be."""
    if "rate_headers" in g:
        response.headers.update(g.rate_headers)
        response.headers["X-Request-Id"] = request_id()
        response.headers["Cache-Control"] = "no-store"
    return response

"""The telecom industry's loyalty API (TMF658) as a facade over the partner API.

Words and addresses are TMF658's; use cases, tokens, keys and problems are those of
`/api/v1`. Earn and burn are sub-resources with opening and closing balance.
"""

from flask import Blueprint, Flask

from blueprints.sessions import csrf

bp = Blueprint("tmf", __name__, url_prefix="/tmf-api/loyaltyManagement/v4")

# The views import `bp` from here, so they come last.
from blueprints.tmf import views  # noqa: E402, F401


def register(app: Flask) -> None:
    """Add the facade: it knows no cookies, so that no form can be forged to it."""
    csrf.exempt(bp)
    app.register_blueprint(bp)

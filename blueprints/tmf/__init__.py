"""TM Forum's loyalty API (TMF658): the names of telecoms for what the API does."""

from typing import Final

from flask import Blueprint, Flask

from blueprints.sessions import csrf

ROOT: Final = "/tmf-api/loyaltyManagement/v4"

bp = Blueprint("tmf", __name__, url_prefix=ROOT)

# The views import `bp` from here, so they come last.
from blueprints.tmf import (  # noqa: E402
    account_moves,  # noqa: F401
    accounts,  # noqa: F401
    burning,  # noqa: F401
    documents,  # noqa: F401
    earning,  # noqa: F401
    hub,  # noqa: F401
    listing,
    programmes,  # noqa: F401
)


def register(app: Flask) -> None:
    """Add the facade: like the API, it knows no cookies."""
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.after_request(listing.tell_counts)

"""The pages of finance and service staff."""

from flask import Blueprint

bp = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)

# The views import `bp` from here, so they come last.
from blueprints.console import (  # noqa: E402
    signing_in,  # noqa: F401
)

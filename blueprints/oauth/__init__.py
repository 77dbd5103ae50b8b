"""The authorization server: who a partner's machine is, and what a member let it do.

Authlib carries the protocol; what it lacks (RFC 9126, RFC 9449) is written here.
"""

from flask import Blueprint

bp = Blueprint("oauth", __name__, template_folder="templates")

# The views import `bp` from here, so they come last.
from blueprints.oauth import (  # noqa: E402
    asking,  # noqa: F401
    discovery,  # noqa: F401
    tokens,  # noqa: F401
)

"""The first page: what you have, what it is worth, what runs out, what to do."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.sessions import public
from blueprints.web import bp


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    """Welcome a guest, or show members what they have."""
    return render_template("web/welcome.html")

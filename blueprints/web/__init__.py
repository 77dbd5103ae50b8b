"""The pages of subscribers."""

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from blueprints import current_database, sessions
from blueprints.sessions import public
from loyalty.finance.queries import figures as programme_figures
from loyalty.migrate import current_revision

bp = Blueprint(
    "web",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


@bp.app_context_processor
def _who() -> dict[str, object]:
    """Tell the layout who is signed in, if that can be told."""
    member = getattr(sessions, "member", None)
    try:
        return {"signed_in": member() if member else None}
    except SQLAlchemyError:  # the page that says so is drawn with this layout too
        return {"signed_in": None}


@bp.get("/status")
@public
def status() -> ResponseReturnValue:
    """Show that the house stands, on which revision, and how much it keeps."""
    with current_database().unit_of_work() as session:
        revision = current_revision(session.connection())
        figures = programme_figures(session) if revision else None
    return render_template("web/status.html", revision=revision, figures=figures)


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Answer a load balancer: 200 while the database answers, 503 otherwise."""
    current_database().check()
    return jsonify(status="ok")


# The views import `bp` from here, so they come last.
from blueprints.web import (  # noqa: E402
    accounts,  # noqa: F401
    buying,  # noqa: F401
    checkout,  # noqa: F401
    clubs,  # noqa: F401
    contests,  # noqa: F401
    exchange,  # noqa: F401
    home,  # noqa: F401
    insurance,  # noqa: F401
    leaving,  # noqa: F401
    links,  # noqa: F401
    orders,  # noqa: F401
    own_keys,  # noqa: F401
    places,  # noqa: F401
    profile,  # noqa: F401
    shop,  # noqa: F401
    signing_in,  # noqa: F401
    statement,  # noqa: F401
    tiers,  # noqa: F401
)

"""The pages of subscribers."""

from flask import Blueprint, Response, after_this_request, jsonify, render_template
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.language import language, speak
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
def _words() -> dict[str, object]:
    return {"lang": language(), "t": speak}


@bp.get("/")
def status() -> ResponseReturnValue:
    """Show that the house stands, on which revision, and how much it keeps."""
    after_this_request(_by_language)
    with current_database().unit_of_work() as session:
        revision = current_revision(session.connection())
        figures = programme_figures(session) if revision else None
    return render_template("web/status.html", revision=revision, figures=figures)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Answer a load balancer: 200 while the database answers, 503 otherwise."""
    current_database().check()
    return jsonify(status="ok")


def _by_language(response: Response) -> Response:
    response.vary.add("Accept-Language")
    response.content_language.add(language())
    return response

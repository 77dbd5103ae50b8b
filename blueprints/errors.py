"""The only translation of errors into HTTP: problem details, or a page for people."""

import logging
from http import HTTPStatus

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from blueprints import wording
from blueprints.api.problems import Problem
from blueprints.oauth.errors import (
    NotLetIn,
    ScopeMissing,
    TokenMisplaced,
)
from blueprints.sessions import request_id
from blueprints.tmf.errors import error_body
from loyalty.calls.errors import CallUnderWay
from loyalty.errors import Conflict, LoyaltyError, Missing, Refused, Unavailable

log = logging.getLogger(__name__)

# The first family that fits: what a token does not open comes before what it is not.
_STATUS: dict[type[LoyaltyError], HTTPStatus] = {
    TokenMisplaced: HTTPStatus.BAD_REQUEST,
    ScopeMissing: HTTPStatus.FORBIDDEN,
    NotLetIn: HTTPStatus.UNAUTHORIZED,
    Missing: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_TMF_PATH = "/tmf-api/"
_MACHINE_PATHS = (
    "/api/",
    "/oauth/",
    _TMF_PATH,
    "/hooks/",
    "/healthz",
    "/.well-known",
)
# Where a person is asked, in the midst of what machines ask.
_PEOPLE_PATHS = ("/oauth/authorize", "/api/docs")
_RETRY_SECONDS = "2"


def register(app: Flask) -> None:
    """Answer every error of the application from here."""
    app.register_error_handler(LoyaltyError, _loyalty_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _loyalty_error(error: LoyaltyError) -> ResponseReturnValue:
    answer = _answer(
        _status(error), error.code, error.title, error.facts, wording.say(error)
    )
    if isinstance(error, NotLetIn):
        answer.headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, Unavailable | CallUnderWay):
        answer.headers["Retry-After"] = _RETRY_SECONDS
    if isinstance(error, Problem):
        answer.headers.update(error.headers)
    return answer


def _status(error: LoyaltyError) -> HTTPStatus:
    if isinstance(error, Problem):
        return error.status
    family = next(family for family in _STATUS if isinstance(error, family))
    return _STATUS[family]


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:  # noqa: PLR2004 - a redirect is no error
        return error
    status = HTTPStatus(error.code)
    answer = _answer(status, status.name.lower(), f"{status.phrase}.", {})
    # What the protocol asks for beside the body: Allow, Retry-After and their like.
    for name, value in error.get_headers():
        if name != "Content-Type":
            answer.headers[name] = value
    return answer


def _database_error(error: OperationalError) -> ResponseReturnValue:
    log.error("the database failed: %s", error.orig)
    answer = _answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_silent",
        "The database does not answer.",
        {},
    )
    answer.headers["Retry-After"] = _RETRY_SECONDS
    return answer


def _unexpected(error: Exception) -> ResponseReturnValue:
    log.error("unexpected error on %s", request.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(status, "internal_server_error", f"{status.phrase}.", {})


def _answer(
    status: HTTPStatus,
    code: str,
    title: str,
    facts: dict[str, object],
    said: str | None = None,
) -> Response:
    if request.path.startswith(_TMF_PATH):
        return _tmf_error(status, code, title, facts)
    if _is_asked_by_machine():
        return _problem(status, code, title, facts)
    heading, advice = wording.page(int(status))
    page = render_template(
        "error.html", status=int(status), heading=heading, said=said or advice
    )
    return Response(page, status=status)


def _is_asked_by_machine() -> bool:
    if request.path.startswith(_PEOPLE_PATHS):
        return False
    if request.path.startswith(_MACHINE_PATHS):
        return True
    accepted = request.accept_mimetypes
    return accepted.best_match(("text/html", "application/json")) == "application/json"


def _problem(
    status: HTTPStatus, code: str, title: str, facts: dict[str, object]
) -> Response:
    """Return problem details as RFC 9457 has them, with the facts as members."""
    # The standard's own members win over a fact that shares a name with them.
    body = facts | {
        "type": f"/problems/{code}",
        "title": title,
        "status": int(status),
        "code": code,
        "request_id": request_id(),
        "instance": request.path,
    }
    response = jsonify(body)
    response.headers["X-Request-Id"] = request_id()
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _tmf_error(
    status: HTTPStatus, code: str, title: str, facts: dict[str, object]
) -> Response:
    """Return an error as TM Forum's APIs have it."""
    response = jsonify(error_body(int(status), code, title, facts))
    response.headers["X-Request-Id"] = request_id()
    response.status_code = status
    return response

"""What an address takes and gives, and how a call to it is answered.

A view says it with `contract`, from which the OpenAPI document is written too; it is
handed a session and what was asked, and says what came of it. Every POST is answered
once: its answer is kept in the transaction of what it did.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from flask import Response, abort, current_app, g, request
from marshmallow import Schema, ValidationError
from sqlalchemy.orm import Session

from blueprints import services
from blueprints.api.problems import KeyMissing, Malformed, NotJson, TooManyCalls
from blueprints.oauth.protecting import caller
from loyalty.calls.operations import Answer, Call, count, first_answer, keep
from loyalty.clock import wall
from loyalty.database import retrying

KEY_LENGTH_MAX: Final = 255
BODY_BYTES_MAX: Final = 1024 * 1024
CALLS_PER_MINUTE: Final = "API_CALLS_PER_MINUTE"
_MINUTE: Final = 60
_CODES: Final = {
    "Missing data for required field.": "missing",
    "Unknown field.": "unknown",
    "Field may not be null.": "null",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What came of a call."""

    body: object  # bytes of a file, or what its schema dumps
    status: int = 200
    location: str | None = None  # None: nothing was made that has an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What an address takes and gives."""

    does: tuple[str, str]  # in Chinese and English
    gives: Mapping[int, type[Schema] | None]  # by status; None: no body
    takes: type[Schema] | None = None  # None: no body
    asks: type[Schema] | None = None  # of the query; None: nothing
    refuses: tuple[str, ...] = ()  # codes of the rules that may say no
    file: str | None = None  # the media type of what is no JSON; None: it is JSON


def contract(**said: Any) -> Callable[[Callable[..., Given]], Callable[..., Response]]:
    """Answer calls to a view as it says here."""
    held = Contract(**said)

    def decorate(view: Callable[..., Given]) -> Callable[..., Response]:
        @wraps(view)
        def answered(**path: Any) -> Response:
            if (request.content_length or 0) > BODY_BYTES_MAX:
                abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            request.max_content_length = BODY_BYTES_MAX
            _count()
            asked = _asked(held)

            if held.file is not None:
                given = retrying(
                    services().database, lambda session: view(session, *asked, **path)
                )
                assert isinstance(given.body, bytes)
                return Response(given.body, mimetype=held.file)

            def work(session: Session) -> Answer:
                given = view(session, *asked, **path)
                return _answer(held, given)

            if request.method == "POST":
                return _once(work)
            answer = retrying(services().database, work)
            return _response(answer)

        answered.contract = held  # type: ignore[attr-defined]
        return answered

    return decorate


def _count() -> None:
    """Count the call, and say how many are left.

    Raises `TooManyCalls`.
    """
    at = wall()
    calls_max = int(current_app.config[CALLS_PER_MINUTE])
    with services().database.unit_of_work() as session:
        calls = count(session, client_id=caller().client_id, at=at)
    left, seconds = max(calls_max - calls, 0), _MINUTE - at.second
    g.rate_headers = {
        "RateLimit-Policy": f'"calls";q={calls_max};w={_MINUTE}',
        "RateLimit": f'"calls";r={left};t={seconds}',
    }
    if calls > calls_max:
        raise TooManyCalls(calls_max=calls_max, retry_after=seconds)


def _asked(held: Contract) -> tuple[Any, ...]:
    """Return what the view is handed: the body, or the query, if it takes one."""
    asked: list[Any] = []
    if held.takes is not None:
        asked.append(_loaded(held.takes, _body()))
    elif request.get_data():
        raise Malformed(errors=[_fault("", "unknown", "No body is taken here.")])
    query = request.args.to_dict()
    if held.asks is not None:
        asked.append(_loaded(held.asks, query))
    elif query:
        raise Malformed(
            errors=[_fault(f"/{name}", "unknown", "Unknown field.") for name in query]
        )
    return tuple(asked)


def _body() -> Any:
    if not request.is_json:
        raise NotJson
    try:
        # No amount becomes a float on its way in.
        return json.loads(
            request.get_data(), parse_float=Decimal, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        fault = _fault("", "invalid", "The body is not JSON.")
        raise Malformed(errors=[fault]) from error


def _no_number(name: str) -> None:
    raise ValueError(name)


def _loaded(schema: type[Schema], told: Any) -> Any:
    try:
        return schema().load(told)
    except ValidationError as error:
        raise Malformed(errors=list(_faults(error.messages))) from error


def _faults(messages: Any, pointer: str = "") -> Any:
    """Give the faults of a request, each with where it is (RFC 6901)."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            part = "" if name == "_schema" else f"/{_escaped(name)}"
            yield from _faults(below, pointer + part)
        return
    for message in messages if isinstance(messages, list) else [messages]:
        yield _fault(pointer, _CODES.get(message, "invalid"), str(message))


def _escaped(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _once(work: Callable[[Session], Answer]) -> Response:
    """Do the work, unless the same call has been answered before."""
    key = request.headers.get("Idempotency-Key", "")
    if not (0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise KeyMissing
    whole = b"\n".join(
        (request.method.encode(), request.full_path.encode(), request.get_data())
    )
    call = Call(caller().client_id, key, hashlib.sha256(whole).digest())
    keyring = services().keyring

    def answer(session: Session) -> tuple[Answer, bool]:
        known = first_answer(session, call, keyring=keyring, at=wall())
        if known is not None:
            return known, True
        made = work(session)
        keep(session, call, made, keyring=keyring)
        return made, False

    answer_, replayed = retrying(services().database, answer)
    response = _response(answer_)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _answer(held: Contract, given: Given) -> Answer:
    schema = held.gives[given.status]
    many = isinstance(given.body, list)
    body = "" if schema is None else _json(schema().dump(given.body, many=many))
    return Answer(given.status, body, given.location)


def _json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _response(answer: Answer) -> Response:
    response = Response(
        answer.body or None, status=answer.status, mimetype="application/json"
    )
    if answer.location is not None:
        response.headers["Location"] = answer.location
    return response


__all__ = ["Contract", "Given", "contract"]

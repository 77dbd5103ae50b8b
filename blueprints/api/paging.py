"""Lists, a page at a time: what comes next is a signed word of ours."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from flask import request
from marshmallow import Schema, fields, validate

from blueprints import services
from blueprints.api.problems import BadCursor
from blueprints.api.shapes import Closed, Open
from blueprints.oauth.protecting import caller

T = TypeVar("T")

LIMIT_MAX: Final = 200
LIMIT: Final = 50
_PURPOSE = "api.cursor"
_MAC_BYTES = 16
_CURSOR_LENGTH_MAX = 500


class PageSchema(Closed):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=LIMIT,
        validate=validate.Range(1, LIMIT_MAX),
        metadata={"description": "How many at most."},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(1, _CURSOR_LENGTH_MAX),
        metadata={"description": "The next_cursor of the page before."},
    )


def list_of(schema: type[Schema], name: str) -> type[Schema]:
    """Return the schema of a page of a list."""
    return Open.from_dict(
        {
            "data": fields.List(fields.Nested(schema), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
        name=name,
    )


def place_of(cursor: str | None) -> Any:
    """Return where a page begins; None: at the beginning.

    Raises `BadCursor` for what we did not sign for this list and this client.
    """
    if cursor is None:
        return None
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    mac, body = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(body)):
        raise BadCursor
    return json.loads(body)


def page(
    rows: Sequence[T], *, limit: int, place: Callable[[T], object]
) -> dict[str, object]:
    """Return a page of rows, of which one more was read than is shown."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"data": shown, "next_cursor": _cursor(place(shown[-1])) if more else None}


def _cursor(place: object) -> str:
    body = json.dumps(place, default=str, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(body) + body).decode().rstrip("=")


def _mac(body: bytes) -> bytes:
    """Sign a place for who asks where, so that it opens no other list."""
    bound = f"{caller().partner}\n{request.path}\n".encode() + body
    key = services().keyring.key(_PURPOSE)
    return hmac.digest(key, bound, "sha256")[:_MAC_BYTES]

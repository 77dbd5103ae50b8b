"""Parts of lists, and parts of what is in them, as TM Forum asks for them (TMF630)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from flask import Response, g
from marshmallow import fields, validate

from blueprints.api.paging import LIMIT, LIMIT_MAX
from blueprints.api.shapes import Closed

_OFFSET_MAX: Final = 1_000_000
_FIELDS_LENGTH_MAX: Final = 500
_ALWAYS: Final = ("id", "href", "@type")


class SelectionSchema(Closed):
    """Which attributes, apart from those that are always told."""

    fields_ = fields.String(
        data_key="fields",
        load_default=None,
        validate=validate.Length(1, _FIELDS_LENGTH_MAX),
    )


class ListSchema(SelectionSchema):
    """Which attributes of which part of a list."""

    offset = fields.Integer(load_default=0, validate=validate.Range(0, _OFFSET_MAX))
    limit = fields.Integer(load_default=LIMIT, validate=validate.Range(1, LIMIT_MAX))


def selected(told: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that were asked for, or all of them."""
    if asked["fields_"] is None:
        return dict(told)
    wanted = {*_ALWAYS, *(name.strip() for name in asked["fields_"].split(","))}
    return {name: value for name, value in told.items() if name in wanted}


def listed(
    rows: Iterable[Mapping[str, Any]], asked: Mapping[str, Any], *, total: int
) -> list[dict[str, Any]]:
    """Return a part of a list, and have it told how long the whole is."""
    shown = [selected(row, asked) for row in rows]
    g.tmf_counts = {"X-Total-Count": str(total), "X-Result-Count": str(len(shown))}
    return shown


def part_of(
    rows: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the part that was asked for of rows which are all here."""
    start = asked["offset"]
    return listed(rows[start : start + asked["limit"]], asked, total=len(rows))


def tell_counts(response: Response) -> Response:
    """Say how long a list is, of which a part is told."""
    response.headers.update(g.get("tmf_counts", {}))
    return response

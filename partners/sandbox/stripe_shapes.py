"""The forms of Stripe's API: nested parameters, lists, refusals."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl

LIST_LENGTH, LIST_LENGTH_MAX = 10, 100


class Refusal(Exception):
    """An answer that says no, as Stripe words it."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        **details: str,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **details}}


def new_id(prefix: str) -> str:
    """Return a new name such as Stripe gives."""
    return f"{prefix}_{secrets.token_hex(12)}"


def params_of(encoded: str) -> dict[str, Any]:
    """Return nested parameters: `a[b][0]=c` is `{"a": {"b": ["c"]}}`.

    Raises `Refusal`.
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        *path, last = name.replace("]", "").split("[")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                raise Refusal(f"Invalid parameter: {name}")
        branch[last] = value
    return cast("dict[str, Any]", _listed(tree))


def page_of(
    items: Iterable[dict[str, Any]], asked: Mapping[str, Any], *, url: str
) -> dict[str, Any]:
    """Return a page of a list, the newest first.

    Raises `Refusal`.
    """
    newest_first = list(items)[::-1]
    after = asked.get("starting_after")
    if after is not None:
        names = [item["id"] for item in newest_first]
        if after not in names:
            raise Refusal(f"No such object: '{after}'", param="starting_after")
        newest_first = newest_first[names.index(after) + 1 :]
    limit = whole(asked.get("limit", LIST_LENGTH), name="limit")
    if not 1 <= limit <= LIST_LENGTH_MAX:
        raise Refusal("Invalid limit", param="limit")
    return {
        "object": "list",
        "data": newest_first[:limit],
        "has_more": len(newest_first) > limit,
        "url": url,
    }


def whole(written: object, *, name: str) -> int:
    """Return a whole number that was written as text.

    Raises `Refusal`.
    """
    try:
        return int(str(written))
    except ValueError:
        raise Refusal(
            f"Invalid integer: {written}", code="parameter_invalid_integer", param=name
        ) from None


def known_only(params: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse what Stripe does not know.

    Raises `Refusal`.
    """
    for name in params:
        if name not in names:
            raise Refusal(
                f"Received unknown parameter: {name}",
                code="parameter_unknown",
                param=name,
            )


def needed(params: Mapping[str, Any], name: str) -> Any:
    """Return what must be there.

    Raises `Refusal`.
    """
    if not params.get(name):  # "0" is something, and is there
        raise Refusal(
            f"Missing required param: {name}.", code="parameter_missing", param=name
        )
    return params[name]


def _listed(tree: Any) -> Any:
    """Turn branches numbered from 0 into lists."""
    if not isinstance(tree, dict):
        return tree
    branches = {name: _listed(branch) for name, branch in tree.items()}
    if branches and all(name.isdigit() or not name for name in branches):
        return list(branches.values())
    return branches

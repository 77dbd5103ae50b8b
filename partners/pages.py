"""Pages of lines that are fetched one after the other, from where one left off."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CURSOR_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Lines as they came; nothing in them has been believed yet."""

    lines: list[Any]
    cursor: str
    has_more: bool


class NoPage(Exception):
    """What makes an answer no page, in words."""


class BadLineFound(Exception):
    """What makes a line unusable, in words that repeat nothing of it."""


def page_of(told: Mapping[str, Any], *, cursor: str | None, limit: int) -> Page:
    """Return the page that an answer holds.

    Raises `NoPage`, also for one from which whoever went on would go in a circle.
    """
    lines, after, has_more = (told.get(name) for name in ("lines", "cursor", "hasMore"))
    if (
        not isinstance(lines, list)
        or len(lines) > limit
        or not isinstance(after, str)
        or not 0 < len(after) <= _CURSOR_LENGTH_MAX
        or not isinstance(has_more, bool)
    ):
        raise NoPage("the answer is no page of lines")
    if (lines or has_more) and after == cursor:
        raise NoPage("the cursor does not move")
    return Page(lines, after, has_more)

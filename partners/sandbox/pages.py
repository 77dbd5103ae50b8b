"""Pages of lines, as a partner of ours tells them."""

from collections.abc import Sequence
from typing import Any

from partners.sandbox.orders import Refused
from partners.sandbox.partner_server import Question

PAGE_MAX = 1_000


def page_told(asked: Question, lines: Sequence[Any]) -> dict[str, Any]:
    """Return the lines after what was asked for, and where the next page begins.

    Raises `Refused`.
    """
    start = _whole(asked.query.get("after", "0"), "after")
    limit = _whole(asked.query.get("limit", str(PAGE_MAX)), "limit")
    if not 0 < limit <= PAGE_MAX or start > len(lines):
        raise Refused(400, "invalid", "there is no such page")
    page = list(lines[start : start + limit])
    end = start + len(page)
    return {"lines": page, "cursor": str(end), "hasMore": end < len(lines)}


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004
        raise Refused(400, "invalid", f"{name} is no number of ours")
    return int(text)

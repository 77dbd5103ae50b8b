"""Ask the database for the figures of one month."""

from typing import Any

from sqlalchemy import text

from loyalty.closing.rules import Fact, Finding
from loyalty.closing.workings import Workings


def figures_of(workings: Workings, statement: str) -> dict[str, Any]:
    """Return the one row that a query yields; sums of nothing are zero."""
    found = workings.session.execute(text(statement), workings.month.days)
    row = found.mappings().one()
    return {
        name: _plain(value) if value is not None else 0 for name, value in row.items()
    }


def found(*wrong: tuple[str, int], blocks: bool = False) -> tuple[Finding, ...]:
    """Return what there is of so many wrong things; of none there is no finding."""
    return tuple(Finding(code, count, blocks) for code, count in wrong if count)


def _plain(value: Any) -> Fact:
    """Return a figure as JSON has it: the driver gives sums as decimals."""
    return value if isinstance(value, str) else int(value)

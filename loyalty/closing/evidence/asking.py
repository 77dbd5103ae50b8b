"""Ask the database for the figures of one month."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.closing.rules import Fact, Finding, Month


def figures_of(session: Session, statement: str, month: Month) -> dict[str, Any]:
    """Return the one row that a query yields; sums of nothing are zero."""
    row = session.execute(text(statement), month.days).mappings().one()
    return {
        name: _plain(value) if value is not None else 0 for name, value in row.items()
    }


def found(*wrong: tuple[str, int], blocks: bool = False) -> tuple[Finding, ...]:
    """Return what there is of so many wrong things; of none there is no finding."""
    return tuple(Finding(code, count, blocks) for code, count in wrong if count)


def _plain(value: Any) -> Fact:
    """Return a figure as JSON has it: the driver gives sums as decimals."""
    return value if isinstance(value, str) else int(value)

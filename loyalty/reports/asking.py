"""Ask the books for the rows of a table."""

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from loyalty.reports.scope import Scope


def ask(
    session: Session, statement: TextClause, scope: Scope
) -> list[dict[str, object]]:
    """Return what a statement finds for what was asked, each row by name."""
    return [dict(row) for row in session.execute(statement, scope.binds).mappings()]

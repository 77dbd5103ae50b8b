"""Read what differs between partners' figures and ours, and what was compared."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.breaks.models import Comparison, StatementBreak


def breaks(
    session: Session, *, is_open: bool, subject: str | None, limit: int
) -> Sequence[StatementBreak]:
    """Return differences between partners' figures and ours, the newest day first."""
    wanted = select(StatementBreak).where(
        StatementBreak.closed_at.is_(None)
        if is_open
        else StatementBreak.closed_at.is_not(None)
    )
    if subject is not None:
        wanted = wanted.where(StatementBreak.subject == subject)
    return session.scalars(
        wanted.order_by(
            StatementBreak.about_on.desc(),
            StatementBreak.partner,
            StatementBreak.reference,
            StatementBreak.break_id,
        ).limit(limit)
    ).all()


def comparisons(session: Session, *, limit: int) -> Sequence[Comparison]:
    """Return what was compared, the newest first."""
    return session.scalars(
        select(Comparison).order_by(Comparison.comparison_id.desc()).limit(limit)
    ).all()

"""Close months."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.finance.errors import BooksUnsound, MonthAhead
from loyalty.points.operations import let_nobody_post


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing a month came to."""

    period: date
    was_closed: bool  # already, so that nothing was done


def close_month(session: Session, *, period: date) -> Closing:
    """Close a month and all before it, if the books prove sound.

    The jobs that are due must have run. A closed month stays as it is. Raises
    `BooksUnsound` when the proof has findings; then nothing is closed.
    """
    if is_closed(session, period=period):
        return Closing(period, was_closed=True)
    findings = Book(session).prove()
    if findings:
        raise BooksUnsound(
            findings=len(findings), first=f"{findings[0].finding}: {findings[0].detail}"
        )
    let_nobody_post(session)
    Book(session).close(period)
    return Closing(period, was_closed=False)


def is_closed(session: Session, *, period: date) -> bool:
    """Tell whether a month, or one after it, has been closed."""
    closed_through = Book(session).closed_through()
    return closed_through is not None and closed_through >= period


def check_begun(session: Session, *, period: date, today: date) -> None:
    """Raise `MonthAhead` for a month that only a slip of the hand can mean.

    Closing cannot be undone, and a year mistyped would close all months till then:
    either the month has begun, or the books have entries in it or after.
    """
    if period <= today:
        return
    last: date | None = session.scalar(
        text("SELECT max(effective_on) FROM ledger.transfer")
    )
    if last is None or last < period:
        raise MonthAhead(period=period)

"""Book lines that did not come in a file, by the very booking of their feed."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.feeds.formats import Feed
from loyalty.feeds.loading import make_line, make_verdict
from loyalty.feeds.models import PartnerBatch
from loyalty.feeds.reading import Batch
from loyalty.feeds.staging import Stager

_STAGED = "called"
_ANSWERS = text(
    """
    SELECT s.line_no, coalesce(v.outcome, 'booked') AS outcome, v.reason
      FROM called s LEFT JOIN verdict v USING (line_no) ORDER BY s.line_no
    """
)


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What became of a line."""

    outcome: str  # booked, already_booked or rejected
    reason: str | None  # None: it was not rejected


def fault(feed: Feed, row: Sequence[str]) -> str | None:
    """Return what a feed cannot read of a line; None: it can read it."""
    wrongs = (
        column.wrong(value) for column, value in zip(feed.columns, row, strict=True)
    )
    return next((wrong for wrong in wrongs if wrong is not None), None)


def book_lines(
    session: Session, feed: Feed, rows: Sequence[Sequence[str]], *, batch: PartnerBatch
) -> list[LineAnswer]:
    """Book lines, all of them well-formed; one answer for each, in their order.

    Each is decided as it would be in a file of the feed. Lines of a file and of a
    batch know each other: whichever comes first is booked.
    """
    session.add(batch)
    session.flush()
    columns = ", ".join(f"{column.name} {column.kind.sql}" for column in feed.columns)
    session.execute(
        text(
            f"CREATE TEMP TABLE {_STAGED} (line_no int, content uuid, wrong text,"
            f" raw text, {columns}) ON COMMIT DROP"
        )
    )
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    written = Batch([list(row) for row in rows], [""] * len(rows), range(len(rows)))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {_STAGED} FROM STDIN") as copy,
    ):
        stager = Stager(feed)
        copy.write(stager.rows(written))
        assert not stager.has_ill_formed, "lines are looked at by the face"
    chunk = {
        "feed_file": batch.batch_id,
        "worker": 0,
        "workers": 1,
        "first": 0,
        "end": len(rows),
    }
    session.execute(make_line(feed, _STAGED), chunk)
    make_verdict(session)
    feed.book(session, feed_file=batch.batch_id)
    answers = session.execute(_ANSWERS).all()
    assert len(answers) == len(rows)
    return [LineAnswer(row.outcome, row.reason) for row in answers]


def clear_lines(session: Session) -> None:
    """Make room for the lines of another feed in the same transaction."""
    session.execute(text(f"DROP TABLE {_STAGED}, line, verdict"))

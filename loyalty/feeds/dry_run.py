"""Show what tomorrow's file of events would do, and write nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.churn.forecast import Loss, Spared, Totals, forecast, total
from loyalty.database import Database
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import make_line, make_verdict
from loyalty.feeds.reading import Reader
from loyalty.feeds.staging import Stager

_FEED: Final = FEEDS["subscription-events"]
_STAGED: Final = "foretold"
_ALL: Final = {
    "feed_file": 0,
    "worker": 0,
    "workers": 1,
    "first": 0,
    "end": 2_147_483_647,
}
_REJECTS: Final = text(
    f"""
    SELECT s.line_no, coalesce(s.wrong, v.reason) AS reason, s.raw AS line
      FROM {_STAGED} s LEFT JOIN verdict v USING (line_no)
     WHERE s.wrong IS NOT NULL OR v.outcome = 'rejected' ORDER BY s.line_no
    """
)
_KNOWN: Final = text("SELECT count(*) FROM verdict WHERE outcome = 'already_booked'")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that would not be booked."""

    line_no: int
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a file would do."""

    lines: int
    booked: int
    already_booked: int
    losses: tuple[Loss, ...]
    spared: tuple[Spared, ...]
    rejected: tuple[Rejected, ...]
    totals: Totals


def dry_run(database: Database, file: BinaryIO) -> Foretold:
    """Tell what loading this file of `subscription-events` would do.

    It needs no manifest and uses up no sequence. All is read as of one moment.
    """
    with database.unit_of_work() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        lines = _stage(session, file)
        session.execute(make_line(_FEED, _STAGED), _ALL)
        make_verdict(session)
        losses, spared = forecast(session)
        rejected = tuple(Rejected(*row) for row in session.execute(_REJECTS))
        known = session.scalar(_KNOWN) or 0
        session.rollback()
    return Foretold(
        lines=lines,
        booked=lines - known - len(rejected),
        already_booked=known,
        losses=tuple(losses),
        spared=tuple(spared),
        rejected=rejected,
        totals=total(losses),
    )


def table(told: Foretold) -> Iterator[tuple[object, ...]]:
    """Lay out what was told, a row for each member and each rejected line."""
    benefits = tuple(told.totals.benefits)
    yield (
        "outcome",
        "member_ref",
        "why",
        "left_on",
        "void_on",
        "reinstate_until",
        "policy_version",
        "points",
        "fen",
        "by_lot",
        "pending",
        "held",
        *benefits,
        "line_no",
        "line",
    )
    nothing: tuple[Any, ...] = ("",) * (9 + len(benefits))
    for loss in told.losses:
        yield (
            "loses",
            loss.member_ref,
            loss.reason,
            loss.left_on,
            loss.void_on,
            loss.reinstate_until,
            loss.policy_version,
            sum(part.points for part in loss.points),
            loss.fen,
            "; ".join(
                f"{part.points} {part.unit} {part.issuer} {part.cost_class}"
                for part in loss.points
            ),
            sum(loss.pending.values()),
            sum(loss.held.values()),
            *(loss.benefits[name] for name in benefits),
            "",
            "",
        )
    for one in told.spared:
        yield ("spared", one.member_ref, one.why, *nothing, "", "")
    for line in told.rejected:
        yield ("rejected", "", line.reason, *nothing, line.line_no, line.line)


def _stage(session: Session, file: BinaryIO) -> int:
    """Bring the lines into a table of this transaction; return how many."""
    columns = ", ".join(f"{column.name} {column.kind.sql}" for column in _FEED.columns)
    session.execute(
        text(
            f"CREATE TEMP TABLE {_STAGED} (line_no int, content uuid, wrong text,"
            f" raw text, {columns}) ON COMMIT DROP"
        )
    )
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    stager = Stager(_FEED)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {_STAGED} FROM STDIN") as copy,
    ):
        for batch in Reader(file).batches([column.name for column in _FEED.columns]):
            copy.write(stager.rows(batch))
    return stager.records

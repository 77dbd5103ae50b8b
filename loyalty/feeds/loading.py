"""Load a file: check it whole, stage it, book it in chunks, say what became of it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock

from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from loyalty.database import Database, retrying
from loyalty.feeds.errors import (
    LinesLost,
    LoadInterrupted,
    LoadRunning,
    ManifestDisagrees,
    SequenceGap,
    SequenceUsed,
)
from loyalty.feeds.formats import Feed
from loyalty.feeds.manifest import Manifest, read_manifest
from loyalty.feeds.models import FeedFile
from loyalty.feeds.queries import feed_file, last_file, rejects
from loyalty.feeds.staging import stage, staging_table

WORKERS = 2
CHUNK_LINES = 20_000

Progress = Callable[[int, int], None]  # lines answered, lines in the file

_MAKE_VERDICT = text(
    """
    CREATE TEMPORARY TABLE verdict (
        line_no int PRIMARY KEY, outcome text NOT NULL, reason text) ON COMMIT DROP
    """
)

_MAKE_LINE = """
CREATE TEMPORARY TABLE line ON COMMIT DROP AS
SELECT line_no, member_id, content, {columns}
  FROM (SELECT s.*, ({member})::bigint AS member_id
          FROM {table} s
         WHERE s.line_no >= :first AND s.line_no < :end AND s.wrong IS NULL
        OFFSET 0) s
 WHERE coalesce(abs(member_id), 0) % :workers = :worker
   AND NOT EXISTS (SELECT FROM feed_reject r
                    WHERE r.feed_file = :feed_file AND r.line_no = s.line_no)
 ORDER BY line_no
"""

_KEEP_REJECTS = """
INSERT INTO feed_reject (feed_file, line_no, reason, line)
SELECT :feed_file, line_no, v.reason, s.raw
  FROM verdict v JOIN {table} s USING (line_no)
 WHERE v.outcome = 'rejected' AND s.line_no >= :first AND s.line_no < :end
"""

_COUNT = text(
    """
    SELECT (SELECT count(*) FROM line) - count(*) FILTER (WHERE outcome <> 'booked')
               AS booked,
           count(*) FILTER (WHERE outcome = 'already_booked') AS already_booked,
           count(*) FILTER (WHERE outcome = 'rejected') AS rejected
      FROM verdict
    """
)

_COMPLETE = text(
    """
    UPDATE feed_file
       SET state = 'completed', completed_at = clock_timestamp(), booked = :booked,
           already_booked = :already_booked,
           rejected = (SELECT count(*) FROM feed_reject WHERE feed_file = id)
     WHERE id = :feed_file
    """
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the lines of a file."""

    feed: str
    sender: str
    sequence: int
    lines: int
    booked: int
    already_booked: int
    rejected: int

    def __str__(self) -> str:
        return (
            f"{self.feed}: {self.lines:,} lines, {self.booked:,} booked,"
            f" {self.already_booked:,} already booked, {self.rejected:,} rejected"
        )


def rejects_path(path: Path) -> Path:
    """Return where the rejected lines of a file are written."""
    return path.with_name(f"{path.name}.rejects.csv")


def load(
    database: Database,
    feed: Feed,
    path: Path,
    *,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> Answer:
    """Load a file of a feed, or go on with it where an earlier load was cut off.

    A file that is refused leaves nothing behind. A file that was completed before
    is answered as it was then.
    """
    manifest = read_manifest(path, feed=feed.name)
    with _alone(database, manifest):
        with database.unit_of_work() as session:
            known = feed_file(session, manifest=manifest)
            _check_sequence(session, manifest, known)
        if known is None or known.state != "completed":
            file = retrying(
                database, lambda session: _begin(session, feed, path, manifest)
            )
            booker = _Booker(database, feed, file, workers, progress)
            booked, already_booked = booker.book()
            known = retrying(
                database,
                lambda session: _complete(session, file, booked, already_booked),
            )
        else:
            _check_hash(path, manifest)
        _write_rejects(database, known, feed, path)
    return _answer(known)


def _begin(session: Session, feed: Feed, path: Path, manifest: Manifest) -> FeedFile:
    """Take the file in whole, with all its lines; or roll everything back."""
    file = feed_file(session, manifest=manifest)
    if file is None:
        file = FeedFile(
            feed=manifest.feed,
            sender=manifest.sender,
            sequence=manifest.sequence,
            sha256=manifest.sha256,
            records=manifest.records,
            total=manifest.total,
        )
        session.add(file)
        session.flush()
    stage(session, file=file, feed=feed, path=path)
    return file


def _complete(
    session: Session, file: FeedFile, booked: int, already_booked: int
) -> FeedFile:
    session.execute(
        _COMPLETE,
        {"feed_file": file.id, "booked": booked, "already_booked": already_booked},
    )
    session.execute(text(f"DROP TABLE IF EXISTS {staging_table(file.id)}"))
    return session.get_one(FeedFile, file.id)


def _check_sequence(
    session: Session, manifest: Manifest, known: FeedFile | None
) -> None:
    if known is not None:
        if known.sha256 != manifest.sha256:
            raise SequenceUsed(sequence=known.sequence, sha256=known.sha256)
        _check_same(manifest, known)
        return
    last = last_file(session, feed=manifest.feed, sender=manifest.sender)
    if last is not None and last.state != "completed":
        raise LoadInterrupted(sequence=last.sequence)
    expected = 1 if last is None else last.sequence + 1
    if manifest.sequence != expected:
        raise SequenceGap(sequence=manifest.sequence, expected=expected)


def _check_same(manifest: Manifest, known: FeedFile) -> None:
    for key, said, found in (
        ("records", manifest.records, known.records),
        ("total", manifest.total, known.total),
    ):
        if said != found:
            raise ManifestDisagrees(key=key, manifest=said, file=found)


def _check_hash(path: Path, manifest: Manifest) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != manifest.sha256:
        raise ManifestDisagrees(key="sha256", manifest=manifest.sha256, file=found)


@contextmanager
def _alone(database: Database, manifest: Manifest) -> Iterator[None]:
    """Hold the feed of a sender; claims keep loads apart, this says so clearly."""
    name = f"feed {manifest.feed} of {manifest.sender}".encode()
    key = {"key": int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)}
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            raise LoadRunning(feed=manifest.feed, sender=manifest.sender)
        # Closed for good at the end, which lets go of the lock wherever the database
        # went away and came back meanwhile; else it is let go of before the server
        # notices, so that the next load finds it free.
        connection.detach()
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def make_line(feed: Feed, table: str) -> TextClause:
    """Return the statement that makes a chunk of staged lines the `line` to book."""
    return text(
        _MAKE_LINE.format(
            table=table,
            member=feed.member or "NULL",
            columns=", ".join(column.name for column in feed.columns),
        )
    )


def make_verdict(session: Session) -> None:
    """Make room for the verdicts on a chunk of lines."""
    session.execute(_MAKE_VERDICT)


class _Booker:
    """Books the staged lines of a file, each member's in the order of the file."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        file: FeedFile,
        workers: int,
        progress: Progress | None,
    ) -> None:
        self._database = database
        self._feed = feed
        self._file = file
        self._workers = 1 if feed.member is None else workers
        self._progress = progress
        self._stopped = Event()
        self._counting = Lock()
        self._answered = 0
        table = staging_table(file.id)
        self._make_line = make_line(feed, table)
        self._keep_rejects = text(_KEEP_REJECTS.format(table=table))
        self._is_ordered = text(
            f"SELECT EXISTS (SELECT FROM {table} s WHERE {feed.in_order or 'false'})"
        )
        self._last_line = text(f"SELECT coalesce(max(line_no), 0) FROM {table}")

    def book(self) -> tuple[int, int]:
        """Return how many lines are booked, and how many were before."""
        booked, already_booked = self._pass(self._able_workers())
        if not self._is_complete(booked + already_booked):
            # A line changed hands between two workers that asked whose it is. What
            # was booked stays booked, and is counted once when one worker asks.
            booked, already_booked = self._pass(1)
            if not self._is_complete(booked + already_booked):
                # Staged lines do not outlive a crash of the database.
                with self._database.unit_of_work() as session:
                    assert session.execute(self._last_line).scalar_one() == 0
                raise LinesLost(sequence=self._file.sequence)
        return booked, already_booked

    def _able_workers(self) -> int:
        """Return how many may book at once: one where the order of the file counts."""
        with self._database.unit_of_work() as session:
            is_ordered = session.scalar(self._is_ordered)
        return 1 if is_ordered else self._workers

    def _pass(self, workers: int) -> tuple[int, int]:
        self._answered = 0
        with self._database.unit_of_work() as session:
            last = session.execute(self._last_line).scalar_one()
        with ThreadPoolExecutor(workers, thread_name_prefix="booker") as pool:
            works = [
                pool.submit(self._work, worker, workers, last)
                for worker in range(workers)
            ]
            try:
                counts = [work.result() for work in works]
            finally:
                self._stopped.set()
        self._stopped.clear()
        booked, already_booked = map(sum, zip(*counts, strict=True))
        return booked, already_booked

    def _work(self, worker: int, workers: int, last: int) -> tuple[int, int]:
        """Book the lines of every `workers`-th member."""
        booked = already_booked = 0
        span = CHUNK_LINES * workers
        for first in range(1, last + 1, span):
            if self._stopped.is_set():
                break
            chunk = {
                "feed_file": self._file.id,
                "worker": worker,
                "workers": workers,
                "first": first,
                "end": first + span,
            }
            try:
                counts = retrying(self._database, partial(self._book, chunk))
            except BaseException:
                self._stopped.set()
                raise
            booked += counts[0]
            already_booked += counts[1]
            self._tell(sum(counts))
        return booked, already_booked

    def _book(self, chunk: dict[str, int], session: Session) -> tuple[int, int, int]:
        """Book one chunk; its rejects are kept in the same transaction."""
        session.execute(self._make_line, chunk)
        make_verdict(session)
        self._feed.book(session, feed_file=self._file.id)
        counts = session.execute(_COUNT).one()
        if counts.rejected:
            session.execute(self._keep_rejects, chunk)
        return counts.booked, counts.already_booked, counts.rejected

    def _tell(self, lines: int) -> None:
        with self._counting:
            self._answered += lines
            if self._progress is not None:
                self._progress(self._answered, self._file.records)

    def _is_complete(self, accepted: int) -> bool:
        with self._database.unit_of_work() as session:
            rejected = session.scalar(
                text("SELECT count(*) FROM feed_reject WHERE feed_file = :feed_file"),
                {"feed_file": self._file.id},
            )
        return accepted + (rejected or 0) == self._file.records


def _write_rejects(database: Database, file: FeedFile, feed: Feed, path: Path) -> None:
    """Write the rejected lines beside the file, whole or not at all."""
    target = rejects_path(path)
    if not file.rejected:
        target.unlink(missing_ok=True)
        return
    scratch = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    header = ",".join(("line_no", "reason", *(column.name for column in feed.columns)))
    try:
        with (
            scratch.open("w", encoding="utf-8", newline="\n") as written,
            database.unit_of_work() as session,
        ):
            written.write(f"{header}\n")
            for reject in rejects(session, feed_file=file.id):
                reason = reject.reason.replace('"', '""')
                # The line follows as it stood in the file, right or wrong.
                written.write(f'{reject.line_no},"{reason}",{reject.line}\n')
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _answer(file: FeedFile) -> Answer:
    assert file.booked is not None
    assert file.already_booked is not None
    assert file.rejected is not None
    return Answer(
        feed=file.feed,
        sender=file.sender,
        sequence=file.sequence,
        lines=file.records,
        booked=file.booked,
        already_booked=file.already_booked,
        rejected=file.rejected,
    )

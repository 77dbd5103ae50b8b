"""Bring a whole file into a table of its own, checked against its manifest."""

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import compress
from pathlib import Path

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.feeds.errors import ManifestDisagrees
from loyalty.feeds.formats import Feed
from loyalty.feeds.kinds import NULL, Fen, IllFormed
from loyalty.feeds.models import FeedFile
from loyalty.feeds.reading import Batch, Reader

_CONTENT_DIGITS = 32  # the first 128 bits
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

# An amount that has the form of its column, and cannot be one: -5 points, or more
# yuan than there are.
_ODD_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{2})?", re.ASCII)

_KEEP_REJECTS = """
INSERT INTO feed_reject (feed_file, line_no, reason, line)
SELECT :feed_file, line_no, wrong, raw FROM {table} WHERE wrong IS NOT NULL
ON CONFLICT DO NOTHING
"""


def staging_table(feed_file: int) -> str:
    """Return the name of the table that holds the lines of a file."""
    return f"staging.feed_{feed_file}"


def stage(session: Session, *, file: FeedFile, feed: Feed, path: Path) -> None:
    """Stage the lines of a file, well-formed or not, or refuse the file whole.

    The columns of the table are those of the feed, and `line_no`, `content` (a hash
    of the line in normal form), `raw` (the line as it stood) and `wrong` (why it is
    ill-formed; null: it is not).
    """
    table = staging_table(file.id)
    columns = ", ".join(f"{column.name} {column.kind.sql}" for column in feed.columns)
    session.execute(text(f"DROP TABLE IF EXISTS {table}"))
    session.execute(
        text(
            f"CREATE UNLOGGED TABLE {table} (line_no int, content uuid, wrong text,"
            f" raw text, {columns})"
        )
    )
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    stager = Stager(feed)
    with (
        path.open("rb") as lines,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} FROM STDIN (FREEZE)") as copy,
    ):
        reader = Reader(lines)
        for batch in reader.batches([column.name for column in feed.columns]):
            copy.write(stager.rows(batch))
        _check("sha256", file.sha256, reader.sha256)
        _check("records", file.records, stager.records)
        if file.total != stager.total_as_written:
            _check("total", file.total, stager.total)
    session.execute(
        text(f"CREATE INDEX ON {table} USING brin (line_no) WITH (pages_per_range=16)")
    )
    if stager.has_ill_formed:
        session.execute(text(_KEEP_REJECTS.format(table=table)), {"feed_file": file.id})


def _check(key: str, manifest: object, file: object) -> None:
    if manifest != file:
        raise ManifestDisagrees(key=key, manifest=manifest, file=file)


class Stager:
    """Turns records into rows for COPY, and counts what they say."""

    def __init__(self, feed: Feed) -> None:
        self.records = 0
        self.has_ill_formed = False
        self._columns = feed.columns
        self._total_at = next(
            (at for at, column in enumerate(feed.columns) if column.name == feed.total),
            None,
        )
        self._sum = 0
        self._odd = 0
        self._nulls = f"\t{NULL}" * len(feed.columns)

    @property
    def total(self) -> int:
        """What the manifest calls total: a sum, or the number of records."""
        return self.records if self._total_at is None else self._sum

    @property
    def total_as_written(self) -> int:
        """The total for a sender who could read amounts that cannot be."""
        return self.total + self._odd

    def rows(self, batch: Batch) -> str:
        """Return the rows of a batch."""
        self.records += len(batch.rows)
        if not batch.rows:
            return ""
        try:
            return self._well_formed(batch)
        except IllFormed:
            return self._sorted_out(batch)

    def _well_formed(self, batch: Batch) -> str:
        """Return the rows of lines that are well-formed, all of them."""
        if set(map(len, batch.rows)) != {len(self._columns)}:
            raise IllFormed
        values = [
            column.normal(found)
            for column, found in zip(
                self._columns, zip(*batch.rows, strict=True), strict=True
            )
        ]
        if self._total_at is not None:
            self._sum += sum(map(int, values[self._total_at]))
        lines = list(map("\t".join, zip(*values, strict=True)))
        return "".join(
            f"{number}\t{sha256(line.encode()).hexdigest()[:_CONTENT_DIGITS]}"
            f"\t\\N\t{raw}\t{line}\n"
            for number, raw, line in zip(
                batch.numbers, _escaped(batch.texts), lines, strict=True
            )
        )

    def _sorted_out(self, batch: Batch) -> str:
        """Return the rows of lines of which at least one is ill-formed."""
        self.has_ill_formed = True
        wrongs = list(map(self._wrong, batch.rows))
        ill_formed = "".join(
            f"{number}\t{NULL}\t{wrong.translate(_ESCAPES)}\t{raw}{self._nulls}\n"
            for number, raw, wrong in zip(
                batch.numbers, _escaped(batch.texts), wrongs, strict=True
            )
            if wrong is not None
        )
        self._sum += sum(
            self._amount(row)
            for row, wrong in zip(batch.rows, wrongs, strict=True)
            if wrong is not None
        )
        good = [wrong is None for wrong in wrongs]
        if not any(good):
            return ill_formed
        return ill_formed + self._well_formed(
            Batch(
                list(compress(batch.rows, good)),
                list(compress(batch.texts, good)),
                list(compress(batch.numbers, good)),
            )
        )

    def _wrong(self, row: list[str]) -> str | None:
        """Say what is wrong with a line; None: nothing."""
        if len(row) != len(self._columns):
            return f"columns: {len(self._columns)} expected, {len(row)} found"
        for column, value in zip(self._columns, row, strict=True):
            wrong = column.wrong(value)
            if wrong is not None:
                return wrong
        return None

    def _amount(self, row: list[str]) -> int:
        """Return what an ill-formed line adds to the total."""
        if self._total_at is None or len(row) != len(self._columns):
            return 0
        kind, value = self._columns[self._total_at].kind, row[self._total_at]
        try:
            return int(kind.normal((value,))[0])
        except IllFormed:
            odd = _ODD_AMOUNT.fullmatch(value)
            if odd is not None and (odd[1] is not None) == isinstance(kind, Fen):
                self._odd += int(value.replace(".", ""))
            return 0


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """Return lines as COPY reads them."""
    together = "".join(texts)
    if any(mark in together for mark in "\\\t\n\r"):
        return [text.removesuffix("\r").translate(_ESCAPES) for text in texts]
    return texts

"""Fetch a partner's files, take in what adds up, and tell what became of it.

Nothing is remembered but what the feed and the exchange keep: a file that was posted
and not yet answered still waits there, and the next poll answers and archives it.
"""

import csv
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.database import Database
from loyalty.errors import Refused
from loyalty.feeds.errors import (
    LinesLost,
    LoadInterrupted,
    LoadRunning,
    SequenceGap,
    SequenceUsed,
)
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load
from loyalty.feeds.manifest import manifest_path, read_manifest
from loyalty.feeds.queries import feed_file, rejects
from loyalty.members.models import Claim
from partners.files import (
    COLUMNS,
    Fault,
    FileRefused,
    PartnerFile,
    Status,
    Verdict,
    audit,
    audit_name,
    refusal,
    refusal_name,
    verify,
)
from partners.ports import FetchedFile, FileExchange, Outcome

_FEED = FEEDS["activities"]
_FIRST_LINE = 2  # after the header
_KEYS_AT_ONCE = 5000


class _End(Enum):
    TAKEN = auto()
    REFUSED = auto()
    LEFT = auto()  # waits for the next poll


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a poll of a partner came to, in files."""

    taken: int = 0
    refused: int = 0
    left: int = 0  # a gap before them, or the exchange did not answer
    unreached: int = 0  # partners whose files could not even be listed

    def __add__(self, other: "Fetched") -> "Fetched":
        return Fetched(
            taken=self.taken + other.taken,
            refused=self.refused + other.refused,
            left=self.left + other.left,
            unreached=self.unreached + other.unreached,
        )

    def __str__(self) -> str:
        return (
            f"{self.taken:,} files taken, {self.refused:,} refused, {self.left:,} left,"
            f" {self.unreached:,} partners not reached"
        )


def fetch_files(database: Database, exchange: FileExchange) -> Fetched:
    """Take in all the files that wait, in the order of their numbers.

    A file is posted whole or refused whole; only lines that cannot be booked are left
    out, and named in the audit file. A file after a gap waits for what is missing. May
    be repeated at any time, from wherever it was cut off.
    """
    waiting = exchange.waiting()
    if waiting.outcome is not Outcome.CONFIRMED:
        return Fetched(unreached=1)
    ends = [_take(database, exchange, exchange.fetch(name)) for name in waiting.names]
    return Fetched(
        taken=ends.count(_End.TAKEN),
        refused=ends.count(_End.REFUSED),
        left=ends.count(_End.LEFT),
    )


def _take(
    database: Database,
    exchange: FileExchange,
    fetched: FetchedFile,
) -> _End:
    agreement = exchange.agreement
    if fetched.outcome is not Outcome.CONFIRMED:
        return _End.LEFT
    sha256 = hashlib.sha256(fetched.content).hexdigest()
    try:
        file = verify(
            fetched.name, fetched.content, fetched.signature, agreement=agreement
        )
        verdicts = _post(database, file, partner=agreement.partner)
    except (LoadInterrupted, LoadRunning, LinesLost):
        return _End.LEFT
    except FileRefused as error:
        name = refusal_name(fetched.name, sha256)
        told = refusal(fetched.name, error.fault, sha256=sha256)
        if error.fault is Fault.SEQUENCE_GAP:
            # What is missing may be late: this file is good as soon as it is there.
            exchange.put(name, told, agreement.sign(told))
            return _End.LEFT
        end = _End.REFUSED
    else:
        name = audit_name(file.provider, file.sequence)
        told, end = audit(file, verdicts), _End.TAKEN
    if exchange.put(name, told, agreement.sign(told)).outcome is not Outcome.CONFIRMED:
        return _End.LEFT
    done = exchange.archive(fetched.name, sha256=sha256)
    return end if done.outcome is Outcome.CONFIRMED else _End.LEFT


def _post(database: Database, file: PartnerFile, *, partner: str) -> list[Verdict]:
    """Post what can be booked, and return what became of each record.

    Raises `FileRefused` with nothing posted.
    """
    with tempfile.TemporaryDirectory(prefix="jifen-") as scratch:
        path = Path(scratch) / "activities.csv"
        _stage(path, file, partner=partner)
        try:
            load(database, _FEED, path)
        except SequenceGap as error:
            raise FileRefused(Fault.SEQUENCE_GAP) from error
        except SequenceUsed as error:
            raise FileRefused(Fault.SEQUENCE_USED) from error
        except Refused as error:
            raise FileRefused(Fault.LAYOUT_WRONG) from error
        with database.unit_of_work() as session:
            return list(_verdicts(session, file, path, partner=partner))


def _stage(path: Path, file: PartnerFile, *, partner: str) -> None:
    """Write a file of the feed; whose it is says the agreement, not the partner."""
    columns = [column.name for column in _FEED.columns]
    with path.open("w", encoding="utf-8", newline="") as written:
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(columns)
        for record in file.records:
            told = {"partner": partner, **dict(zip(COLUMNS, record, strict=True))}
            writer.writerow([told[column] for column in columns])
    manifest = {
        "feed": _FEED.name,
        "sender": file.provider,
        "sequence": file.sequence,
        "records": len(file.records),
        "total": file.total_fen,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    manifest_path(path).write_text(json.dumps(manifest), encoding="utf-8")


def _verdicts(
    session: Session, file: PartnerFile, path: Path, *, partner: str
) -> Iterator[Verdict]:
    known = feed_file(session, manifest=read_manifest(path, feed=_FEED.name))
    assert known is not None
    reasons = {one.line_no: one.reason for one in rejects(session, feed_file=known.id)}
    keys = [f"{partner}/{record[0]}" for record in file.records]
    claimed = _claimed(session, keys)
    line = _FIRST_LINE
    for record, key in zip(file.records, keys, strict=True):
        if line in reasons:
            yield Verdict(Status.REFUSED, reasons[line])
        elif claimed.get(key) == (known.id, line):
            yield Verdict(Status.ACCEPTED)
        else:
            yield Verdict(Status.WARNED, "already_booked")
        line += 1 + sum(value.count("\n") for value in record)


def _claimed(
    session: Session, keys: list[str]
) -> dict[str, tuple[int | None, int | None]]:
    """Return which file, and which of its lines, posted each reference."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        statement = select(Claim.key, Claim.feed_file, Claim.line_no).where(
            Claim.space == "activity",
            Claim.key.in_(keys[first : first + _KEYS_AT_ONCE]),
        )
        for key, by, line in session.execute(statement):
            found[key] = (by, line)
    return found

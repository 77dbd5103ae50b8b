"""Feed files in the documented form: a CSV, and a manifest that vouches for it.

What sits here knows the form from the outside, as a partner who writes such files
does; the tests use it for that reason as well.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import BinaryIO

OPERATOR = "operator"
FLUSH_ROWS = 4_000

COLUMNS: dict[str, tuple[str, ...]] = {
    feed: tuple(columns.split(","))
    for feed, columns in {
        "partners": "partner,kind,name",
        "subscribers": "member_ref,name,id_hash,msisdn,network,brand,pay_type,"
        "activated_on,city,county,hall,group_ref,phone_contact,email",
        "links": "partner,account_ref,member_ref,linked_on",
        "opening": "member_ref,unit,points,issuer,earned_in,expires_on",
        "bills": "bill_ref,msisdn,period,billed_on,due_on,amount",
        "payments": "payment_ref,bill_ref,paid_on,amount",
        "adjustments": "adjustment_ref,bill_ref,adjusted_on,amount",
        "activities": "partner_ref,partner,account_ref,activity,occurred_on,amount,"
        "currency,mcc,original_ref",
        "redemptions": "redemption_ref,member_ref,item_code,quantity,channel,"
        "occurred_at",
        "subscription-events": "event_ref,msisdn,event,reason,occurred_at",
        "partner-statement": "partner_ref,our_ref,kind,occurred_on,units,amount,status",
    }.items()
}
# The column whose sum is the manifest's total; feeds not named here count rows.
SUMMED = {
    "opening": "points",
    "bills": "amount",
    "payments": "amount",
    "adjustments": "amount",
    "activities": "amount",
    "redemptions": "quantity",
    "partner-statement": "amount",
}
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_YUAN = re.compile(r"-?[0-9]+\.[0-9]{2}", re.ASCII)

Row = Sequence[object]


class FeedFile:
    """A feed file being written; the manifest follows when it is finished."""

    def __init__(
        self, directory: Path, feed: str, sequence: int, *, sender: str = OPERATOR
    ) -> None:
        stem = feed if sender == OPERATOR else f"{feed}-{sender}"
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"{stem}-{sequence:04d}.csv"
        self.feed, self.sequence, self.sender = feed, sequence, sender
        self.records = self.total = 0
        self._readable = _YUAN if SUMMED.get(feed) == "amount" else _WHOLE
        self._summed = COLUMNS[feed].index(SUMMED[feed]) if feed in SUMMED else None
        self._hash = sha256()
        self._file: BinaryIO = self.path.open("wb")
        self._rows: list[Row] = []
        self._write([COLUMNS[feed]])

    def add(self, *row: object) -> None:
        """Add one line."""
        self._rows.append(row)
        if len(self._rows) >= FLUSH_ROWS:
            self._flush()

    def close(self) -> None:
        """Let go of the file as it is."""
        self._file.close()

    def finish(self) -> None:
        """Write what is left, and vouch for it all."""
        self._flush()
        self.close()
        manifest = {
            "feed": self.feed,
            "sender": self.sender,
            "sequence": self.sequence,
            "records": self.records,
            "total": self.total,
            "sha256": self._hash.hexdigest(),
        }
        beside = self.path.with_name(self.path.name + ".manifest.json")
        beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._write(rows)
        self.records += len(rows)
        column = self._summed
        self.total += (
            len(rows)
            if column is None
            else sum(self._counted(str(row[column])) for row in rows)
        )

    def _counted(self, value: str) -> int:
        """Return what a cell adds to the total: nothing if it cannot be read."""
        return int(value.replace(".", "")) if self._readable.fullmatch(value) else 0

    def _write(self, rows: Iterable[Row]) -> None:
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        data = text.getvalue().encode()
        self._hash.update(data)
        self._file.write(data)


@contextmanager
def feed_file(
    directory: Path, feed: str, sequence: int, *, sender: str = OPERATOR
) -> Iterator[FeedFile]:
    """Give a feed file to fill; it is finished at the end."""
    file = FeedFile(directory, feed, sequence, sender=sender)
    try:
        yield file
        file.finish()
    finally:
        file.close()


def write_feed(
    directory: Path,
    feed: str,
    sequence: int,
    rows: Iterable[Row],
    *,
    sender: str = OPERATOR,
) -> Path:
    """Write a feed file and its manifest; return where the file is."""
    with feed_file(directory, feed, sequence, sender=sender) as file:
        for row in rows:
            file.add(*row)
    return file.path


def yuan(fen: int) -> str:
    """Return an amount of fen in yuan with two decimals."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), 100)
    return f"{sign}{whole}.{rest:02d}"

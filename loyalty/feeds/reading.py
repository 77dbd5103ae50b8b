"""Read a CSV file as it streams by: hashed, decoded, cut into records."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from loyalty.feeds.errors import MalformedFile

LINE_BYTES_MAX = 64 * 1024
_BLOCK_BYTES = 256 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Batch:
    """Some records of a file, one after the other."""

    rows: list[list[str]]
    texts: Sequence[str]  # each row as it stood in the file
    numbers: Sequence[int]  # the line of the file on which each row begins


class Reader:
    """The records of a file, and in the end the hash of its bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of the bytes read so far."""
        return self._hash.hexdigest()

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the records after the header, which must name the columns."""
        batches = self._records()
        first = next(batches, None)
        if first is None or first.rows[0] != list(columns):
            raise MalformedFile(line=1, reason=f"the header is not {','.join(columns)}")
        yield Batch(first.rows[1:], first.texts[1:], first.numbers[1:])
        yield from batches

    def _records(self) -> Iterator[Batch]:
        blocks = self._blocks()
        for first, text in blocks:
            # Nearly all files go without quotes, and a line is a record then.
            if '"' in text or "\r" in text:
                yield _quoted(first, text, blocks)
            else:
                lines = text.split("\n")
                rows = [line.split(",") for line in lines]
                yield Batch(rows, lines, range(first, first + len(lines)))

    def _blocks(self) -> Iterator[tuple[int, str]]:
        """Give whole lines as one text, and the number of the first of them."""
        first, cut = 1, b""
        while chunk := self._file.read(_BLOCK_BYTES):
            self._hash.update(chunk)
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                text = _text(first, cut + whole)
                yield first, text
                first, cut = first + text.count("\n") + 1, rest
            else:
                cut += rest
            if len(cut) > LINE_BYTES_MAX:
                raise _too_long(first)
        if cut:
            yield first, _text(first, cut)


def _text(first: int, block: bytes) -> str:
    if first == 1:
        block = block.removeprefix(_BYTE_ORDER_MARK)
    nul = block.find(b"\0")
    if nul >= 0:
        line = first + block.count(b"\n", 0, nul)
        raise MalformedFile(line=line, reason="a NUL byte")
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        line = first + block.count(b"\n", 0, error.start)
        raise MalformedFile(line=line, reason="not UTF-8") from error
    lines = block.split(b"\n")
    if max(map(len, lines)) > LINE_BYTES_MAX:
        raise _too_long(first + lines.index(max(lines, key=len)))
    return text


def _quoted(first: int, text: str, blocks: Iterator[tuple[int, str]]) -> Batch:
    """Cut records that may span lines, and even blocks."""
    taken: list[str] = []  # lines of the record under way
    length = 0  # of that record

    def feed() -> Iterator[str]:
        nonlocal length
        more: str | None = text
        while more is not None:
            for line in more.split("\n"):
                taken.append(line)
                length += len(line) + 1
                if len(taken) > 1 and length > LINE_BYTES_MAX:
                    raise _too_long(first)
                yield f"{line}\n"
            # Asked for more inside a record: it goes on in the next block.
            more = next(blocks, (first, None))[1] if taken else None

    rows, texts, numbers = [], [], []
    try:
        for row in csv.reader(feed(), strict=True):
            rows.append(row)
            texts.append("\n".join(taken))
            numbers.append(first)
            first += len(taken)
            taken.clear()
            length = 0
    except csv.Error as error:
        raise _malformed(first + len(taken) - 1, error) from error
    return Batch(rows, texts, numbers)


def _too_long(line: int) -> MalformedFile:
    return MalformedFile(line=line, reason=f"longer than {LINE_BYTES_MAX} bytes")


def _malformed(line: int, error: csv.Error) -> MalformedFile:
    # What csv advises after the dash is for programmers.
    return MalformedFile(line=line, reason=str(error).split(" - ")[0])

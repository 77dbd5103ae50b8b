"""What must hold of a partner's file before a line of it is used (domain.md 3.2).

A file is CSV in UTF-8, named for its provider and its number, `ACME0001.csv`:

    TH,ACME,0001,2007-12-10T02:00:00+08:00,3,600.00
    TD,reference,account,activity,2007-12-09,100.00,CNY,5411,
    TT,3,600.00

Header and trailer say how many records there are and what their amounts add up to; the
Ed25519 signature of its bytes lies beside it in base64. An audit file comes back in the
same layout: each record with its status, and what was accepted and rejected in all.
"""

import base64
import binascii
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

COLUMNS = (
    "partner_ref",
    "account_ref",
    "activity",
    "occurred_on",
    "amount",
    "currency",
    "mcc",
    "original_ref",
)
SEQUENCE_MAX = 9999
RECORDS_MAX = 1_000_000
_AMOUNT_AT = COLUMNS.index("amount")
_PROVIDER = re.compile(r"[A-Z0-9]{4}")
_NAME = re.compile(r"([A-Z0-9]{4})([0-9]{4})\.csv", re.ASCII)
# As in the feeds: an amount that cannot be one still counts, for its sender could
# add it up.
_AMOUNT = re.compile(r"-?[0-9]{1,30}\.[0-9]{2}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_HEADER_LENGTH, _TRAILER_LENGTH = 6, 3
_KEY_LENGTH = 32


class Fault(StrEnum):
    """Why a file is refused whole; partners read these in audit files."""

    NAME_WRONG = "NAME_WRONG"
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    LAYOUT_WRONG = "LAYOUT_WRONG"
    FILE_SHORT = "FILE_SHORT"
    COUNT_MISMATCH = "COUNT_MISMATCH"
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    SEQUENCE_USED = "SEQUENCE_USED"


class FileRefused(Exception):
    """A file of which no line may be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Status(StrEnum):
    """What became of a record."""

    ACCEPTED = "A"
    WARNED = "W"  # it had been accepted before
    REFUSED = "E"  # not added


@dataclass(frozen=True, slots=True)
class Agreement:
    """How files of a partner are named and signed.

    Raises `ValueError` for what nothing could be named or signed with.
    """

    partner: str  # its code in the programme
    provider: str  # its four characters in names of files
    their_key: str  # public, base64 of the 32 bytes
    our_key: str = field(repr=False)  # private, base64 of the 32 bytes

    def __post_init__(self) -> None:
        """Refuse what cannot work; a key that does is never repeated in errors."""
        if not self.partner:
            raise ValueError("a partner has a code")
        if _PROVIDER.fullmatch(self.provider) is None:
            raise ValueError("a provider is four capital letters or digits")
        for name, key in (("their_key", self.their_key), ("our_key", self.our_key)):
            if len(_unbased(key) or b"") != _KEY_LENGTH:
                raise ValueError(f"{name} is not 32 bytes in base64")

    def sign(self, content: bytes) -> str:
        """Return our signature of a file."""
        return sign(content, key=self.our_key)

    def is_theirs(self, content: bytes, signature: str) -> bool:
        """Return whether the partner has signed these bytes."""
        found = _unbased(signature.strip())
        if found is None:
            return False
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.their_key))
        try:
            key.verify(found, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """A file that is what it says it is; whether its records can be used is open."""

    provider: str
    sequence: int
    created_at: str
    records: tuple[tuple[str, ...], ...]  # each in the order of `COLUMNS`
    total_fen: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one record, in the order of the file."""

    status: Status
    reason: str = ""


def sign(content: bytes, *, key: str) -> str:
    """Return the signature of a file under a private key."""
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key))
    return base64.b64encode(private.sign(content)).decode()


def make_keys() -> tuple[str, str]:
    """Return a new private key and its public one, as settings want them."""
    private = Ed25519PrivateKey.generate()
    return (
        base64.b64encode(private.private_bytes_raw()).decode(),
        base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    )


def file_name(provider: str, sequence: int) -> str:
    """Return the name of a file."""
    return f"{provider}{sequence:04d}.csv"


def sequence_of(name: str, *, provider: str) -> int:
    """Return the number in a name. Raises `FileRefused`."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] != provider or int(found[2]) == 0:
        raise FileRefused(Fault.NAME_WRONG)
    return int(found[2])


def verify(
    name: str, content: bytes, signature: str, *, agreement: Agreement
) -> PartnerFile:
    """Return what is in a file of which everything adds up.

    Nothing is read before the signature holds. Raises `FileRefused`.
    """
    sequence = sequence_of(name, provider=agreement.provider)
    if not agreement.is_theirs(content, signature):
        raise FileRefused(Fault.SIGNATURE_WRONG)
    rows = _rows(content)
    header = rows[0] if rows else []
    if (
        len(header) != _HEADER_LENGTH
        or header[:3] != ["TH", agreement.provider, f"{sequence:04d}"]
        or _COUNT.fullmatch(header[4]) is None
    ):
        raise FileRefused(Fault.LAYOUT_WRONG)
    trailer = rows[-1]
    if trailer[:1] != ["TT"]:
        raise FileRefused(Fault.FILE_SHORT)
    details = rows[1:-1]
    if (
        len(trailer) != _TRAILER_LENGTH
        or _COUNT.fullmatch(trailer[1]) is None
        or any(row[:1] != ["TD"] for row in details)
        or any(len(row) != len(COLUMNS) + 1 for row in details)
    ):
        raise FileRefused(Fault.LAYOUT_WRONG)
    if not int(header[4]) == int(trailer[1]) == len(details):
        raise FileRefused(Fault.COUNT_MISMATCH)
    records = tuple(tuple(row[1:]) for row in details)
    total = sum(amount_fen(record) for record in records)
    if not _fen(header[5]) == _fen(trailer[2]) == total:
        raise FileRefused(Fault.TOTAL_MISMATCH)
    return PartnerFile(
        provider=agreement.provider,
        sequence=sequence,
        created_at=header[3],
        records=records,
        total_fen=total,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def write(
    provider: str,
    sequence: int,
    records: Sequence[Sequence[str]],
    *,
    created_at: str,
) -> bytes:
    """Return a file with these records, as a partner writes it."""
    total = yuan(sum(amount_fen(record) for record in records))
    return _written(
        [
            ["TH", provider, f"{sequence:04d}", created_at, str(len(records)), total],
            *(["TD", *record] for record in records),
            ["TT", str(len(records)), total],
        ]
    )


def audit_name(provider: str, sequence: int) -> str:
    """Return the name of the audit file of a file that was taken."""
    return f"{provider}{sequence:04d}.audit.csv"


def refusal_name(name: str, sha256: str) -> str:
    """Return the name of the audit file of a file that was not taken.

    A number can be refused more than once before the right file has it.
    """
    return f"{name.removesuffix('.csv')}.{sha256[:16]}.audit.csv"


def audit(file: PartnerFile, verdicts: Sequence[Verdict]) -> bytes:
    """Return what is told about a file that was taken: the same file, the same bytes.

    What was accepted before counts as accepted.
    """
    good = bad = good_fen = bad_fen = 0
    rows = []
    for record, verdict in zip(file.records, verdicts, strict=True):
        if verdict.status is Status.REFUSED:
            bad, bad_fen = bad + 1, bad_fen + amount_fen(record)
        else:
            good, good_fen = good + 1, good_fen + amount_fen(record)
        rows.append(["TD", *record, verdict.status, verdict.reason])
    figures = [str(good), yuan(good_fen), str(bad), yuan(bad_fen)]
    header = ["TH", file.provider, f"{file.sequence:04d}", file.created_at]
    return _written([[*header, "TAKEN", *figures], *rows, ["TT", *figures]])


def refusal(name: str, fault: Fault, *, sha256: str) -> bytes:
    """Return what is told about a file that was not taken: nothing in it was used."""
    return _written([["TH", name, sha256, fault], ["TT", "0", "0.00"]])


def amount_fen(record: Sequence[str]) -> int:
    """Return what a record adds to the total."""
    return _fen(record[_AMOUNT_AT]) or 0


def yuan(fen: int) -> str:
    """Return an amount as files have it."""
    sign_, whole = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign_}{whole // 100}.{whole % 100:02d}"


def _fen(written: str) -> int | None:
    if _AMOUNT.fullmatch(written) is None:
        return None
    return int(written.replace(".", ""))


def _rows(content: bytes) -> list[list[str]]:
    try:
        text = content.decode()
        if "\0" in text:
            raise FileRefused(Fault.LAYOUT_WRONG)
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileRefused(Fault.LAYOUT_WRONG) from error
    if len(rows) > RECORDS_MAX + 2:
        raise FileRefused(Fault.LAYOUT_WRONG)
    return rows


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _unbased(written: str) -> bytes | None:
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None

"""A drop: folders at a place where a partner's files and ours are put.

`in/` holds what the partner brings, `out/` what we put, `archive/` what we have dealt
with. Beside each file lies its signature, NAME.sig, which is put last: a file without
it is not complete.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from partners.files import Agreement
from partners.ports import FetchedFile, Outcome, Receipt, WaitingFiles

FILE_BYTES_MAX = 64 * 1024 * 1024
_SIGNATURE_BYTES_MAX = 1024


class PlaceUnreachable(Exception):
    """Nobody knows what became of what was asked; ask again."""


class TooLarge(Exception):
    """A file is larger than anybody agreed to."""


class Place(Protocol):
    """Folders with files. All of it raises `PlaceUnreachable` when it cannot say."""

    def names(self, folder: str) -> list[str]:
        """List the files in a folder."""

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a file; None: there is none. Raises `TooLarge`."""

    def write(self, path: str, content: bytes) -> None:
        """Put a file there whole or not at all, in the stead of what was there."""

    def move(self, path: str, target: str) -> None:
        """Move a file, in the stead of what was there."""


class Drop:
    """A `FileExchange` at any place."""

    def __init__(
        self,
        agreement: Agreement,
        reach: Callable[[], AbstractContextManager[Place]],
    ) -> None:
        self.agreement = agreement
        self._reach = reach

    def waiting(self) -> WaitingFiles:
        """List the files that are complete; one without its signature is not."""
        try:
            with self._reach() as place:
                found = set(place.names("in"))
        except PlaceUnreachable as error:
            return WaitingFiles(Outcome.UNKNOWN, reason=str(error))
        complete = sorted(name for name in found if _signature(name) in found)
        return WaitingFiles(Outcome.CONFIRMED, tuple(complete))

    def fetch(self, name: str) -> FetchedFile:
        """Fetch a file; it stays where it is."""
        if not _is_plain(name):
            return FetchedFile(Outcome.ABSENT, name, reason="no name of a file")
        try:
            with self._reach() as place:
                signature = place.read(
                    f"in/{_signature(name)}", limit=_SIGNATURE_BYTES_MAX
                )
                content = place.read(f"in/{name}", limit=FILE_BYTES_MAX)
        except TooLarge:
            return FetchedFile(Outcome.DECLINED, name, reason="too large")
        except PlaceUnreachable as error:
            return FetchedFile(Outcome.UNKNOWN, name, reason=str(error))
        if content is None or signature is None:
            return FetchedFile(Outcome.ABSENT, name)
        return FetchedFile(
            Outcome.CONFIRMED,
            name,
            content=content,
            signature=signature.decode("ascii", "replace"),
        )

    def put(self, name: str, content: bytes, signature: str) -> Receipt:
        """Put a file there whole or not at all; `partner_ref` is its SHA-256."""
        if not _is_plain(name):
            return Receipt(Outcome.DECLINED, reason="no name of a file")
        try:
            with self._reach() as place:
                known = place.read(f"out/{name}", limit=FILE_BYTES_MAX)
                if known is not None and known != content:
                    return Receipt(Outcome.DECLINED, reason="another has this name")
                if known is None:
                    place.write(f"out/{name}", content)
                place.write(f"out/{_signature(name)}", signature.encode())
        except TooLarge:
            return Receipt(Outcome.DECLINED, reason="another has this name")
        except PlaceUnreachable as error:
            return Receipt(Outcome.UNKNOWN, reason=str(error))
        return Receipt(Outcome.CONFIRMED, partner_ref=_sha256(content))

    def look_up(self, name: str) -> Receipt:
        """Ask whether a file that we have put is there, and with which SHA-256."""
        if not _is_plain(name):
            return Receipt(Outcome.ABSENT)
        try:
            with self._reach() as place:
                content = place.read(f"out/{name}", limit=FILE_BYTES_MAX)
                is_signed = _signature(name) in place.names("out")
        except (PlaceUnreachable, TooLarge) as error:
            return Receipt(Outcome.UNKNOWN, reason=str(error))
        if content is None or not is_signed:
            return Receipt(Outcome.ABSENT)
        return Receipt(Outcome.CONFIRMED, partner_ref=_sha256(content))

    def archive(self, name: str, *, sha256: str) -> Receipt:
        """Move a fetched file away, under its hash; again is CONFIRMED again.

        What lies there under the name and is another file by now stays.
        """
        if not _is_plain(name):
            return Receipt(Outcome.DECLINED, reason="no name of a file")
        target = f"archive/{name.removesuffix('.csv')}.{sha256}.csv"
        try:
            with self._reach() as place:
                content = place.read(f"in/{name}", limit=FILE_BYTES_MAX)
                if content is None:
                    return _archived(place, target, sha256)
                if _sha256(content) != sha256:
                    return Receipt(Outcome.DECLINED, reason="another has this name")
                # The file goes first: its signature alone is no file that waits.
                place.move(f"in/{name}", target)
                place.move(f"in/{_signature(name)}", _signature(target))
        except TooLarge:
            return Receipt(Outcome.DECLINED, reason="another has this name")
        except PlaceUnreachable as error:
            return Receipt(Outcome.UNKNOWN, reason=str(error))
        return Receipt(Outcome.CONFIRMED, partner_ref=sha256)


def _archived(place: Place, target: str, sha256: str) -> Receipt:
    content = place.read(target, limit=FILE_BYTES_MAX)
    if content is None or _sha256(content) != sha256:
        return Receipt(Outcome.ABSENT)
    return Receipt(Outcome.CONFIRMED, partner_ref=sha256)


def _signature(name: str) -> str:
    return f"{name}.sig"


def _is_plain(name: str) -> bool:
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\\0")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

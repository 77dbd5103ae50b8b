"""A folder of this machine, which others fill by means of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from partners.drops import Drop, Place, PlaceUnreachable, TooLarge
from partners.files import Agreement
from partners.registry import Kind, Plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    """Where the folder is, and how its files are named and signed."""

    code: str  # of the partner, as in the programme
    folder: str
    provider: str
    their_key: str
    our_key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what cannot work."""
        self.agreement()
        if not Path(self.folder).is_absolute():
            raise ValueError("folder is no absolute path")

    def agreement(self) -> Agreement:
        """Return how files are named and signed."""
        return Agreement(self.code, self.provider, self.their_key, self.our_key)


class FolderPlace:
    """Files below a folder, each replaced whole."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: str) -> list[str]:
        """List the files in a folder."""
        with _saying():
            return [
                found.name
                for found in os.scandir(self._root / folder)
                if found.is_file(follow_symlinks=False)
            ]

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a file; None: there is none. A link to elsewhere is none either."""
        target = self._root / path
        with _saying():
            if target.is_symlink() or not target.is_file():
                return None
            with target.open("rb") as file:
                content = file.read(limit + 1)
        if len(content) > limit:
            raise TooLarge(path)
        return content

    def write(self, path: str, content: bytes) -> None:
        """Put a file there whole or not at all."""
        target = self._root / path
        scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        with _saying():
            try:
                with scratch.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                scratch.replace(target)
            finally:
                with suppress(OSError):
                    scratch.unlink(missing_ok=True)

    def move(self, path: str, target: str) -> None:
        """Move a file, in the stead of what was there."""
        with _saying():
            (self._root / path).replace(self._root / target)


def open_folder(settings: FolderSettings) -> Drop:
    """Return the exchange in a folder."""

    @contextmanager
    def reach() -> Iterator[Place]:
        root = Path(settings.folder)
        with _saying():
            if not root.is_dir():
                raise PlaceUnreachable("the folder is not there")
            for name in ("in", "out", "archive"):
                (root / name).mkdir(exist_ok=True)
        yield FolderPlace(root)

    return Drop(settings.agreement(), reach)


@contextmanager
def _saying() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PlaceUnreachable(f"the folder: {reason}") from error


PLUGIN = Plugin(Kind.FILES, FolderSettings, open_folder)

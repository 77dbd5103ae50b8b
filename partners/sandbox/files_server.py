"""A partner that brings files, on a real SFTP server on loopback.

What it brings it signs with a key of its own; what it is told to spoil, it spoils.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import asyncssh

from partners.files import SEQUENCE_MAX, file_name, make_keys, sign, write
from partners.sandbox.manners import Manner

_USER = "jifen"
_FOLDERS = ("in", "out", "archive")
_CREATED_AT = "2007-12-10T02:00:00+08:00"
_START_SECONDS = 10
Record = Sequence[str]


@dataclass(frozen=True, slots=True)
class _Brought:
    name: str
    content: bytes
    signature: str


class FilesSandbox:
    """Plays the partner while the context is open; then all its files are gone."""

    def __init__(self, *, code: str, provider: str, port: int = 0) -> None:
        self.code, self.provider = code, provider
        self._port = port
        self._key, self._public_key = make_keys()
        self._our_key, self.our_public_key = make_keys()
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._user_key = asyncssh.generate_private_key("ssh-ed25519")
        self._sequence = 0
        self._late: list[_Brought] = []
        self._started, self._over = Event(), Event()
        self._trouble: BaseException | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="jifen-files-")
        self.root = Path(self._folder.name)
        for name in _FOLDERS:
            (self.root / name).mkdir()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Listen. Raises `OSError` when the port is taken."""
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise TimeoutError("the SFTP server did not start")
        if self._trouble is not None:
            self._folder.cleanup()
            raise self._trouble
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._folder.cleanup()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"sftp://127.0.0.1:{self._port}"

    @property
    def signing(self) -> dict[str, Any]:
        """The settings of any adapter that say how its files are signed."""
        return {
            "code": self.code,
            "provider": self.provider,
            "their_key": self._public_key,
            "our_key": self._our_key,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which the `sftp` adapter reaches it."""
        return self.signing | {
            "host": "127.0.0.1",
            "port": self._port,
            "user": _USER,
            "host_key": self._host_key.export_public_key().decode().strip(),
            "user_key": self._user_key.export_private_key().decode(),
        }

    def bring(self, records: Sequence[Record], manner: Manner = Manner.GOOD) -> str:
        """Put the next file there, in some manner; return its name."""
        step = 2 if manner is Manner.OUT_OF_SEQUENCE else 1
        if self._sequence + step > SEQUENCE_MAX:
            raise ValueError("all numbers are used")
        self._sequence += step
        return self.bring_as(self._sequence, records, manner)

    def bring_as(
        self, sequence: int, records: Sequence[Record], manner: Manner = Manner.GOOD
    ) -> str:
        """Put a file there under a number, used or not; return its name."""
        if manner is Manner.DUPLICATED:
            records = [*records, records[0]]
        content = write(self.provider, sequence, records, created_at=_CREATED_AT)
        if manner is Manner.SHORT:
            content = content[: content.rindex(b"\nTT,") + 1]
        if manner is Manner.MISMATCHED:
            content = _mismatched(content)
        name = file_name(self.provider, sequence)
        brought = _Brought(name, content, sign(content, key=self._key))
        if manner is Manner.TAMPERED:
            brought = replace(brought, content=content.replace(b"TD,", b"TD,X", 1))
        (self.root / "in" / name).write_bytes(brought.content)
        if manner is Manner.LATE:
            self._late.append(brought)
        else:
            self._sign(brought)
        return name

    def finish(self) -> None:
        """Bring the signatures of what is late."""
        for brought in self._late:
            self._sign(brought)
        self._late.clear()

    def _sign(self, brought: _Brought) -> None:
        path = self.root / "in" / f"{brought.name}.sig"
        path.write_text(brought.signature, encoding="ascii")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._trouble = error
            self._started.set()

    async def _serve(self) -> None:
        def files(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=str(self.root).encode())

        public = self._user_key.export_public_key().decode()
        server = await asyncssh.listen(
            "127.0.0.1",
            self._port,
            server_host_keys=[self._host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public),
            sftp_factory=files,
        )
        async with server:
            self._port = server.get_port()
            self._started.set()
            await asyncio.to_thread(self._over.wait)


def _mismatched(content: bytes) -> bytes:
    """Let header and trailer agree on a hundred yuan too much."""
    header, *details, trailer = content.decode().splitlines()
    total = header.rpartition(",")[2]
    yuan, _, cents = total.partition(".")
    wrong = f"{int(yuan) + 100}.{cents}"
    lines = [
        header.removesuffix(total) + wrong,
        *details,
        trailer.removesuffix(total) + wrong,
    ]
    return "".join(f"{line}\n" for line in lines).encode()

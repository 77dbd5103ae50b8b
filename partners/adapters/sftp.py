"""A partner's SFTP server: its host key is pinned, we prove ourselves with a key.

A sync façade over asyncssh: each use of the exchange is one connection, with a loop
of its own, and everything in it ends by one deadline.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from stat import S_ISREG
from threading import Thread
from typing import Any, Self, TypeVar

import asyncssh

from partners.deadline import Deadline
from partners.drops import Drop, Place, PlaceUnreachable, TooLarge
from partners.files import Agreement
from partners.registry import Kind, Plugin

T = TypeVar("T")

PORT_MAX = 65_535
_STEP_SECONDS = 3600.0  # the deadline is nearer
_ROOT_FOLDERS = ("in", "out", "archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpSettings:
    """Where the server is, who it must be, who we are, and how files are signed."""

    code: str  # of the partner, as in the programme
    host: str
    user: str
    host_key: str  # public, as in a known_hosts file: ssh-ed25519 AAAA…
    user_key: str = field(repr=False)  # private, in OpenSSH's form
    provider: str
    their_key: str
    our_key: str = field(repr=False)
    port: int = 22
    folder: str = "."
    connect_seconds: float = 5.0
    total_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what cannot work."""
        self.agreement()
        if not self.host or not self.user:
            raise ValueError("a server has a host and a user")
        if not 0 < self.port <= PORT_MAX:
            raise ValueError("port is none")
        if min(self.connect_seconds, self.total_seconds) <= 0:
            raise ValueError("there is time for everything")
        self.keys()

    def agreement(self) -> Agreement:
        """Return how files are named and signed."""
        return Agreement(self.code, self.provider, self.their_key, self.our_key)

    def keys(self) -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
        """Return the server's public key and our private one."""
        try:
            theirs = asyncssh.import_public_key(self.host_key)
        except (asyncssh.KeyImportError, ValueError) as error:
            raise ValueError("host_key is no public key") from error
        try:
            ours = asyncssh.import_private_key(self.user_key)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            # What asyncssh says may repeat some of it.
            raise ValueError("user_key is no private key") from None
        return theirs, ours


class SftpPlace:
    """Files below a folder of a server."""

    def __init__(
        self,
        loop: "_Loop",
        client: asyncssh.SFTPClient,
        *,
        root: str,
        deadline: Deadline,
    ) -> None:
        self._loop, self._client = loop, client
        self._root, self._deadline = root, deadline

    def names(self, folder: str) -> list[str]:
        """List the files in a folder."""
        found = self._wait(self._client.readdir(self._path(folder)))
        return [
            str(entry.filename)
            for entry in found
            if entry.attrs.permissions is None or S_ISREG(entry.attrs.permissions)
        ]

    def read(self, path: str, *, limit: int) -> bytes | None:
        """Return a file; None: there is none."""
        return self._wait(self._read(self._path(path), limit))

    def write(self, path: str, content: bytes) -> None:
        """Put a file there whole or not at all."""
        self._wait(self._write(path, content))

    def move(self, path: str, target: str) -> None:
        """Move a file, in the stead of what was there."""
        self._wait(self._client.posix_rename(self._path(path), self._path(target)))

    def make_folders(self) -> None:
        """Make what is missing of the folders."""
        for name in _ROOT_FOLDERS:
            self._wait(self._client.makedirs(self._path(name), exist_ok=True))

    async def _read(self, path: str, limit: int) -> bytes | None:
        try:
            async with self._client.open(path, "rb") as file:
                content = await file.read(limit + 1)
        except asyncssh.SFTPNoSuchFile:
            return None
        assert isinstance(content, bytes)
        if len(content) > limit:
            raise TooLarge(path)
        return content

    async def _write(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        scratch = self._path(f"{folder}/.{name}.tmp")
        async with self._client.open(scratch, "wb") as file:
            await file.write(content)
        await self._client.posix_rename(scratch, self._path(path))

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _wait(self, work: Awaitable[T]) -> T:
        return _within(self._loop, work, self._deadline)


def open_sftp(settings: SftpSettings) -> Drop:
    """Return the exchange on a server."""
    theirs, ours = settings.keys()

    @contextmanager
    def reach() -> Iterator[Place]:
        deadline = Deadline.after(settings.total_seconds)
        with _saying(), _Loop() as loop:
            connection = _within(
                loop,
                asyncssh.connect(
                    settings.host,
                    settings.port,
                    username=settings.user,
                    client_keys=[ours],
                    # That key and no other, whatever ~/.ssh says; no agent either.
                    known_hosts=([theirs], [], []),
                    config=None,
                    agent_path=None,
                    preferred_auth="publickey",
                    connect_timeout=settings.connect_seconds,
                    login_timeout=settings.total_seconds,
                ),
                deadline,
            )
            try:
                client = _within(loop, connection.start_sftp_client(), deadline)
                place = SftpPlace(loop, client, root=settings.folder, deadline=deadline)
                place.make_folders()
                yield place
            finally:
                loop.run(_hang_up(connection))

    return Drop(settings.agreement(), reach)


class _Loop:
    """An event loop in a thread of its own: whoever asks may be in one already."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(_wind_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _wind_up() -> None:
    """End what a lost connection left running."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


async def _hang_up(connection: asyncssh.SSHClientConnection) -> None:
    connection.abort()
    await connection.wait_closed()


def _within(loop: _Loop, work: Awaitable[T], deadline: Deadline) -> T:
    async def ended() -> T:
        # Begun first: what is too late already is called off, not left lying.
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(deadline.within(_STEP_SECONDS)):
            return await task

    return loop.run(ended())


@contextmanager
def _saying() -> Iterator[None]:
    """Say in a few words that nobody knows; a server's own words are a stranger's."""
    try:
        yield
    except TimeoutError as error:
        raise PlaceUnreachable("the server did not answer in time") from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise PlaceUnreachable("the server is not who it must be") from error
    except asyncssh.PermissionDenied as error:
        raise PlaceUnreachable("the server does not let us in") from error
    except (OSError, asyncssh.Error) as error:
        raise PlaceUnreachable(f"the server: {type(error).__name__}") from error


PLUGIN = Plugin(Kind.FILES, SftpSettings, open_sftp)

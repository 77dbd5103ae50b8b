"""A socket under a deadline: each wait is short, and all of them together end."""

import io
import socket
import time
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nobody waits any more."""

    at: float  # of the monotonic clock

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the moment so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self.at

    def within(self, seconds: float) -> float:
        """Return how long may be waited for one thing.

        Raises `TimeoutError`.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return min(seconds, left)


class TimedSocket:
    """As much of a socket as `http.client` needs, each use of it under the deadline.

    Without it a stranger who sends a byte now and then could hold us for ever.
    """

    def __init__(
        self, line: socket.socket, *, deadline: Deadline, seconds: float
    ) -> None:
        self._line, self._deadline, self._seconds = line, deadline, seconds

    def sendall(self, data: bytes) -> None:
        """Send everything."""
        self._line.settimeout(self._deadline.within(self._seconds))
        self._line.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what the line will say."""
        return io.BufferedReader(
            _TimedReader(self._line, deadline=self._deadline, seconds=self._seconds)
        )

    def close(self) -> None:
        """Leave the line open: whoever opened it closes it."""


class _TimedReader(io.RawIOBase):
    def __init__(
        self, line: socket.socket, *, deadline: Deadline, seconds: float
    ) -> None:
        super().__init__()
        self._line, self._deadline, self._seconds = line, deadline, seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(self._deadline.within(self._seconds))
        return self._line.recv_into(buffer)

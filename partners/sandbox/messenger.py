"""Messengers that reach nobody: the words go to the console or into a file."""

import json
import os
import sys
from pathlib import Path

from partners.ports import Message, Outcome, Receipt


class ConsoleMessenger:
    """Writes messages to standard error."""

    def send(self, message: Message) -> Receipt:
        """Write the message down where a developer sees it."""
        sys.stderr.write(f"message to {message.to}: {message.words}\n")
        sys.stderr.flush()
        return Receipt(Outcome.CONFIRMED)


class FileMessenger:
    """Appends messages to a file, a line of JSON each, that only we can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, message: Message) -> Receipt:
        """Append the message; one call is one write, so that lines stay whole."""
        line = json.dumps(
            {"to": message.to, "words": message.words}, ensure_ascii=False
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self._path, flags, 0o600)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
        return Receipt(Outcome.CONFIRMED)

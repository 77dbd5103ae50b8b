"""A programme that is worked on by commands in processes of their own."""

import os
import subprocess
import sys

from loyalty.database import Database


class Installation:
    """A programme on a database, worked on by commands in processes of their own."""

    def __init__(self, database: Database, **settings: str) -> None:
        self.database = database
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
        self._environment = inherited | settings

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        program = "from loyalty.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def run(self, *arguments: object) -> str:
        """Run a command that succeeds without a word on stderr."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=300)
        assert (process.returncode, stderr) == (0, "")
        return stdout

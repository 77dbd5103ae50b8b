"""Run pgbench, and read what it measured."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loyalty.bench.errors import MeasurementFailed, PgbenchMissing
from loyalty.bench.measuring import REFERENCE, Measure, percentile
from loyalty.database import Database, libpq_dsn

BRANCHES = 10  # of the TPC-B tables
_THREADS = 2
_SAMPLED = 0.25  # of the calls whose time is kept
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Pgbench:
    """pgbench on one database, with so many clients."""

    database: Database
    program: str
    clients: int

    def prepare(self) -> None:
        """Make the tables of TPC-B."""
        self._run(REFERENCE, "--initialize", "--quiet", f"--scale={BRANCHES}")

    def tpc_b(self, seconds: int) -> Measure:
        """Measure the reference."""
        return self._measure(REFERENCE, seconds, "--builtin=tpcb-like")

    def script(
        self, case: str, name: str, seconds: int, variables: Mapping[str, int]
    ) -> Measure:
        """Measure one of our scripts."""
        return self._measure(
            case,
            seconds,
            f"--file={_SCRIPTS / name}.sql",
            *(f"--define={key}={value}" for key, value in variables.items()),
        )

    def _measure(self, case: str, seconds: int, *arguments: str) -> Measure:
        with tempfile.TemporaryDirectory() as folder:
            said = self._run(
                case,
                "--no-vacuum",
                "--protocol=prepared",
                f"--client={self.clients}",
                f"--jobs={min(_THREADS, self.clients)}",
                f"--time={seconds}",
                "--log",
                f"--log-prefix={folder}/calls",
                f"--sampling-rate={_SAMPLED}",
                *arguments,
            )
            times = sorted(
                int(line.split()[2]) / 1000
                for file in Path(folder).iterdir()
                for line in file.read_text().splitlines()
            )
        rate = _RATE.search(said)
        if rate is None:
            raise MeasurementFailed(case=case, reason=said.strip())
        return Measure(float(rate[1]), percentile(times, 50), percentile(times, 99))

    def _run(self, case: str, *arguments: str) -> str:
        # As the owner: the reference's tables are not the application's business.
        url = self.database.owner_engine.url
        address = libpq_dsn(url._replace(password=None))
        done = subprocess.run(
            [self.program, *arguments, address],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ
            | ({"PGPASSWORD": str(url.password)} if url.password else {}),
        )
        if done.returncode != 0:
            # Every client says the same, after what pgbench says of itself.
            said = done.stderr.splitlines()
            reason = next(
                (line for line in said if "ERROR:" in line), "".join(said[-1:])
            )
            raise MeasurementFailed(case=case, reason=reason.strip())
        return done.stdout


def pgbench(database: Database, *, bin_dir: Path | None, clients: int) -> Pgbench:
    """Find pgbench for a database."""
    program = shutil.which("pgbench", path=bin_dir)
    if program is None:
        raise PgbenchMissing
    return Pgbench(database, program, clients)

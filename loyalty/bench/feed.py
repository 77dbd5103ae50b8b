"""Measure how fast bills and their payments are booked from files."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psutil
from sqlalchemy import text

from loyalty.bench.errors import MeasurementFailed
from loyalty.bench.measuring import REFERENCE, Measure, Report, Say, machine, results
from loyalty.bench.pgbench import Pgbench, pgbench
from loyalty.bench.scratch import Scratch, prove, scratch, settle
from loyalty.clock import now
from loyalty.database import Database
from loyalty.demo.files import Row, write_feed, yuan
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import Settings

BOTH = "bills booked and paid"
TARGETS = {BOTH: ">= 25,000 per second, loader < 300 MB"}

CLIENTS = 8
_BILLED_ON = date(2007, 10, 1)
_BRANDS = ("worldwind", "newspacetime", "up", "ruyitong")
_POLL_SECONDS = 0.02
_MEGABYTE = 1_000_000
COMMAND = [sys.executable, "-c", "from loyalty.cli import main; main()"]

_BOOKING = text(
    """
    SELECT extract(epoch FROM completed_at - started_at)::float AS seconds
      FROM feed_file WHERE feed = :feed ORDER BY id DESC LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    bills: int = 100_000
    rounds: int = 3
    seconds: int = 5  # of the reference


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading one file took."""

    seconds: float  # of the whole command
    inside_seconds: float  # from the file's beginning in the database to its end
    megabytes: float  # the most that the command's process held


def bench_feed(settings: Settings, size: Size, *, say: Say) -> Report:
    """Measure rounds of loading, each in a fresh database, and prove each."""
    with (
        scratch(settings) as server,
        server.database() as beside,
        tempfile.TemporaryDirectory(prefix="jifen-bench-files-") as folder,
    ):
        reference = pgbench(beside, bin_dir=server.bin_dir, clients=CLIENTS)
        reference.prepare()
        reference.tpc_b(1)
        say(f"writing files of {size.bills:,} bills")
        files = _write(Path(folder), size.bills)
        rounds, loads = [], []
        for number in range(1, size.rounds + 1):
            measured, loaded = _round(server, reference, files, size)
            rounds.append(measured)
            loads.append(loaded)
            rate, most = measured[BOTH].per_second, _most(loaded)
            say(
                f"round {number} of {size.rounds}: {rate:,.0f} bills/s,"
                f" loader at most {most:.0f} MB"
            )
        return Report(
            bench="feed",
            machine=machine(server.version),
            rounds=size.rounds,
            results=results(rounds),
            targets=TARGETS,
            notes=_notes(loads),
        )


def _round(
    server: Scratch, reference: Pgbench, files: dict[str, Path], size: Size
) -> tuple[dict[str, Measure], dict[str, Loaded]]:
    with server.migrated() as database:
        with database.unit_of_work() as session:
            load_terms(session, terms=starting_terms(), at=now())
        load_file(database, "subscribers", files["subscribers"], size.bills)
        settle(database)
        measured = {REFERENCE: reference.tpc_b(size.seconds)}
        loaded = {
            feed: load_file(database, feed, files[feed], size.bills)
            for feed in ("bills", "payments")
        }
        prove(database)
    both = sum(each.seconds for each in loaded.values())
    measured[BOTH] = Measure(size.bills / both)
    for feed, each in loaded.items():
        measured[f"load {feed}, lines"] = Measure(size.bills / each.seconds)
    return measured, loaded


def load_file(database: Database, feed: str, path: Path, lines: int) -> Loaded:
    """Load a file with the real command, in a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "load", feed, str(path), "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(database),
    )
    most = _watched(process)
    seconds = time.perf_counter() - began
    stdout, stderr = process.communicate()
    if process.returncode != 0:
        raise MeasurementFailed(case=f"load {feed}", reason=" ".join(stderr.split()))
    answer: dict[str, Any] = json.loads(stdout)
    if answer["booked"] != lines:
        raise MeasurementFailed(case=f"load {feed}", reason=stdout.strip())
    with database.unit_of_work() as session:
        inside = session.execute(_BOOKING, {"feed": feed}).scalar_one()
    return Loaded(seconds, inside, most / _MEGABYTE)


def _watched(process: subprocess.Popen[str]) -> int:
    """Wait for a process that says little; return the most memory it held."""
    most = 0
    watched = psutil.Process(process.pid)
    while True:
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            most = max(most, watched.memory_info().rss)
        else:
            return most


def environment_of(database: Database) -> dict[str, str]:
    """Return what a command on a database finds in its environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JIFEN_")}
    return kept | {
        "JIFEN_DATABASE_URL": database.dsn,
        "JIFEN_OWNER_DATABASE_URL": database.owner_dsn,
    }


def _notes(loads: list[dict[str, Loaded]]) -> list[str]:
    most = max(map(_most, loads))
    notes = [f"memory of the loader: at most {most:.0f} MB"]
    for feed in loads[0]:
        whole = median(loaded[feed].seconds for loaded in loads)
        inside = median(loaded[feed].inside_seconds for loaded in loads)
        notes.append(
            f"load {feed}: {whole:.2f} s, of which staging and booking {inside:.2f} s"
        )
    return notes


def _most(loaded: dict[str, Loaded]) -> float:
    return max(each.megabytes for each in loaded.values())


def _write(folder: Path, bills: int) -> dict[str, Path]:
    """Write members with a line each, a bill for each, and its payment in full."""
    chance = Random(bills)  # noqa: S311 - the same files every time
    order = list(range(bills))
    subscribers = write_feed(folder, "subscribers", 1, map(subscriber, order))
    # Senders do not know our order of members.
    chance.shuffle(order)
    amounts = [chance.randrange(2_000, 40_000) for _ in order]
    billed = write_feed(
        folder, "bills", 1, (_bill(number, amounts[number]) for number in order)
    )
    chance.shuffle(order)
    paid = write_feed(
        folder, "payments", 1, (_payment(number, amounts[number]) for number in order)
    )
    return {"subscribers": subscribers, "bills": billed, "payments": paid}


def subscriber(number: int) -> Row:
    """Return a member's line in the feed of subscribers."""
    brand = _BRANDS[number % len(_BRANDS)]
    return (
        f"M{number:07d}",
        "王芳",
        f"{number:064x}",
        msisdn_of(number),
        "CDMA",
        brand,
        "postpaid",
        "2005-03-01",
        "广州",
        *("" for _ in range(5)),
    )


def _bill(number: int, fen: int) -> Row:
    billed_on = _BILLED_ON + timedelta(days=number % 28)
    due_on = billed_on + timedelta(days=20)
    return (
        _bill_ref(number),
        msisdn_of(number),
        "2007-10",
        billed_on,
        due_on,
        yuan(fen),
    )


def _payment(number: int, fen: int) -> Row:
    paid_on = _BILLED_ON + timedelta(days=number % 28 + 7)
    return f"P200710-{number:07d}", _bill_ref(number), paid_on, yuan(fen)


def _bill_ref(number: int) -> str:
    return f"B200710-{number:07d}"


def msisdn_of(number: int) -> str:
    """Return a member's number."""
    return f"133{number:08d}"

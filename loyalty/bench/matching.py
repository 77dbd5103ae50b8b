"""Measure how fast a partner's month is matched: so many lines against as many."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from loyalty.bench.errors import MeasurementFailed
from loyalty.bench.feed import CLIENTS, COMMAND, environment_of, load_file
from loyalty.bench.measuring import REFERENCE, Measure, Report, Say, machine, results
from loyalty.bench.pgbench import Pgbench, pgbench
from loyalty.bench.scratch import Scratch, prove, scratch, settle
from loyalty.clock import now
from loyalty.database import Database
from loyalty.demo.files import Row, write_feed
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import Settings

MATCHED = "lines matched with as many"
LOADED = "lines of the partner loaded"
TARGETS = {MATCHED: "1,000,000 in less than 60 s: >= 16,667 per second"}

_BANK = "CEB"
_PERIOD = "2007-10"
_FIRST = date(2007, 10, 1)
_DAYS = 28
_BAD_EVERY = 500  # of these lines we know nothing

# What the members did, as it stands once it was posted. The books are not asked by a
# match on the day it happened, so that none are kept here.
_FACTS = text(
    """
    INSERT INTO activity (member_id, partner, partner_ref, activity, occurred_on,
                          amount_fen, unit, points_per, per_fen, rule_version, points,
                          refunded_fen)
    SELECT n % 10000 + 1, :bank, 'T' || to_char(n, 'FM00000000'), 'card',
           CAST(:first AS date) + CAST(n % :days AS int), (10 + n % 977) * 100, 'UNI',
           1, 1000, 1, (10 + n % 977) / 10, 0
      FROM generate_series(0, :lines - 1) n
     WHERE n % :bad_every <> 0
    """
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    lines: int = 100_000
    rounds: int = 3
    seconds: int = 5  # of the reference


def bench_matching(settings: Settings, size: Size, *, say: Say) -> Report:
    """Measure rounds of matching, each in a fresh database."""
    with (
        scratch(settings) as server,
        server.database() as beside,
        tempfile.TemporaryDirectory(prefix="jifen-bench-files-") as folder,
    ):
        reference = pgbench(beside, bin_dir=server.bin_dir, clients=CLIENTS)
        reference.prepare()
        reference.tpc_b(1)
        say(f"writing a file of {size.lines:,} lines")
        path = write_feed(
            Path(folder), "partner-statement", 1, _told(size.lines), sender=_BANK
        )
        rounds = []
        for number in range(1, size.rounds + 1):
            rounds.append(_round(server, reference, path, size))
            seconds = size.lines / rounds[-1][MATCHED].per_second
            say(f"round {number} of {size.rounds}: matched in {seconds:.1f} s")
        return Report(
            bench="matching",
            machine=machine(server.version),
            rounds=size.rounds,
            results=results(rounds),
            targets=TARGETS,
            notes=[f"a break in {_BAD_EVERY} lines; start of the command included"],
        )


def _round(
    server: Scratch, reference: Pgbench, path: Path, size: Size
) -> dict[str, Measure]:
    with server.migrated() as database:
        _open(database, size.lines)
        measured = {REFERENCE: reference.tpc_b(size.seconds)}
        loaded = load_file(database, "partner-statement", path, size.lines)
        settle(database)
        seconds = _match(database, size.lines)
        prove(database)
    measured[MATCHED] = Measure(size.lines / seconds)
    measured[LOADED] = Measure(size.lines / loaded.seconds)
    return measured


def _open(database: Database, lines: int) -> None:
    said = {"bank": _BANK, "first": _FIRST, "days": _DAYS}
    with database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())
        session.execute(
            text("INSERT INTO partner VALUES (:bank, 'bank', :bank)"), {"bank": _BANK}
        )
        session.execute(_FACTS, {**said, "lines": lines, "bad_every": _BAD_EVERY})
    settle(database)


def _match(database: Database, lines: int) -> float:
    """Match the month with the real command; return how long that took."""
    began = time.perf_counter()
    done = subprocess.run(
        [*COMMAND, "match", _BANK, "--period", _PERIOD, "--json"],
        check=False,
        capture_output=True,
        text=True,
        env=environment_of(database),
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise MeasurementFailed(case=MATCHED, reason=" ".join(done.stderr.split()))
    breaks = json.loads(done.stdout)["breaks"]
    if breaks != {"MISSING_OURS": -(-lines // _BAD_EVERY)}:
        raise MeasurementFailed(case=MATCHED, reason=done.stdout.strip())
    return seconds


def _told(lines: int) -> Iterator[Row]:
    for number in range(lines):
        yuan = 10 + number % 977
        yield (
            f"T{number:08d}",
            "",
            "accrual",
            _FIRST + timedelta(days=number % _DAYS),
            yuan // 10,
            f"{yuan}.00",
            "posted",
        )

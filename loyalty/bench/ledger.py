"""Measure postings, one call each, against pgbench's TPC-B of the same minute."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context

from sqlalchemy import text

from ledger.book import Book
from loyalty.bench.callers import BOOK, PSYCOPG, Calls, call
from loyalty.bench.errors import MeasurementFailed
from loyalty.bench.measuring import (
    REFERENCE,
    Measure,
    Report,
    Say,
    machine,
    percentile,
    results,
)
from loyalty.bench.pgbench import Pgbench, pgbench
from loyalty.bench.scratch import prove, scratch, settle
from loyalty.database import Database
from loyalty.settings import Settings

TARGETS: Mapping[str, float | None] = {
    "posting into a lot": 1.2,
    "posting to pending": 1.2,
    "redemption drawing lots": 0.8,
    "redemptions from one member": 0.35,
    "posting through psycopg": 0.6,
    "posting through Book": None,
}

LOTS = 6  # of every member
LOT_UNITS = 1_000  # filled up every round; a redemption takes 300
RESERVE_UNITS = 1_000_000_000_000  # never expires, so that nobody runs dry
_PROCESSES = 2  # of Python, which computes on one core each
_LEAD_SECONDS = 1.0  # to connect before all callers begin at once
_CHUNK = 20_000

# Member after member, the same lot: one call posts one lot of many members.
_FILL = text(
    """
    SELECT count(*) FILTER (WHERE outcome <> 'posted')
      FROM ledger.post(ARRAY(
        SELECT (0, m, concat_ws(':', 'filling', CAST(:round AS int), CAST(:lot AS int)),
                '00000000-0000-0000-0000-000000000000', 'opening', 'issued',
                'available', ARRAY['CUP'], CAST(:units AS bigint), NULL,
                ('operator', 'operator', 'opening', CAST(:earned_in AS date),
                 CAST(:expires_on AS date), CAST(:expires_on AS date), NULL, NULL),
                NULL, '2007-10-01', '2007-10-01 00:00+08', 'bench', 1)::ledger.draft
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) m))
    """
)

Run = Callable[[int], Measure]  # seconds


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    rounds: int = 5
    seconds: int = 10
    clients: int = 8
    accounts: int = 10_000


def bench_ledger(settings: Settings, size: Size, *, say: Say) -> Report:
    """Measure every case in every round; prove the books afterwards."""
    with scratch(settings) as server, server.migrated() as database:
        program = pgbench(database, bin_dir=server.bin_dir, clients=size.clients)
        program.prepare()
        _open_books(database, size)
        with _cases(database, program, size) as cases:
            _fill(database, size, 0)
            say("warming up")
            for run in cases.values():
                run(max(size.seconds // 5, 1))
            rounds = []
            for number in range(1, size.rounds + 1):
                _fill(database, size, number)
                settle(database)
                rounds.append(_round(number, cases, size, say))
        say("proving")
        prove(database)
        return Report(
            bench="ledger",
            machine=machine(server.version),
            rounds=size.rounds,
            results=results(rounds),
            targets={
                case: f"ratio >= {ratio}" for case, ratio in TARGETS.items() if ratio
            },
        )


def _round(
    number: int, cases: Mapping[str, Run], size: Size, say: Say
) -> dict[str, Measure]:
    measured = {}
    for case, run in cases.items():
        measured[case] = run(size.seconds)
        rate = f"{measured[case].per_second:,.0f}/s"
        say(f"round {number} of {size.rounds}: {case} {rate}")
    return measured


@contextmanager
def _cases(
    database: Database, program: Pgbench, size: Size
) -> Iterator[dict[str, Run]]:
    everyone = {"members": size.accounts}
    anyone = {"first": 1, "last": size.accounts}
    crowd = {"first": _one(size), "last": _one(size)}

    def script(case: str, name: str, variables: Mapping[str, int]) -> dict[str, Run]:
        return {case: lambda seconds: program.script(case, name, seconds, variables)}

    # Started afresh, not forked: connections must not be shared.
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        callers = _Callers(pool, database, size)
        yield {
            REFERENCE: program.tpc_b,
            **script("posting into a lot", "posting", everyone),
            **script("posting to pending", "pending", everyone),
            **script("redemption drawing lots", "redemption", anyone),
            **script("redemptions from one member", "redemption", crowd),
            "posting through psycopg": lambda seconds: callers.run(PSYCOPG, seconds),
            "posting through Book": lambda seconds: callers.run(BOOK, seconds),
        }


@dataclass(frozen=True, slots=True)
class _Callers:
    """Callers in Python, spread over processes that are warm already."""

    pool: ProcessPoolExecutor
    database: Database
    size: Size

    def run(self, way: str, seconds: int) -> Measure:
        begin = time.monotonic() + _LEAD_SECONDS
        calls = Calls(
            way=way,
            url=self.database.engine.url.render_as_string(hide_password=False),
            threads=0,
            members=self.size.accounts,
            begin=begin,
            end=begin + seconds,
        )
        processes = min(_PROCESSES, self.size.clients)
        shares = [(self.size.clients + nth) // processes for nth in range(processes)]
        called = list(
            self.pool.map(call, [replace(calls, threads=share) for share in shares])
        )
        times = sorted(one for each in called for one in each.milliseconds)
        longest = max(each.seconds for each in called)
        return Measure(
            len(times) / longest, percentile(times, 50), percentile(times, 99)
        )


def _one(size: Size) -> int:
    """Return the member whom all clients draw from."""
    return size.accounts + 1


def _open_books(database: Database, size: Size) -> None:
    """Open all books, with a reserve that never expires."""
    opened_on = date(2007, 10, 1)
    for first in range(1, _one(size) + 1, _CHUNK):
        last = min(first + _CHUNK - 1, _one(size))
        with database.unit_of_work() as session:
            Book(session).open(range(first, last + 1), opened_on=opened_on)
        _fill_lot(database, 0, LOTS, RESERVE_UNITS, (first, last))
    engine = database.owner_engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def _fill(database: Database, size: Size, number: int) -> None:
    """Fill up the lots of every member; of one they all draw from, for good."""
    for lot in range(LOTS):
        for first in range(1, size.accounts + 1, _CHUNK):
            last = min(first + _CHUNK - 1, size.accounts)
            _fill_lot(database, number, lot, LOT_UNITS, (first, last))
        _fill_lot(database, number, lot, RESERVE_UNITS, (_one(size), _one(size)))


def _fill_lot(
    database: Database, number: int, lot: int, units: int, members: tuple[int, int]
) -> None:
    first, last = members
    months = 36 + lot
    with database.unit_of_work() as session:
        refused = session.scalar(
            _FILL,
            {
                "round": number,
                "lot": lot,
                "units": units,
                "earned_in": date(2005, lot + 1, 1),
                "expires_on": "infinity"
                if lot == LOTS
                else date(2005 + months // 12, months % 12 + 1, 28),
                "first": first,
                "last": last,
            },
        )
    if refused:
        raise MeasurementFailed(case="filling lots", reason=f"{refused} refused")

"""Measure how fast a month-end file of leavers is booked: all that they had is void."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import text

from loyalty.bench.errors import MeasurementFailed
from loyalty.bench.feed import CLIENTS, load_file, msisdn_of, subscriber
from loyalty.bench.measuring import REFERENCE, Measure, Report, Say, machine, results
from loyalty.bench.pgbench import Pgbench, pgbench
from loyalty.bench.scratch import Scratch, prove, scratch, settle
from loyalty.clock import now
from loyalty.demo.files import Row, write_feed
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import Settings

LEFT = "members left, points void"
TARGETS = {LEFT: ">= 5,000 per second"}

_LEFT_ON = date(2007, 10, 31)
_EARNED_IN = "2007-09"
_LAST_DAY = "2010-09-30"


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    members: int = 50_000
    rounds: int = 3
    seconds: int = 5  # of the reference


def bench_churn(settings: Settings, size: Size, *, say: Say) -> Report:
    """Measure rounds of leaving, each in a fresh database, and prove each."""
    with (
        scratch(settings) as server,
        server.database() as beside,
        tempfile.TemporaryDirectory(prefix="jifen-bench-files-") as folder,
    ):
        reference = pgbench(beside, bin_dir=server.bin_dir, clients=CLIENTS)
        reference.prepare()
        reference.tpc_b(1)
        say(f"writing files of {size.members:,} members")
        files = _write(Path(folder), size.members)
        rounds = []
        for number in range(1, size.rounds + 1):
            rounds.append(_round(server, reference, files, size))
            rate = rounds[-1][LEFT].per_second
            say(f"round {number} of {size.rounds}: {rate:,.0f} members/s")
        return Report(
            bench="churn",
            machine=machine(server.version),
            rounds=size.rounds,
            results=results(rounds),
            targets=TARGETS,
            notes=["each with a line, and points of two units in a lot each"],
        )


def _round(
    server: Scratch, reference: Pgbench, files: dict[str, Path], size: Size
) -> dict[str, Measure]:
    with server.migrated() as database:
        with database.unit_of_work() as session:
            load_terms(session, terms=starting_terms(), at=now())
        load_file(database, "subscribers", files["subscribers"], size.members)
        load_file(database, "opening", files["opening"], 2 * size.members)
        settle(database)
        measured = {REFERENCE: reference.tpc_b(size.seconds)}
        path = files["subscription-events"]
        left = load_file(database, "subscription-events", path, size.members)
        prove(database)
        with database.unit_of_work() as session:
            kept = session.scalar(
                text(
                    "SELECT count(*) FROM ledger.balance"
                    " WHERE available <> 0 OR pending <> 0"
                )
            )
        if kept:
            raise MeasurementFailed(case=LEFT, reason=f"{kept} balances are left")
    return {**measured, LEFT: Measure(size.members / left.seconds)}


def _write(folder: Path, members: int) -> dict[str, Path]:
    """Write members with a line and points each, and the end of every line."""
    order = list(range(members))
    subscribers = write_feed(folder, "subscribers", 1, map(subscriber, order))
    opening = write_feed(folder, "opening", 1, _opening(members))
    # The network does not know our order of members.
    Random(members).shuffle(order)  # noqa: S311 - the same file every time
    events = write_feed(folder, "subscription-events", 1, map(_event, order))
    return {
        "subscribers": subscribers,
        "opening": opening,
        "subscription-events": events,
    }


def _opening(members: int) -> Iterator[Row]:
    for number in range(members):
        for unit, points in (("CUP", 1_500), ("UNI", 300)):
            yield (
                f"M{number:07d}",
                unit,
                points + number % 100,
                "operator",
                _EARNED_IN,
                _LAST_DAY,
            )


def _event(number: int) -> Row:
    day = _LEFT_ON - timedelta(days=number % 30)
    return (
        f"E200710-{number:07d}",
        msisdn_of(number),
        "ported_out" if number % 2 else "closed",
        "" if number % 2 else "voluntary",
        f"{day}T18:00:00+08:00",
    )

"""Post from Python as callers do, in processes of their own."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.database import Database, libpq_dsn

PSYCOPG, BOOK = "psycopg", "book"

_DAY = date(2007, 10, 5)
_AT = datetime(2007, 10, 4, 16, tzinfo=UTC)
_LOT = Lot("CEB", "CEB", "activity", date(2007, 10, 1), date(2010, 10, 31))
_TRANSFER = Transfer("issued.partner:CEB", "available", ("CUP",), 150, _LOT)

_POST = """
SELECT outcome
  FROM ledger.post(ARRAY[(
      0, %s, %s, %s, 'activity_accrual',
      'issued.partner:CEB', 'available', ARRAY['CUP'], 150, NULL,
      ('CEB', 'CEB', 'activity', '2007-10-01', '2010-10-31', '2010-10-31', NULL, NULL),
      NULL, %s, %s, 'bench', 1)::ledger.draft])
"""

Post = Callable[[int], None]  # posts to one member


@dataclass(frozen=True, slots=True)
class Calls:
    """What one process is to do."""

    way: str  # PSYCOPG or BOOK
    url: str
    threads: int
    members: int
    begin: float  # on the monotonic clock, which all processes share
    end: float


@dataclass(frozen=True, slots=True)
class Called:
    """What one process did: the milliseconds of every call, in no order."""

    milliseconds: list[float]
    seconds: float  # from the beginning to the end of the last call


def call(calls: Calls) -> Called:
    """Post from several threads at once, from one moment to another."""
    with ThreadPoolExecutor(calls.threads) as pool:
        works = [pool.submit(_work, calls) for _ in range(calls.threads)]
        milliseconds = [one for work in works for one in work.result()]
    return Called(milliseconds, time.monotonic() - calls.begin)


def _work(calls: Calls) -> list[float]:
    """Post one entry after the other to random members."""
    way = {PSYCOPG: _through_psycopg, BOOK: _through_book}[calls.way]
    milliseconds = []
    chance = random.Random()  # noqa: S311 - picks members, makes no secret
    with way(calls.url) as post:
        time.sleep(max(calls.begin - time.monotonic(), 0))
        began = time.monotonic()
        while began < calls.end:
            post(chance.randint(1, calls.members))
            ended = time.monotonic()
            milliseconds.append((ended - began) * 1000)
            began = ended
    return milliseconds


@contextmanager
def _through_psycopg(url: str) -> Iterator[Post]:
    """Post with one prepared statement, committed at once."""
    address = libpq_dsn(make_url(url))
    with psycopg.connect(address, autocommit=True) as connection:

        def post(member: int) -> None:
            name = uuid4()
            reference = f"bench:{name}"
            row = connection.execute(
                _POST, (member, reference, name, _DAY, _AT), prepare=True
            ).fetchone()
            assert row == ("posted",), row

        yield post


@contextmanager
def _through_book(url: str) -> Iterator[Post]:
    """Post through the face of the ledger, a unit of work for each entry."""
    with Database(make_url(url)) as database:

        def post(member: int) -> None:
            entry = Entry(
                member_id=member,
                reference=f"bench:{uuid4()}",
                kind="activity_accrual",
                transfers=(_TRANSFER,),
                effective_on=_DAY,
                occurred_at=_AT,
                actor="bench",
                rule_version=1,
            )
            with database.unit_of_work() as session:
                Book(session).post(entry)

        yield post

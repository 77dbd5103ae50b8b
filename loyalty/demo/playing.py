"""Play what was written: the real commands, in the order of a real month."""

import json
import time
from collections.abc import Callable, Iterable
from datetime import date

from sqlalchemy import text

from loyalty.database import Database
from loyalty.demo.chance import last_day
from loyalty.demo.summary import Played
from loyalty.demo.writing import Delivery, Month, Script
from loyalty.finance.queries import month_report

Run = Callable[..., str]  # runs a command of the command line, returns what it said
Say = Callable[[str], None]
TIME_WIDTH, STEP_WIDTH, COUNT_WIDTH = 6, 34, 16

_BALANCES = text(
    """
    SELECT coalesce(sum(available), 0)::bigint AS available,
           coalesce(sum(pending), 0)::bigint AS pending,
           coalesce(sum(owed), 0)::bigint AS owed
      FROM ledger.balance
    """
)

_REJECTS = text(
    """
    SELECT f.feed, r.reason, count(*) AS lines
      FROM feed_reject r JOIN feed_file f ON f.id = r.feed_file
     GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
    """
)


def play(script: Script, *, database: Database, run: Run, say: Say) -> list[Played]:
    """Play a script on a database; return the figures of each month."""
    steps = _Steps(run, say)
    say("takeover")
    steps.take("init")
    steps.load(script.takeover)
    return [_play_month(month, database, steps) for month in script.months]


def rejects(database: Database) -> list[tuple[str, str, int]]:
    """Return how many lines were refused, by feed and reason."""
    with database.unit_of_work() as session:
        return [(row.feed, row.reason, row.lines) for row in session.execute(_REJECTS)]


def _play_month(month: Month, database: Database, steps: "_Steps") -> Played:
    steps.say(f"{month.month:%Y-%m}")
    steps.take("run-job", "expire-points", str(month.month))
    steps.load(month.deliveries)
    steps.take("run-job", "cancel-unpaid", str(last_day(month.month)))
    steps.take("run-job", "review-tiers", str(last_day(month.month)))
    steps.take("close-month", f"{month.month:%Y-%m}")
    return _figures(month.month, database)


def _figures(month: date, database: Database) -> Played:
    with database.unit_of_work() as session:
        balances = session.execute(_BALANCES).one()
        return Played(
            report=month_report(session, period=month),
            available=balances.available,
            pending=balances.pending,
            owed=balances.owed,
        )


class _Steps:
    """Takes one step after the other, and says what came of it and how long it took."""

    def __init__(self, run: Run, say: Say) -> None:
        self._run = run
        self.say = say

    def load(self, deliveries: Iterable[Delivery]) -> None:
        counts = ("lines", "booked", "already_booked", "rejected")
        heads = "".join(f"{name.replace('_', ' '):>{COUNT_WIDTH}}" for name in counts)
        self.say(f"{'':{TIME_WIDTH + 4}}{'load':<{STEP_WIDTH}}{heads}")
        for delivery in deliveries:
            took, answer = self._timed("load", "--json", *_arguments(delivery))
            counted = json.loads(answer)
            cells = "".join(f"{counted[name]:>{COUNT_WIDTH},}" for name in counts)
            self.say(f"{took}{delivery.path.stem:<{STEP_WIDTH}}{cells}")

    def take(self, *arguments: str) -> None:
        took, answer = self._timed(*arguments)
        lines = answer.splitlines()
        # What follows the name is the answer; the name stands there already.
        said = lines[-1].split(": ", maxsplit=1)[-1] if lines else "done"
        self.say(f"{took}{' '.join(arguments):<{STEP_WIDTH}}  {said}")

    def _timed(self, *arguments: str) -> tuple[str, str]:
        began = time.perf_counter()
        answer = self._run(*arguments).strip()
        return f"{time.perf_counter() - began:{TIME_WIDTH}.1f} s  ", answer


def _arguments(delivery: Delivery) -> tuple[str, str]:
    return delivery.feed, str(delivery.path)

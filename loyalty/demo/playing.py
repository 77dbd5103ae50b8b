"""Play what was written: the real commands, in the order of a real month."""

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
    """Takes one step after the other, and says what came of it and when."""

    def __init__(self, run: Run, say: Say) -> None:
        self._run = run
        self.say = say

    def load(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self.take(
                "load", delivery.feed, str(delivery.path), name=delivery.path.stem
            )

    def take(self, *arguments: str, name: str | None = None) -> None:
        began = time.perf_counter()
        said = self._run(*arguments).strip().splitlines()
        seconds = time.perf_counter() - began
        answer = said[-1].split(": ", maxsplit=1)[-1] if said else "done"
        self.say(f"  {name or ' '.join(arguments):<30} {answer:<66} {seconds:5.1f} s")

"""Run a job for a business date, and write down that it ran."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import text

from loyalty.clock import now
from loyalty.database import Database
from loyalty.errors import LoyaltyError
from loyalty.jobs.errors import UnknownJob
from loyalty.jobs.schedule import SCHEDULE

# The first half of the key of the lock that keeps two runs of one job apart.
_LOCK = 0x4A4F42

Work = Callable[[Database, date], str]


def run_job(database: Database, name: str, business_date: date) -> str:
    """Run a job now and return what it says; a second run does no harm.

    Raises `UnknownJob`, and whatever the job itself raises.
    """
    work = _work(name)
    with _alone(database, name):
        return _run(database, name, work, business_date)


def run_once(database: Database, name: str, business_date: date) -> str:
    """Run a job unless it has finished for that day already.

    Raises as `run_job` does.
    """
    work = _work(name)
    with _alone(database, name):
        # Looked up under the lock: whoever held it may have done the work.
        with database.unit_of_work() as session:
            outcome: str | None = session.scalar(
                text(
                    "SELECT outcome FROM job_run"
                    " WHERE job = :job AND business_date = :on"
                    " AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
                ),
                {"job": name, "on": business_date},
            )
        return outcome or _run(database, name, work, business_date)


def _work(name: str) -> Work:
    jobs = {job.name: job.run for job in SCHEDULE}
    if name not in jobs:
        raise UnknownJob(job=name, known=", ".join(jobs))
    return jobs[name]


@contextmanager
def _alone(database: Database, name: str) -> Iterator[None]:
    """Keep other runs of a job waiting; a run that is killed lets go of it."""
    key = {"lock": _LOCK, "job": name}
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock, hashtext(:job))"), key)
        connection.commit()
        # Closed for good at the end, which lets go of the lock, and cannot fail
        # where the database went away and came back meanwhile.
        connection.detach()
        yield


def _run(database: Database, name: str, work: Work, business_date: date) -> str:
    """Run a job, and write down when it began, when it ended and what it said."""
    with database.unit_of_work() as session:
        run_id = session.scalar(
            text(
                "INSERT INTO job_run (job, business_date, started_at)"
                " VALUES (:job, :on, :at) RETURNING id"
            ),
            {"job": name, "on": business_date, "at": now()},
        )
    try:
        outcome = work(database, business_date)
    except LoyaltyError as error:
        _finish(database, run_id, str(error))
        raise
    _finish(database, run_id, outcome)
    return outcome


def _finish(database: Database, run_id: int | None, outcome: str) -> None:
    with database.unit_of_work() as session:
        session.execute(
            text("UPDATE job_run SET finished_at = :at, outcome = :o WHERE id = :id"),
            {"at": now(), "o": outcome, "id": run_id},
        )

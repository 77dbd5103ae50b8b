"""Run a job for a business date, and write down that it ran."""

from datetime import date

from sqlalchemy import text

from loyalty.clock import now
from loyalty.database import Database
from loyalty.errors import LoyaltyError
from loyalty.jobs.errors import UnknownJob
from loyalty.jobs.schedule import SCHEDULE

# The first half of the key of the lock that keeps two runs of one job apart.
_LOCK = 0x4A4F42


def run_job(database: Database, name: str, business_date: date) -> str:
    """Run a job now and return what it says; a second run does no harm.

    Raises `UnknownJob`, and whatever the job itself raises.
    """
    jobs = {job.name: job.run for job in SCHEDULE}
    if name not in jobs:
        raise UnknownJob(job=name, known=", ".join(jobs))
    with database.engine.connect() as connection:
        # Held by the connection: a run that is killed lets go of it.
        key = {"lock": _LOCK, "job": name}
        connection.execute(text("SELECT pg_advisory_lock(:lock, hashtext(:job))"), key)
        try:
            run_id = connection.scalar(
                text(
                    "INSERT INTO job_run (job, business_date, started_at)"
                    " VALUES (:job, :on, :at) RETURNING id"
                ),
                {"job": name, "on": business_date, "at": now()},
            )
            connection.commit()
            try:
                outcome = jobs[name](database, business_date)
            except LoyaltyError as error:
                _finish(database, run_id, str(error))
                raise
            _finish(database, run_id, outcome)
            return outcome
        finally:
            connection.rollback()
            connection.execute(
                text("SELECT pg_advisory_unlock(:lock, hashtext(:job))"), key
            )
            connection.commit()


def run_once(database: Database, name: str, business_date: date) -> str:
    """Run a job unless it has finished for that day already."""
    with database.unit_of_work() as session:
        outcome: str | None = session.scalar(
            text(
                "SELECT outcome FROM job_run WHERE job = :job AND business_date = :on"
                " AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
            ),
            {"job": name, "on": business_date},
        )
    return outcome or run_job(database, name, business_date)


def _finish(database: Database, run_id: int | None, outcome: str) -> None:
    with database.unit_of_work() as session:
        session.execute(
            text("UPDATE job_run SET finished_at = :at, outcome = :o WHERE id = :id"),
            {"at": now(), "o": outcome, "id": run_id},
        )

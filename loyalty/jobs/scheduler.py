"""One process that looks at the clock and runs what is due."""

import logging

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from loyalty.clock import business_date
from loyalty.database import Database
from loyalty.errors import LoyaltyError
from loyalty.jobs.running import run_job, run_once
from loyalty.jobs.schedule import SCHEDULE, Job
from loyalty.settings import TIME_ZONE

log = logging.getLogger(__name__)


def scheduler(database: Database) -> BlockingScheduler:
    """Return a scheduler that runs each daily job once per business date.

    A second one is harmless: it waits for the first, then finds the work done.
    """
    blocking = BlockingScheduler(timezone=TIME_ZONE)
    for job in SCHEDULE:
        blocking.add_job(
            _run,
            CronTrigger.from_crontab(job.cron, timezone=TIME_ZONE),
            args=[database, job],
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=3600,
        )
    return blocking


def _run(database: Database, job: Job) -> None:
    run = run_once if job.is_daily else run_job
    try:
        log.info("%s: %s", job.name, run(database, job.name, business_date()))
    except LoyaltyError:
        # Written to the run log too; the next job must have its turn.
        log.exception("%s failed", job.name)

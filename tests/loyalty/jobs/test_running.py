"""Jobs run once per business date, however many schedulers there are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest

from loyalty.jobs.errors import UnknownJob
from loyalty.jobs.running import run_job, run_once
from loyalty.jobs.schedule import SCHEDULE
from loyalty.jobs.scheduler import scheduler

TODAY = date(2007, 11, 1)
RIVALS = 6


def runs(rows):
    return rows(
        "SELECT job, count(*), count(outcome) FROM job_run GROUP BY job ORDER BY job"
    )


def test_rivals_run_a_job_once_and_hear_the_same(fresh_database, rows):
    gate = Barrier(RIVALS)

    def race(_):
        gate.wait(timeout=60)
        return run_once(fresh_database, "prove-ledger", TODAY)

    with ThreadPoolExecutor(RIVALS) as pool:
        heard = list(pool.map(race, range(RIVALS)))

    assert set(heard) == {"the books are sound"}
    assert runs(rows) == [("prove-ledger", 1, 1)]


def test_two_schedulers_run_each_daily_job_once(
    fresh_database, rows, monkeypatch, tmp_path
):
    monkeypatch.setenv("JIFEN_DATA_DIR", str(tmp_path))
    due = [
        job
        for one in (scheduler(fresh_database), scheduler(fresh_database))
        for job in one.get_jobs()
    ]
    gate = Barrier(len(due))

    def run(job):
        gate.wait(timeout=60)
        job.func(*job.args)

    with ThreadPoolExecutor(len(due)) as pool:
        list(pool.map(run, due))

    assert runs(rows) == sorted(
        (job.name, 1, 1) if job.is_daily else (job.name, 2, 2) for job in SCHEDULE
    )


def test_a_run_that_was_killed_is_run_again(fresh_database, rows, change):
    change(
        "INSERT INTO job_run (job, business_date, started_at)"
        " VALUES ('prove-ledger', :on, now())",
        on=TODAY,
    )

    assert run_once(fresh_database, "prove-ledger", TODAY) == "the books are sound"

    assert runs(rows) == [("prove-ledger", 2, 1)]


def test_a_person_may_run_a_job_again(fresh_database, rows):
    for _ in range(2):
        assert "0 books" in run_job(fresh_database, "expire-points", TODAY)

    assert runs(rows) == [("expire-points", 2, 2)]


def test_a_job_that_is_none_leaves_no_trace(fresh_database, rows):
    for run in (run_job, run_once):
        with pytest.raises(UnknownJob):
            run(fresh_database, "nonsense", TODAY)

    assert runs(rows) == []

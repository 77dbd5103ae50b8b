"""When what runs. The schedule is code, so that nothing else remembers it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from loyalty.database import Database
from loyalty.jobs import nightly


@dataclass(frozen=True, slots=True)
class Job:
    """A function of the business date, and the time of day it is due."""

    name: str
    run: Callable[[Database, date], str]
    cron: str
    is_daily: bool = True  # False: runs whenever it is due, however often that is


# Prices turn with the day. Expiry comes before what looks at the balances of it.
SCHEDULE = (
    Job("publish-catalogue", nightly.publish_catalogue, cron="1 0 * * *"),
    Job("lapse-clubs", nightly.lapse_clubs, cron="5 0 * * *"),
    Job("expire-points", nightly.expire_points, cron="0 2 * * *"),
    Job("cancel-unpaid", nightly.cancel_unpaid, cron="20 2 * * *"),
    Job("review-tiers", nightly.review_tiers, cron="30 2 * * *"),
    Job("chase-orders", nightly.chase_orders, cron="*/5 * * * *", is_daily=False),
    Job("chase-purchases", nightly.chase_purchases, cron="*/5 * * * *", is_daily=False),
    Job("chase-exchanges", nightly.chase_exchanges, cron="*/5 * * * *", is_daily=False),
    Job("close-sessions", nightly.close_sessions, cron="*/5 * * * *", is_daily=False),
    Job("chase-churn", nightly.chase_churn, cron="*/5 * * * *", is_daily=False),
    Job("refund-clubs", nightly.refund_clubs, cron="*/5 * * * *", is_daily=False),
    Job("fetch-files", nightly.fetch_files, cron="*/5 * * * *", is_daily=False),
    Job("read-bills", nightly.read_bills, cron="5 * * * *", is_daily=False),
    Job("read-card-lines", nightly.read_lines, cron="10 * * * *", is_daily=False),
    Job("publish-events", nightly.publish_events, cron="* * * * *", is_daily=False),
    Job(
        "release-authorizations",
        nightly.release_authorizations,
        cron="*/5 * * * *",
        is_daily=False,
    ),
    Job("tidy-oauth", nightly.tidy_oauth, cron="40 2 * * *"),
    Job("forget-calls", nightly.forget_calls, cron="40 2 * * *"),
    # Nobody's telephone rings before they are up.
    Job("notify-members", nightly.notify_members, cron="0 10 * * *"),
    Job("read-payouts", nightly.read_payouts, cron="30 4 * * *"),
    Job("compare-day-totals", nightly.compare_day_totals, cron="30 5 * * *"),
    Job("compare-insurer-bills", nightly.compare_insurer_bills, cron="0 6 * * *"),
    Job("match-statements", nightly.match_statements, cron="20 6 * * *"),
    Job("settle-statements", nightly.settle_statements, cron="50 6 * * *"),
    Job("prove-ledger", nightly.prove_ledger, cron="0 3 * * *"),
)

"""Keep the journal of a month when it is closed; a reopened one is kept anew."""

from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from loyalty.journal.errors import JournalKept, JournalMovedOn, NotKept, NotTheNewest
from loyalty.journal.models import CohortClose, JournalRun, MoneyEntry, RunMapping
from loyalty.journal.values import CohortMonth, Derived
from loyalty.rules.models import ChartMapping


def keep(session: Session, *, derived: Derived, actor: str, at: datetime) -> int:
    """Keep a journal, and those of months before it that nobody kept.

    It must have been derived in this transaction, in which nobody else may post.
    Returns the number of the run. Raises `JournalKept`, and `JournalMovedOn` where
    another month was kept since.
    """
    newest = newest_kept(session)
    if newest is not None and newest >= derived.period:
        raise JournalKept(period=derived.period)
    if newest != derived.since:
        raise JournalMovedOn(period=derived.period)
    for month in (*derived.before, derived):
        run_id = _keep_one(session, month, actor=actor, at=at)
    return run_id


def supersede(session: Session, *, period: date, actor: str, at: datetime) -> int:
    """Let the kept journal of a month that is opened again hold no longer.

    What it said stays readable. Returns the number of its run. Raises `NotKept`, and
    `NotTheNewest` where a later month is kept.
    """
    newest = newest_kept(session)
    if newest is None or newest < period:
        raise NotKept(period=period)
    if newest > period:
        raise NotTheNewest(newest=newest)
    run_id: int | None = session.scalar(
        update(JournalRun)
        .where(JournalRun.period == period, JournalRun.superseded_at.is_(None))
        .values(superseded_at=at, superseded_by=actor)
        .returning(JournalRun.run_id)
    )
    if run_id is None:
        raise NotKept(period=period)
    return run_id


def newest_kept(session: Session) -> date | None:
    """Return the newest month whose journal is kept; None: none is."""
    return session.scalar(
        select(func.max(JournalRun.period)).where(JournalRun.superseded_at.is_(None))
    )


def _keep_one(session: Session, month: Derived, *, actor: str, at: datetime) -> int:
    before = session.scalar(
        select(func.coalesce(func.max(JournalRun.nth), 0)).where(
            JournalRun.period == month.period
        )
    )
    assert before is not None
    run_id: int | None = session.scalar(
        insert(JournalRun)
        .values(
            period=month.period,
            nth=before + 1,
            rules_version=month.rules_version,
            estimates_version=month.estimates_version,
            source_hash=month.source_hash,
            kept_at=at,
            kept_by=actor,
        )
        .returning(JournalRun.run_id)
    )
    assert run_id is not None
    if month.entries:
        session.execute(
            insert(MoneyEntry),
            [asdict(entry) | {"run_id": run_id} for entry in month.entries],
        )
    if month.cohorts:
        session.execute(
            insert(CohortClose),
            [_row(one) | {"run_id": run_id} for one in month.cohorts],
        )
    _keep_mapping(session, run_id)
    return run_id


def _keep_mapping(session: Session, run_id: int) -> None:
    """Keep what accounts are called now, so that exports of a run stay the same."""
    session.execute(
        insert(RunMapping).from_select(
            ["run_id", "view", "account", "gl_account", "cost_center"],
            select(
                literal(run_id),
                ChartMapping.view,
                ChartMapping.account,
                ChartMapping.gl_account,
                ChartMapping.cost_center,
            ),
        )
    )


def _row(one: CohortMonth) -> dict[str, object]:
    state = one.state
    return {
        "unit": one.cohort.unit,
        "earned_in": one.cohort.earned_in,
        "funding": one.cohort.funding,
        "issued": state.issued,
        "redeemed": state.redeemed,
        "expired": state.expired,
        "voided": state.voided,
        "allocated": state.allocated,
        "expected": state.expected,
        "released": state.released,
        "carried_allocated": one.carried.allocated,
        "carried_released": one.carried.released,
        "carried_cost": one.carried_cost,
        "rate": one.rate,
        "allocated_fen": one.allocated_fen,
        "released_fen": one.released_fen,
        "true_up_fen": one.true_up_fen,
        "breakage_fen": one.breakage_fen,
        "liability_fen": one.liability_fen,
    }

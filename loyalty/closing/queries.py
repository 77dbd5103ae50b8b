"""Read where a month stands: its checklist, its closes, and what came late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.closing.calendar import working_day
from loyalty.closing.figures import kept_report
from loyalty.closing.models import MonthClose, MonthReopening, MonthSignOff, StepTick
from loyalty.closing.rules import (
    Evidence,
    Finding,
    Month,
    State,
    hash_of,
    of_json,
    state_of,
)
from loyalty.closing.steps import Step, steps_of
from loyalty.closing.workings import Workings
from loyalty.reports.keeping import Kept
from loyalty.settings import TIME_ZONE


@dataclass(frozen=True, slots=True)
class Tick:
    """Who ticked a step off, when, and what they noted."""

    staff_id: int
    ticked_at: datetime
    note: str | None  # None: there was nothing to explain
    evidence_hash: str


@dataclass(frozen=True, slots=True)
class StepState:
    """A step of a month: its evidence, where it stands, and who ticked it off."""

    step: Step
    due_on: date
    evidence: Evidence
    state: State
    tick: Tick | None  # None: nobody ticked it off

    @property
    def has_changed(self) -> bool:
        """Whether it was ticked off for other evidence than there is now."""
        return self.tick is not None and self.state is not State.DONE


@dataclass(frozen=True, slots=True)
class Checklist:
    """All steps of a month; of a closed one, with the evidence of the close."""

    period: date
    steps: tuple[StepState, ...]
    close: MonthClose | None  # None: the month is open
    sign_off: MonthSignOff | None  # None: nobody has signed it off
    is_closed: bool  # also where it was closed before checklists were kept

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Return what has to be settled before the month can be closed."""
        return tuple(found for one in self.steps for found in one.evidence.blocking)

    @property
    def unticked(self) -> tuple[StepState, ...]:
        """Return what nobody has ticked off as it is now."""
        return tuple(one for one in self.steps if one.state is not State.DONE)

    @property
    def hash(self) -> str:
        """Name the evidence of all steps."""
        return hash_of({one.step.code: one.evidence.hash for one in self.steps})


def checklist(
    session: Session, *, period: date, at: datetime, workings: Workings | None = None
) -> Checklist:
    """Return where each step of a month stands.

    `workings` are what it rests on; None: they are gathered here. The evidence of a
    closed month is what its close kept.
    """
    month = Month(period)
    workings = workings or Workings(session, month, at=at)
    today = at.astimezone(TIME_ZONE).date()
    close = last_close(session, period=period)
    closed = is_closed(session, period=period)
    kept = close.checklist if close is not None and closed else {}
    ticks = _ticks(session, period)
    return Checklist(
        period=period,
        steps=tuple(
            _stand(
                step,
                due_on=working_day(period, step.working_day),
                evidence=of_json(kept[step.code])
                if step.code in kept
                else step.gather(workings),
                tick=ticks.get(step.code),
                today=today,
            )
            for step in steps_of(month)
        ),
        close=close if closed else None,
        sign_off=None
        if close is None or not closed
        else session.get(MonthSignOff, (close.period, close.nth)),
        is_closed=closed,
    )


def is_closed(session: Session, *, period: date) -> bool:
    """Tell whether a month, or one after it, has been closed."""
    closed_through = Book(session).closed_through()
    return closed_through is not None and closed_through >= period


def is_last_closed(session: Session, *, period: date) -> bool:
    """Tell whether a month is the one that was closed last."""
    closed_through = Book(session).closed_through()
    return closed_through is not None and closed_through.replace(day=1) == period


def last_close(session: Session, *, period: date) -> MonthClose | None:
    """Return how a month was closed last; None: it never was by itself."""
    return session.scalar(
        select(MonthClose)
        .where(MonthClose.period == period)
        .order_by(MonthClose.nth.desc())
        .limit(1)
    )


def report_kept(session: Session, *, period: date, report: str) -> Kept | None:
    """Return what was kept of a report when its month was closed; None: it is open."""
    if not is_closed(session, period=period):
        return None
    close = last_close(session, period=period)
    if close is None:
        return Kept(None, None, None)
    return kept_report(close, report=report)


def closes(session: Session, *, period: date) -> Sequence[MonthClose]:
    """Return each time a month was closed, the first at the top."""
    return session.scalars(
        select(MonthClose).where(MonthClose.period == period).order_by(MonthClose.nth)
    ).all()


def reopenings(session: Session, *, period: date) -> Sequence[MonthReopening]:
    """Return each time a month was opened again, the first at the top."""
    return session.scalars(
        select(MonthReopening)
        .where(MonthReopening.period == period)
        .order_by(MonthReopening.nth)
    ).all()


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month in the list of months."""

    period: date
    entries: int
    is_closed: bool
    closed_at: datetime | None  # None: open, or closed along with a later one
    signed_at: datetime | None  # None: not signed off
    reopened: int  # how often


def months(session: Session, *, limit: int) -> Sequence[MonthRow]:
    """Return the months that the books know, the newest first."""
    rows = session.execute(
        text(
            """
            WITH moved AS (
                SELECT CAST(date_trunc('month', effective_on) AS date) AS period,
                       count(*) AS entries
                  FROM ledger.transfer GROUP BY 1
            ), last AS (
                SELECT DISTINCT ON (period) period, nth, closed_at
                  FROM month_close ORDER BY period, nth DESC
            )
            SELECT coalesce(m.period, l.period) AS period,
                   coalesce(m.entries, 0) AS entries,
                   coalesce(m.period, l.period) <= ledger.closed_through() AS is_closed,
                   CASE WHEN coalesce(m.period, l.period) <= ledger.closed_through()
                        THEN l.closed_at END AS closed_at,
                   s.signed_at,
                   (SELECT count(*) FROM month_reopening r
                     WHERE r.period = l.period) AS reopened
              FROM moved m FULL JOIN last l USING (period)
              LEFT JOIN month_sign_off s ON s.period = l.period AND s.nth = l.nth
               AND l.period <= ledger.closed_through()
             ORDER BY 1 DESC LIMIT :limit
            """
        ),
        {"limit": limit},
    )
    return [MonthRow(**row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True)
class LateEntry:
    """An entry booked in a month for what had happened before it."""

    member_ref: str
    kind: str
    unit: str
    points: int
    occurred_on: date
    effective_on: date
    recorded_at: datetime
    actor: str


# What is about a day of an earlier month, and stands in this one.
_LATE = """
  FROM ledger.transfer t
 WHERE t.effective_on >= :first_day AND t.effective_on < :next_month
   AND t.occurred_at < CAST(:first_day AS date) AND t.kind <> 'opening'
"""


def late_entries(session: Session, *, period: date, limit: int) -> Sequence[LateEntry]:
    """Return what a month took in for days before it, the oldest day first.

    Their months were closed when they came, so that they stand in the first one that
    was open; the day on which they happened is kept.
    """
    rows = session.execute(
        text(
            f"""
            SELECT m.member_ref, l.kind, l.unit, l.points, l.occurred_on,
                   l.effective_on, l.recorded_at, l.actor
              FROM (SELECT t.member_id, t.kind, t.unit, t.amount AS points,
                           CAST(t.occurred_at AS date) AS occurred_on, t.effective_on,
                           t.recorded_at, t.actor, t.id, t.line {_LATE}
                     ORDER BY t.occurred_at, t.id, t.line LIMIT :limit) l
              JOIN member m USING (member_id)
             ORDER BY l.occurred_on, l.id, l.line
            """
        ),
        Month(period).days | {"limit": limit},
    )
    return [LateEntry(**row) for row in rows.mappings()]


def late_count(session: Session, *, period: date) -> int:
    """Return how many entries a month took in for days before it."""
    return session.scalar(text(f"SELECT count(*) {_LATE}"), Month(period).days) or 0


def _stand(
    step: Step, *, due_on: date, evidence: Evidence, tick: Tick | None, today: date
) -> StepState:
    state = state_of(
        evidence,
        due_on=due_on,
        today=today,
        ticked_hash=tick.evidence_hash if tick is not None else None,
    )
    return StepState(step, due_on, evidence, state, tick)


def _ticks(session: Session, period: date) -> dict[str, Tick]:
    """Return the newest tick of each step, unless it was taken back."""
    newest = session.scalars(
        select(StepTick)
        .where(StepTick.period == period)
        .ext(distinct_on(StepTick.step))
        .order_by(StepTick.step, StepTick.tick_id.desc())
    )
    return {
        one.step: Tick(one.staff_id, one.ticked_at, one.note, one.evidence_hash)
        for one in newest
        if not one.withdraws
    }

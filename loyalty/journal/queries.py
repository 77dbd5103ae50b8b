"""Read the money journal: kept where its month is closed, derived where it is open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loyalty.finance.cohorts import Cohort, CohortState
from loyalty.journal.deriving import cohorts_of, derive
from loyalty.journal.models import JournalRun, MoneyEntry
from loyalty.journal.values import CohortMonth, Derived, Entry
from loyalty.rules.models import MoneyAccount

_COLUMNS = tuple(getattr(MoneyEntry, name) for name in Entry.__slots__)


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account comes to, in fen; debits are positive."""

    account: str
    opening_fen: int
    debit_fen: int  # in the month, as the next
    credit_fen: int

    @property
    def closing_fen(self) -> int:
        """What it comes to at the end of the month."""
        return self.opening_fen + self.debit_fen - self.credit_fen


def run_of(session: Session, *, period: date) -> JournalRun | None:
    """Return the run that holds for a month; None: its journal is not kept."""
    return session.scalar(
        select(JournalRun).where(
            JournalRun.period == period, JournalRun.superseded_at.is_(None)
        )
    )


def runs(session: Session) -> Sequence[JournalRun]:
    """Return all runs, the newest first."""
    return session.scalars(
        select(JournalRun).order_by(JournalRun.period.desc(), JournalRun.nth.desc())
    ).all()


def month(session: Session, *, period: date, view: str) -> list[Entry]:
    """Return the entries of a month in a view."""
    if _is_kept(session, period):
        return _kept(session, view, JournalRun.period == period)
    return [one for one in derive(session, period=period).entries if one.view == view]


def preview(session: Session, *, period: date) -> Derived | None:
    """Return the journal of an open month as it stands now; None: it is kept.

    Deriving takes its time: who asks several questions about a month hands it on.
    """
    return None if _is_kept(session, period) else derive(session, period=period)


def cohort_months(
    session: Session, *, period: date, derived: Derived | None = None
) -> list[CohortMonth]:
    """Return where every cohort stands at the end of a month, in their order.

    `derived`: from `preview`; None: it is asked for here.
    """
    derived = derived or preview(session, period=period)
    if derived is not None:
        return list(derived.cohorts)
    found = cohorts_of(session, period=_last_kept(session, period))
    return [found[cohort] for cohort in sorted(found)]


def deferred(session: Session, *, period: date) -> dict[Cohort, CohortState]:
    """Return how cohorts stood when a month was last kept, by a month; maybe none."""
    kept = session.scalar(
        select(func.max(JournalRun.period)).where(
            JournalRun.period <= period, JournalRun.superseded_at.is_(None)
        )
    )
    if kept is None:
        return {}
    found = cohorts_of(session, period=kept)
    return {cohort: one.state for cohort, one in found.items()}


def trial_balance(
    session: Session, *, period: date, view: str, derived: Derived | None = None
) -> list[Balance]:
    """Return what every account comes to by the end of a month; the sum is nothing.

    `derived`: from `preview`; None: it is asked for here.
    """
    kept = _kept(session, view, JournalRun.period <= period)
    derived = derived or preview(session, period=period)
    if derived is not None:
        kept += [
            entry
            for one in (*derived.before, derived)
            for entry in one.entries
            if entry.view == view
        ]
    return _balances(kept, period)


def accounts(session: Session) -> Sequence[MoneyAccount]:
    """Return the chart."""
    return session.scalars(select(MoneyAccount).order_by(MoneyAccount.account)).all()


def _balances(entries: Iterable[Entry], period: date) -> list[Balance]:
    found: dict[str, list[int]] = {}
    for entry in entries:
        sums = found.setdefault(entry.account, [0, 0, 0])
        if entry.dated_on < period:
            sums[0] += entry.debit_fen - entry.credit_fen
        else:
            sums[1] += entry.debit_fen
            sums[2] += entry.credit_fen
    return [Balance(account, *found[account]) for account in sorted(found)]


def _is_kept(session: Session, period: date) -> bool:
    """Whether a month is kept, or lies before one that is."""
    return (
        session.scalar(
            select(JournalRun.run_id)
            .where(JournalRun.period >= period, JournalRun.superseded_at.is_(None))
            .limit(1)
        )
        is not None
    )


def _last_kept(session: Session, period: date) -> date:
    """Return the last month kept by then; a month with nothing in it has no run."""
    found = session.scalar(
        select(JournalRun.period)
        .where(JournalRun.period <= period, JournalRun.superseded_at.is_(None))
        .order_by(JournalRun.period.desc())
        .limit(1)
    )
    return found if found is not None else period


def _kept(session: Session, view: str, condition: object) -> list[Entry]:
    rows = session.execute(
        select(*_COLUMNS)
        .join(JournalRun, JournalRun.run_id == MoneyEntry.run_id)
        .where(condition, JournalRun.superseded_at.is_(None), MoneyEntry.view == view)  # type: ignore[arg-type]
        .order_by(JournalRun.period, MoneyEntry.journal_no, MoneyEntry.line)
    )
    return [Entry(**row) for row in rows.mappings()]

"""Read leavings: what ended in which order, what waits for whom, who was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.churn.errors import UnknownDeparture
from loyalty.churn.models import OPEN_STATES

SHOWN: Final = ("kept", "open", "alarmed", "returned")

_ALARMS: Final = """
(SELECT count(*) FROM churn_step t
  WHERE t.member_id = d.member_id AND t.departure_ref = d.event_ref
    AND t.state = 'alarmed')
"""
_OPEN: Final = """
(SELECT count(*) FROM churn_step t
  WHERE t.member_id = d.member_id AND t.departure_ref = d.event_ref
    AND t.ended_at IS NULL)
"""
# What a list is narrowed to. Alarms are few, and have an index of their own.
_WHERE: Final[Mapping[str, str]] = {
    "": "true",
    "kept": "d.booked_at IS NULL AND d.reinstated_on IS NULL",
    "open": f"{_OPEN} > 0",
    "alarmed": """
        (d.member_id, d.event_ref) IN (
            SELECT t.member_id, t.departure_ref FROM churn_step t
             WHERE t.state = 'alarmed')""",
    "returned": "d.reinstated_on IS NOT NULL",
}
_LINES: Final = f"""
SELECT d.member_id, m.member_ref, d.event_ref AS departure_ref, d.left_on, d.left_at,
       d.reason, d.policy_version, d.void_on, d.reinstate_until, d.booked_at,
       d.entry_id, d.reinstated_on, {_OPEN} AS steps_open, {_ALARMS} AS alarms,
       (SELECT coalesce(sum(x.amount), 0)::bigint FROM ledger.transfer x
         WHERE x.member_id = d.member_id AND x.id = d.entry_id) AS voided
  FROM departure d JOIN member m ON m.member_id = d.member_id
"""
_STEPS: Final = text(
    """
    SELECT t.benefit, t.subject, t.nth, t.state, t.waits_for, p.partner,
           p.name AS partner_name, coalesce(t.detail, '{}') AS detail, t.attempts,
           t.made_at, t.due_at, t.ended_at
      FROM churn_step t
      LEFT JOIN link_consent c ON t.benefit = 'links' AND c.member_id = t.member_id
                              AND c.consent_ref = t.subject
      LEFT JOIN partner p ON p.partner = CASE t.benefit
           WHEN 'card' THEN split_part(t.subject, '/', 1)
           WHEN 'links' THEN c.partner ELSE t.waits_for END
     WHERE t.member_id = :member AND t.departure_ref = :ref
     ORDER BY t.nth, t.subject
    """
)
# A warning belongs to the leaving that came of it, if any did.
_NOTICES: Final = text(
    """
    SELECT n.kind, n.made_at, n.told_at, n.how FROM churn_notice n
     WHERE n.member_id = :member AND (n.ref = :ref OR n.kind = 'warning' AND EXISTS (
               SELECT FROM subscription_event e
                WHERE e.member_id = n.member_id AND e.event_ref = n.ref
                  AND e.occurred_at <= :left_at
                  AND e.occurred_at > coalesce((
                      SELECT max(o.left_at) FROM departure o
                       WHERE o.member_id = n.member_id AND o.left_at < :left_at),
                      '-infinity')))
     ORDER BY n.made_at, n.kind
    """
)


@dataclass(frozen=True, slots=True)
class LeavingLine:
    """A leaving as it stands in a list."""

    member_id: int
    member_ref: str
    departure_ref: str
    left_on: date
    left_at: datetime
    reason: str
    policy_version: int | None  # None: left before there were policies
    void_on: date
    reinstate_until: date
    booked_at: datetime | None  # None: nothing is void yet
    entry_id: Any | None  # None: there was nothing to void
    reinstated_on: date | None  # None: has not come back in time
    steps_open: int
    alarms: int
    voided: int  # points of every unit, pending ones too

    @property
    def state(self) -> str:
        """Where it stands: what a person has to look at comes first."""
        if self.alarms:
            return "alarmed"
        if self.reinstated_on is not None:
            return "returned"
        if self.booked_at is None:
            return "kept"
        return "open" if self.steps_open else "ended"


@dataclass(frozen=True, slots=True)
class StepView:
    """One thing that was to be ended, or given back."""

    benefit: str
    subject: str
    nth: int
    state: str
    waits_for: str | None  # a partner, or a person; None: for nobody
    partner: str | None  # None: it concerns none
    partner_name: str | None
    detail: Mapping[str, Any]
    attempts: int
    made_at: datetime
    due_at: datetime
    ended_at: datetime | None  # None: has not come to its end

    @property
    def is_open(self) -> bool:
        """Whether it waits for something."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Stage:
    """A benefit in the order of the policy, and what of it there was to end."""

    benefit: str
    nth: int
    comes_back: bool
    steps: tuple[StepView, ...]  # none: nothing yet, or nothing was found


@dataclass(frozen=True, slots=True)
class VoidedLot:
    """Points of one lot that became void; a lot opens with what is available."""

    unit: str
    issuer: str | None  # None: pending points, which have no lot
    issuer_name: str | None
    earned_in: date | None
    expires_on: date | None  # None: never
    units: int
    is_pending: bool


@dataclass(frozen=True, slots=True)
class NoticeView:
    """What the member was told, or is to be."""

    kind: str
    made_at: datetime
    told_at: datetime | None  # None: not yet
    how: str | None


@dataclass(frozen=True, slots=True)
class LeavingView:
    """A leaving from beginning to end."""

    line: LeavingLine
    stages: tuple[Stage, ...]
    lots: tuple[VoidedLot, ...]
    notices: tuple[NoticeView, ...]


def leavings(
    session: Session,
    *,
    reason: str | None = None,
    shown: str = "",
    before: tuple[int, str] | None = None,
    limit: int,
) -> list[LeavingLine]:
    """Return who left, the newest first, narrowed to a reason or to one of `SHOWN`.

    `before` is the cursor: member and reference of the last one already seen.
    """
    member_id, ref = before or (None, None)
    found = session.execute(
        text(
            f"""
            {_LINES}
             WHERE {_WHERE[shown]}
               AND (CAST(:reason AS text) IS NULL OR d.reason = :reason)
               AND (CAST(:member AS bigint) IS NULL
                    OR (d.left_at, d.member_id, d.event_ref) < (
                        SELECT c.left_at, c.member_id, c.event_ref FROM departure c
                         WHERE c.member_id = :member AND c.event_ref = :ref))
             ORDER BY d.left_at DESC, d.member_id DESC, d.event_ref DESC LIMIT :limit
            """
        ),
        {"reason": reason, "member": member_id, "ref": ref, "limit": limit},
    )
    return [LeavingLine(**row) for row in found.mappings()]


def alarms(session: Session) -> int:
    """Return how many steps a person has to look at."""
    found: int = session.scalar(
        text("SELECT count(*) FROM churn_step WHERE state = 'alarmed'")
    )
    return found


def leaving(session: Session, *, member_id: int, departure_ref: str) -> LeavingView:
    """Return a leaving with all that it ended, ends or will end.

    Raises `UnknownDeparture`.
    """
    key = {"member": member_id, "ref": departure_ref}
    row = (
        session.execute(
            text(f"{_LINES} WHERE d.member_id = :member AND d.event_ref = :ref"), key
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise UnknownDeparture(member_id=member_id, departure_ref=departure_ref)
    line = LeavingLine(**row)
    steps = [StepView(**step) for step in session.execute(_STEPS, key).mappings()]
    notices = session.execute(_NOTICES, key | {"left_at": line.left_at})
    return LeavingView(
        line=line,
        stages=_stages(session, line, steps),
        lots=_voided(session, line),
        notices=tuple(NoticeView(**notice) for notice in notices.mappings()),
    )


def _stages(
    session: Session, line: LeavingLine, steps: list[StepView]
) -> tuple[Stage, ...]:
    """Return all benefits of the policy in its order, and what comes back behind."""
    policy = session.execute(
        text(
            "SELECT benefit, nth, comes_back FROM churn_benefit"
            " WHERE version = :version AND reason = :reason"
        ),
        {"version": line.policy_version, "reason": line.reason},
    )
    known = {benefit: (nth, comes_back) for benefit, nth, comes_back in policy}
    for step in steps:
        known.setdefault(step.benefit, (step.nth, False))
    stages = [
        Stage(
            benefit,
            nth,
            comes_back=comes_back,
            steps=tuple(step for step in steps if step.benefit == benefit),
        )
        for benefit, (nth, comes_back) in known.items()
    ]
    return tuple(sorted(stages, key=lambda stage: stage.nth))


def _voided(session: Session, line: LeavingLine) -> tuple[VoidedLot, ...]:
    """Return what the entry of the leaving took: pending points, and lots."""
    if line.entry_id is None:
        return ()
    found = session.execute(
        text(
            """
            SELECT t.unit, NULL AS issuer, NULL AS issuer_name, NULL AS earned_in,
                   NULL AS expires_on, t.amount AS units, true AS is_pending
              FROM ledger.transfer t
             WHERE t.member_id = :member AND t.id = :entry AND t.debit = 'pending'
            UNION ALL
            SELECT l.unit, l.issuer, p.name, l.earned_in,
                   nullif(l.expires_on, 'infinity'), -l.units, false
              FROM ledger.lot_draw l LEFT JOIN partner p ON p.partner = l.issuer
             WHERE l.member_id = :member AND l.id = :entry
             ORDER BY is_pending DESC, unit, expires_on, issuer, earned_in
            """
        ),
        {"member": line.member_id, "entry": line.entry_id},
    )
    return tuple(VoidedLot(**row) for row in found.mappings())

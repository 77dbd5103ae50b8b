"""Read what may be changed by hand, what was asked for, and the register."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.adjustments.errors import (
    EvidenceGone,
    NoLimits,
    UnknownAdjustment,
    UnknownReason,
)
from loyalty.adjustments.models import (
    Adjustment,
    AdjustmentEvidence,
    AdjustmentLimits,
    AdjustmentReason,
)
from loyalty.adjustments.rules import Limits, Reason, Standing
from loyalty.keyring import Keyring

PURPOSE = "adjustment.evidence"
ROWS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was shown for a request, without what stands in it."""

    sha256: str
    size: int
    media_type: str
    name: str | None  # None: destroyed with all else about the member


@dataclass(frozen=True, slots=True)
class Change:
    """A request to change points, and what became of it."""

    member_id: int
    member_ref: str
    adjustment_ref: str
    reason: str
    title_zh: str
    title_en: str
    unit: str
    points: int
    partner: str | None
    words: str
    reverses: str | None
    undone_by: str | None  # None: it stands
    file_id: int | None
    asked_by: int
    asked_at: datetime
    state: str  # asked, checked, posted, rejected, withdrawn or expired
    approval_id: int  # the one that waits, or was decided last
    approved_by: int | None
    released_by: int | None
    entry_id: UUID | None  # None: not posted
    effective_on: date | None
    posted_at: datetime | None
    value_fen: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the register of manual adjustments (domain.md 2.8, R11)."""

    member_id: int
    member_ref: str
    adjustment_ref: str
    entry_id: UUID
    effective_on: date
    posted_at: datetime
    reason: str
    title_zh: str
    title_en: str
    money: str
    account: str
    cost_class: str
    unit: str
    points: int
    partner: str | None
    value_fen: int
    words: str
    sha256: str | None  # of the evidence, or the file; None: it undoes another
    reverses: str | None
    file_id: int | None
    asked_by: str
    approved_by: str
    released_by: str | None
    of_all: int  # points changed by hand, whichever way

    @property
    def share(self) -> Fraction:
        """How much of all that was changed by hand this is."""
        return Fraction(abs(self.points), self.of_all)


@dataclass(frozen=True, slots=True)
class Register:
    """What was changed by hand in some days, and how much that is of everything."""

    rows: Sequence[Row]
    count: int  # of rows, should they not all be there
    in_files: int  # of them came in files of many
    given: int
    taken: int
    value_fen: int
    entered: int  # points that came into members' books in these days, in any way

    @property
    def share(self) -> Fraction | None:
        """Points given by hand, of all that came in; None: nothing came in."""
        return Fraction(self.given, self.entered) if self.entered else None


def reasons(session: Session) -> list[Reason]:
    """Return the reasons there are, in their order."""
    found = session.scalars(select(AdjustmentReason).order_by(AdjustmentReason.rank))
    return [_reason(row) for row in found]


def reason(session: Session, code: str) -> Reason:
    """Return one reason.

    Raises `UnknownReason`.
    """
    found = session.get(AdjustmentReason, code)
    if found is None:
        raise UnknownReason(reason=code)
    return _reason(found)


def all_limits(session: Session) -> list[Limits]:
    """Return all versions of the limits, the newest first."""
    found = session.scalars(
        select(AdjustmentLimits).order_by(AdjustmentLimits.version.desc())
    )
    return [
        Limits(
            version=row.version,
            starts_on=row.starts_on,
            agent_points_per_day=row.agent_points_per_day,
            member_points_per_day=row.member_points_per_day,
            third_above=row.third_above,
            budget_points_per_month=row.budget_points_per_month,
        )
        for row in found
    ]


def limits(session: Session, *, on: date) -> Limits:
    """Return the limits that hold on a day.

    Raises `NoLimits`.
    """
    holding = [one for one in all_limits(session) if one.starts_on <= on]
    if not holding:
        raise NoLimits
    return holding[0]


def asked_by_agent(session: Session, *, staff_id: int, on: date) -> int:
    """Return the points somebody asked for on a day, refused requests apart."""
    return _sum(
        session,
        """
        SELECT sum(abs(a.points)) FROM adjustment a
          JOIN approval p ON p.approval_id = a.approval_id
         WHERE a.asked_by = :staff AND a.asked_on = :on AND a.file_id IS NULL
           AND a.reverses IS NULL AND p.state IN ('open', 'approved')
        """,
        staff=staff_id,
        on=on,
    )


def changed_of_member(session: Session, *, member_id: int, on: date) -> int:
    """Return the points of a member that were changed by hand on a day."""
    return _sum(
        session,
        """
        SELECT sum(abs(points)) FROM adjustment_posting
         WHERE member_id = :member AND posted_on = :on AND reverses IS NULL
        """,
        member=member_id,
        on=on,
    )


def waiting_of_member(session: Session, *, member_id: int, at: datetime) -> int:
    """Return the points of a member that somebody could agree to change by now."""
    return _sum(
        session,
        """
        SELECT sum(abs(a.points)) FROM adjustment a
          JOIN approval p ON p.approval_id = a.approval_id
          LEFT JOIN approval r ON r.action = 'adjustment.release'
                              AND r.subject = p.subject
         WHERE a.member_id = :member AND a.reverses IS NULL AND a.file_id IS NULL
           AND CASE p.state WHEN 'open' THEN p.expires_at >= :at
                            ELSE r.state = 'open' AND r.expires_at >= :at END
        """,
        member=member_id,
        at=at,
    )


def budget_used(session: Session, *, on: date) -> int:
    """Return the goodwill points given in the month of a day, less what was undone."""
    return _sum(
        session,
        """
        SELECT sum(points) FROM adjustment_posting
         WHERE money = 'goodwill'
           AND posted_on >= date_trunc('month', CAST(:on AS date))
           AND posted_on < date_trunc('month', CAST(:on AS date)) + interval '1 month'
        """,
        on=on,
    )


def standing(session: Session, *, member_id: int, unit: str, on: date) -> Standing:
    """Return what a member can be taken from on a day, and owes."""
    row = session.execute(
        text(
            """
            SELECT (SELECT coalesce(sum(l.units_left), 0) FROM ledger.lot l
                     WHERE l.member_id = b.member_id AND l.unit = b.unit
                       AND l.expires_on >= :on) AS available, b.owed
              FROM ledger.balance b WHERE b.member_id = :member AND b.unit = :unit
            """
        ),
        {"member": member_id, "unit": unit, "on": on},
    ).first()
    return Standing(int(row.available), int(row.owed)) if row else Standing(0, 0)


_CHANGES = """
SELECT a.member_id, m.member_ref, a.adjustment_ref, a.reason, s.title_zh, s.title_en,
       a.unit, a.points, a.partner, a.words, a.reverses, u.adjustment_ref AS undone_by,
       a.file_id, a.asked_by, a.asked_at,
       CASE WHEN p.entry_id IS NOT NULL THEN 'posted'
            WHEN d.state = 'open' AND d.expires_at < :at THEN 'expired'
            WHEN d.state = 'open' AND r.state IS NOT NULL THEN 'checked'
            WHEN d.state = 'open' THEN 'asked' ELSE d.state END AS state,
       d.approval_id, coalesce(p.approved_by, CASE WHEN f.state = 'approved'
                                                   THEN f.checker END) AS approved_by,
       p.released_by, p.entry_id, p.effective_on, p.posted_at, p.value_fen
  FROM adjustment a
  JOIN member m ON m.member_id = a.member_id
  JOIN adjustment_reason s ON s.reason = a.reason
  JOIN approval f ON f.approval_id = a.approval_id
  LEFT JOIN approval r ON r.action = 'adjustment.release' AND r.subject = f.subject
 CROSS JOIN LATERAL (
     SELECT coalesce(r.state, f.state) AS state,
            coalesce(r.expires_at, f.expires_at) AS expires_at,
            coalesce(r.approval_id, f.approval_id) AS approval_id) d
  LEFT JOIN adjustment_posting p ON p.member_id = a.member_id
                                AND p.adjustment_ref = a.adjustment_ref
  LEFT JOIN adjustment_posting u ON u.member_id = a.member_id
                                AND u.reverses = a.adjustment_ref
"""


def change(
    session: Session, *, member_id: int, adjustment_ref: str, at: datetime
) -> Change:
    """Return one request with what became of it.

    Raises `UnknownAdjustment`.
    """
    row = session.execute(
        text(f"{_CHANGES} WHERE a.member_id = :member AND a.adjustment_ref = :ref"),
        {"member": member_id, "ref": adjustment_ref, "at": at},
    ).one_or_none()
    if row is None:
        raise UnknownAdjustment(adjustment_ref=adjustment_ref)
    return Change(*row)


def of_member(
    session: Session, *, member_id: int, at: datetime, limit: int = 10
) -> list[Change]:
    """Return the requests about a member, the newest first."""
    rows = session.execute(
        text(
            f"{_CHANGES} WHERE a.member_id = :member"
            " ORDER BY a.asked_at DESC, a.adjustment_ref LIMIT :limit"
        ),
        {"member": member_id, "at": at, "limit": limit},
    )
    return [Change(*row) for row in rows]


def waiting(session: Session, *, at: datetime) -> list[Change]:
    """Return what can still be agreed to, what was asked first at the top."""
    rows = session.execute(
        text(
            f"{_CHANGES} WHERE d.state = 'open' AND d.expires_at >= :at"
            " AND a.file_id IS NULL ORDER BY a.asked_at LIMIT :limit"
        ),
        {"at": at, "limit": ROWS_MAX},
    )
    return [Change(*row) for row in rows]


def evidence_of(
    session: Session, *, member_id: int, adjustment_ref: str
) -> Evidence | None:
    """Return what was shown for a request; None: there was no need."""
    found = session.get(AdjustmentEvidence, (member_id, adjustment_ref))
    if found is None:
        return None
    return Evidence(found.sha256, found.size, found.media_type, found.name)


def open_evidence(
    session: Session, *, member_id: int, adjustment_ref: str, keyring: Keyring
) -> tuple[Evidence, bytes]:
    """Return what was shown for a request, unsealed.

    Raises `UnknownAdjustment`, and `EvidenceGone` once the member was erased.
    """
    found = session.get(AdjustmentEvidence, (member_id, adjustment_ref))
    if found is None:
        raise UnknownAdjustment(adjustment_ref=adjustment_ref)
    if found.sealed is None:
        raise EvidenceGone(adjustment_ref=adjustment_ref)
    about = Evidence(found.sha256, found.size, found.media_type, found.name)
    return about, bytes.fromhex(keyring.unseal(PURPOSE, found.sealed))


def register(
    session: Session,
    *,
    first: date,
    last: date,
    reason: str | None = None,
    without_files: bool = False,
    limit: int = ROWS_MAX,
) -> Register:
    """Return the register of manual adjustments of some days (domain.md R11).

    `without_files` leaves the rows out that came in files of many. Shares are of the
    points of all rows that were asked for. Days are those on which the entries count.
    The totals hold all of it, also what is left out.
    """
    facts = {
        "first": first,
        "last": last,
        "reason": reason,
        "alone": without_files,
        "limit": limit,
    }
    total = session.execute(
        text(
            f"""
            SELECT count(*) AS lines,
                   count(*) FILTER (WHERE p.adjustment_ref LIKE 'grant:%') AS in_files,
                   coalesce(sum(p.points) FILTER (WHERE p.points > 0), 0) AS given,
                   coalesce(-sum(p.points) FILTER (WHERE p.points < 0), 0) AS taken,
                   coalesce(sum(p.value_fen), 0) AS fen,
                   (SELECT coalesce(sum(t.amount), 0) FROM ledger.transfer t
                     WHERE t.effective_on BETWEEN :first AND :last
                       AND t.credit IN ('available', 'owed') AND t.reverses IS NULL
                       AND t.debit NOT IN ('held', 'available')) AS entered
              FROM adjustment_posting p WHERE {_OF_DAYS}
            """
        ),
        facts,
    ).one()
    changed = int(total.given) + int(total.taken)
    rows = session.execute(
        text(
            f"""
            SELECT p.member_id, m.member_ref, p.adjustment_ref, p.entry_id,
                   p.effective_on, p.posted_at, p.reason, r.title_zh, r.title_en,
                   p.money, p.account, p.cost_class, p.unit, p.points, p.partner,
                   p.value_fen, a.words, coalesce(e.sha256, f.sha256), p.reverses,
                   a.file_id,
                   asked.name, approved.name, released.name,
                   CAST(:changed AS bigint)
              FROM adjustment_posting p
              JOIN adjustment a ON a.member_id = p.member_id
                               AND a.adjustment_ref = p.adjustment_ref
              JOIN adjustment_reason r ON r.reason = p.reason
              JOIN member m ON m.member_id = p.member_id
              JOIN staff asked ON asked.staff_id = p.asked_by
              JOIN staff approved ON approved.staff_id = p.approved_by
              LEFT JOIN staff released ON released.staff_id = p.released_by
              LEFT JOIN adjustment_evidence e ON e.member_id = p.member_id
                                             AND e.adjustment_ref = p.adjustment_ref
              LEFT JOIN grant_file f ON f.file_id = a.file_id
             WHERE {_OF_DAYS} AND (NOT :alone OR a.file_id IS NULL)
             ORDER BY p.effective_on, p.posted_at, p.member_id, p.adjustment_ref
             LIMIT :limit
            """
        ),
        facts | {"changed": changed},
    )
    return Register(
        rows=[Row(*row) for row in rows],
        count=int(total.lines),
        in_files=int(total.in_files),
        given=int(total.given),
        taken=int(total.taken),
        value_fen=int(total.fen),
        entered=int(total.entered),
    )


_OF_DAYS = """
p.effective_on BETWEEN :first AND :last
AND (CAST(:reason AS text) IS NULL OR p.reason = :reason)
"""


def adjustment(
    session: Session, *, member_id: int, adjustment_ref: str
) -> Adjustment | None:
    """Return a request as it was made; None: there was none."""
    return session.get(Adjustment, (member_id, adjustment_ref))


def _reason(row: AdjustmentReason) -> Reason:
    return Reason(
        reason=row.reason,
        direction=row.direction,
        account=row.account,
        money=row.money,
        cost_class=row.cost_class,
        may_owe=row.may_owe,
        in_bulk=row.in_bulk,
        title_zh=row.title_zh,
        title_en=row.title_en,
    )


def _sum(session: Session, question: str, **facts: object) -> int:
    return int(session.scalar(text(question), facts) or 0)

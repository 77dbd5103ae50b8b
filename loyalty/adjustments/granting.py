"""Give points to many members from a file, once finance has agreed to all of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.adjustments import queries
from loyalty.adjustments.errors import (
    BadAdjustment,
    GrantFileWrong,
    UnknownGrantFile,
)
from loyalty.adjustments.models import GrantFile, GrantLine
from loyalty.adjustments.posting import (
    post_chosen,
    spend_budget,
    take_turns,
    valuing,
)
from loyalty.adjustments.rules import POINTS_MAX, WORDS_MAX
from loyalty.approvals import operations as approvals
from loyalty.approvals.models import Approval
from loyalty.members.claims import fill
from loyalty.points.entries import CUP
from loyalty.points.operations import let_nobody_leave
from loyalty.settings import TIME_ZONE

GRANT = "adjustment.grant"
COLUMNS: Final = ("grant_ref", "member_ref", "points")
LINES_MAX: Final = 20_000
_FIELD_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Said:
    """What the manifest of a file says is in it."""

    records: int
    total: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file; points that are no number are None."""

    line_no: int
    grant_ref: str
    member_ref: str
    points: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A line with what becomes of it, or became: no code means granted."""

    line_no: int
    grant_ref: str
    member_ref: str
    points: int | None
    code: str | None


def parsed(rows: Sequence[tuple[int, Sequence[str]]]) -> list[Line]:
    """Return the lines of a file, each with its number in it.

    Raises `GrantFileWrong` for a line of another shape, or for too many of them.
    """
    if len(rows) > LINES_MAX:
        raise GrantFileWrong(key="records")
    lines = []
    for line_no, row in rows:
        if len(row) != len(COLUMNS) or max(map(len, row)) > _FIELD_MAX:
            raise GrantFileWrong(key=f"line {line_no}")
        grant_ref, member_ref, points = row
        lines.append(Line(line_no, grant_ref, member_ref, _number(points)))
    return lines


def ask_grants(
    session: Session,
    *,
    name: str,
    said: Said,
    sha256: str,
    lines: Sequence[Line],
    reason: str,
    words: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask that a file of points be given; finance sees what each line would do.

    Raises `UnknownReason`, `BadAdjustment`, `GrantFileWrong` where the file is not
    what its manifest says.
    """
    known = queries.reason(session, reason)
    if not known.in_bulk or not 0 < len(words) <= WORDS_MAX:
        raise BadAdjustment(faults=["words" if known.in_bulk else "reason"])
    total = sum(line.points or 0 for line in lines)
    for key, stated, found in (
        ("sha256", said.sha256, sha256),
        ("records", said.records, len(lines)),
        ("total", said.total, total),
    ):
        if stated != found:
            raise GrantFileWrong(key=key)
    if not lines:
        raise GrantFileWrong(key="records")
    on = at.astimezone(TIME_ZONE).date()
    limits = queries.limits(session, on=on)
    left = limits.budget_points_per_month - queries.budget_used(session, on=on)
    made = GrantFile(
        name=name,
        sha256=sha256,
        records=len(lines),
        total=total,
        reason=reason,
        words=words,
        asked_by=maker,
        asked_at=at,
    )
    session.add(made)
    session.flush()
    session.execute(
        insert(GrantLine),
        [{"file_id": made.file_id} | asdict(line) for line in lines],
    )
    return approvals.request(
        session,
        action=GRANT,
        subject=str(made.file_id),
        before={"budget_left": left},
        after={
            "budget_left": left - total,
            "grant_file": name,
            "grant_lines": len(lines),
            "adjust_points": total,
            "reason_words": [known.title_zh, known.title_en],
            "evidence": sha256,
        },
        reason=words,
        maker=maker,
        at=at,
    )


def apply_grants(session: Session, *, approval: Approval, at: datetime) -> None:
    """Give what the file says, one answer for each line; bad lines sink no good ones.

    Raises `BudgetUsedUp` where the month's budget does not reach for all good lines:
    then nothing of the file is given.
    """
    assert approval.action == GRANT
    assert approval.state == "approved"
    assert approval.checker is not None
    on = at.astimezone(TIME_ZONE).date()
    file = file_of(session, file_id=int(approval.subject))
    limits = queries.limits(session, on=on)
    let_nobody_leave(session)
    take_turns(session)
    Book(session).lock(
        session.scalars(
            text(
                "SELECT m.member_id FROM grant_line l"
                " JOIN member m ON m.member_ref = l.member_ref WHERE l.file_id = :file"
            ),
            {"file": file.file_id},
        )
    )
    _decide(session, file=file, checker=approval.checker, at=at)
    session.execute(
        text(
            "INSERT INTO grant_answer (file_id, line_no, member_id, code)"
            " SELECT :file, line_no, member_id, code FROM decided"
        ),
        {"file": file.file_id},
    )
    granted = int(
        session.scalar(
            text("SELECT coalesce(sum(points), 0) FROM decided WHERE code IS NULL")
        )
        or 0
    )
    spend_budget(session, points=granted, limits=limits, on=on)
    session.execute(
        text(
            """
            INSERT INTO adjustment (
                member_id, adjustment_ref, reason, unit, points, words, file_id,
                asked_by, asked_at, asked_on, content, approval_id)
            SELECT d.member_id, 'grant:' || d.grant_ref, f.reason, :unit, d.points,
                   f.words, f.file_id, f.asked_by, f.asked_at, :on,
                   CAST(md5(concat_ws('/', d.grant_ref, d.points)) AS uuid),
                   :approval
              FROM decided d JOIN grant_file f ON f.file_id = :file
             WHERE d.code IS NULL
            """
        ),
        {
            "file": file.file_id,
            "on": on,
            "unit": CUP,
            "approval": approval.approval_id,
        },
    )
    fill(
        session,
        "chosen",
        "SELECT member_id, 'grant:' || grant_ref AS adjustment_ref, line_no AS nth"
        "  FROM decided WHERE code IS NULL",
    )
    post_chosen(
        session,
        facts=valuing(
            session,
            limits=limits,
            approved_by=approval.checker,
            released_by=None,
            on=on,
            at=at,
        ),
    )


def file_of(session: Session, *, file_id: int) -> GrantFile:
    """Return one file.

    Raises `UnknownGrantFile`.
    """
    found = session.get(GrantFile, file_id)
    if found is None:
        raise UnknownGrantFile(file_id=file_id)
    return found


def files(session: Session, *, limit: int = 100) -> Sequence[GrantFile]:
    """Return the files that were brought, the newest first."""
    return session.scalars(
        select(GrantFile).order_by(GrantFile.file_id.desc()).limit(limit)
    ).all()


def approval_of(session: Session, *, file_id: int) -> Approval:
    """Return the request that a file be given."""
    return session.scalars(
        select(Approval).where(
            Approval.action == GRANT, Approval.subject == str(file_id)
        )
    ).one()


def states(session: Session, *, at: datetime) -> dict[int, str]:
    """Return how the request for each file stands."""
    found = session.scalars(select(Approval).where(Approval.action == GRANT))
    return {
        int(one.subject): "expired"
        if one.state == "open" and one.expires_at < at
        else one.state
        for one in found
    }


def answers(session: Session, *, file: GrantFile, at: datetime) -> list[Answer]:
    """Return each line with what became of it, or would by now, in the file's order."""
    if approval_of(session, file_id=file.file_id).state == "approved":
        rows = session.execute(
            text(
                """
                SELECT l.line_no, l.grant_ref, l.member_ref, l.points, a.code
                  FROM grant_line l JOIN grant_answer a
                    ON a.file_id = l.file_id AND a.line_no = l.line_no
                 WHERE l.file_id = :file ORDER BY l.line_no
                """
            ),
            {"file": file.file_id},
        )
    else:
        _decide(session, file=file, checker=None, at=at)
        rows = session.execute(
            text(
                "SELECT line_no, grant_ref, member_ref, points, code FROM decided"
                " ORDER BY line_no"
            )
        )
    return [Answer(*row) for row in rows]


def _decide(
    session: Session, *, file: GrantFile, checker: int | None, at: datetime
) -> None:
    """Fill the temporary table `decided` with why each line is not granted, if so."""
    on = at.astimezone(TIME_ZONE).date()
    limits = queries.limits(session, on=on)
    facts: dict[str, Any] = {
        "file": file.file_id,
        "on": on,
        "people": [file.asked_by] if checker is None else [file.asked_by, checker],
        "member_max": limits.member_points_per_day,
        "third_above": limits.third_above,
        "points_max": POINTS_MAX,
    }
    fill(session, "decided", _DECIDED, facts)


# The first that applies. What leaving has voided stays void: nobody who has left is
# given anything, but within days of grace.
_DECIDED = """
SELECT l.line_no, l.grant_ref, l.member_ref, l.points, m.member_id, CASE
       WHEN l.points IS NULL THEN 'bad_points'
       WHEN l.points NOT BETWEEN 1 AND :points_max THEN 'points_out_of_range'
       WHEN l.grant_ref = '' THEN 'no_reference'
       WHEN m.member_id IS NULL THEN 'unknown_member'
       WHEN EXISTS (SELECT FROM adjustment a
                     WHERE a.adjustment_ref = 'grant:' || l.grant_ref
                       AND a.member_id = m.member_id AND a.points = l.points)
           THEN 'already_granted'
       WHEN EXISTS (SELECT FROM adjustment a
                     WHERE a.adjustment_ref = 'grant:' || l.grant_ref)
           THEN 'reference_reused'
       WHEN count(*) OVER reference > 1 THEN 'reference_twice'
       WHEN count(*) OVER person > 1 THEN 'member_twice'
       WHEN m.left_on IS NOT NULL AND NOT EXISTS (
               SELECT FROM departure d
                WHERE d.member_id = m.member_id AND d.booked_at IS NULL
                  AND d.reinstated_on IS NULL) THEN 'has_left'
       WHEN EXISTS (SELECT FROM staff s
                     WHERE s.staff_id = ANY(:people) AND s.member_id = m.member_id)
           THEN 'own_points'
       WHEN l.points > :third_above THEN 'needs_third_person'
       WHEN l.points + coalesce((
               SELECT sum(abs(p.points)) FROM adjustment_posting p
                WHERE p.member_id = m.member_id AND p.posted_on = :on
                  AND p.reverses IS NULL), 0) > :member_max THEN 'member_cap_reached'
       END AS code
  FROM grant_line l LEFT JOIN member m ON m.member_ref = l.member_ref
 WHERE l.file_id = :file
WINDOW reference AS (PARTITION BY l.grant_ref), person AS (PARTITION BY l.member_ref)
"""


def _number(written: str) -> int | None:
    # What is longer than any number of points is none.
    is_number = written.isascii() and written.removeprefix("-").isdecimal()
    return (
        int(written) if is_number and len(written) <= len(str(POINTS_MAX)) + 1 else None
    )

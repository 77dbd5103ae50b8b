"""Have points of a demo's members changed by hand: some agreed to, some that wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.adjustments.evidence import look_at
from loyalty.adjustments.granting import Said, ask_grants, parsed
from loyalty.adjustments.operations import apply_ask, ask
from loyalty.adjustments.rules import Wish
from loyalty.approvals.models import Approval
from loyalty.approvals.operations import approve
from loyalty.keyring import Keyring
from loyalty.points.entries import CUP

_DAYS: Final = 3  # ago, when it was asked for
_GIVEN, _FOR_EACH = 40, 100  # members of a file of marketing's, and points


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that a clerk asks for, and how far it has come."""

    reason: str
    points: int
    words: str
    agreed: int  # how many have agreed to it


_ASKED: Final = (
    Asked("compensation", 500, "缴费机故障，客户多跑一趟", 1),
    Asked("goodwill", 200, "生日当天来电，赠送小礼", 1),
    Asked("correction_up", 12_000, "九月账单积分漏记，见账单复印件", 1),
    Asked("correction_down", 300, "同一账单记了两次", 0),
)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What came of it all."""

    changed: int
    waiting: int


def adjust(
    session: Session,
    *,
    staff: Mapping[str, int],
    members: Sequence[int],
    keyring: Keyring,
    at: datetime,
) -> Adjusted:
    """Let a clerk ask for changes, and a supervisor agree to all but the last.

    What is more than one may let go waits for finance, as does a file of marketing's.
    """
    for nth, (member_id, asked) in enumerate(zip(members, _ASKED, strict=False)):
        asked_at = at - timedelta(days=_DAYS, hours=-nth - 1)
        request = ask(
            session,
            member_id=member_id,
            adjustment_ref=sha256(asked.words.encode()).hexdigest()[:12],
            wish=Wish(asked.reason, CUP, asked.points, None, asked.words),
            shown=look_at(name="note.txt", content=asked.words.encode()),
            maker=staff["lin.dan"],
            keyring=keyring,
            at=asked_at,
        )
        if asked.agreed:
            _agree(session, request, by=staff["zhao.lei"], at=at)
    _bring(session, maker=staff["chen.jing"], at=at)
    changed = session.scalar(text("SELECT count(*) FROM adjustment_posting")) or 0
    waiting = (
        session.scalar(
            text(
                "SELECT count(*) FROM approval"
                " WHERE action LIKE 'adjustment.%' AND state = 'open'"
            )
        )
        or 0
    )
    return Adjusted(changed=changed, waiting=waiting)


def _agree(session: Session, request: Approval, *, by: int, at: datetime) -> None:
    done = approve(
        session, approval_id=request.approval_id, checker=by, note=None, at=at
    )
    apply_ask(session, approval=done, at=at)


def _bring(session: Session, *, maker: int, at: datetime) -> None:
    """Bring a file for the members with the lowest numbers, one of them unknown."""
    refs = session.scalars(
        text("SELECT member_ref FROM member ORDER BY member_ref LIMIT :most"),
        {"most": _GIVEN},
    )
    rows = [
        (line_no, (f"SPRING-{line_no}", member_ref, str(_FOR_EACH)))
        for line_no, member_ref in enumerate([*refs, "GD99999999"], start=2)
    ]
    written = "\n".join(",".join(row) for _, row in rows)
    content = sha256(written.encode()).hexdigest()
    ask_grants(
        session,
        name="spring-festival.csv",
        said=Said(len(rows), _FOR_EACH * len(rows), content),
        sha256=content,
        lines=parsed(rows),
        reason="campaign",
        words="春节前回馈老客户",
        maker=maker,
        at=at,
    )

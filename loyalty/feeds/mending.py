"""Carry out what mends a break, by the booking of the feed that had to bring it."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.breaks.models import StatementBreak
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines, fault
from loyalty.feeds.models import PartnerBatch
from loyalty.feeds.posted import yuan
from loyalty.matching.errors import NotMended
from loyalty.matching.models import PartnerLine
from loyalty.matching.resolving import apply_resolution
from loyalty.settings import TIME_ZONE

MENDER: Final = "reconciliation"  # as whom the batches were brought
_FEED: Final = FEEDS["activities"]

# What is still left of an activity, and how its partner calls the member.
_ORIGINAL = text(
    """
    SELECT a.partner_ref, a.activity, a.amount_fen - a.refunded_fen AS left_fen,
           coalesce((SELECT l.account_ref FROM link l
                      WHERE l.member_id = a.member_id AND l.partner = a.partner
                      ORDER BY l.linked_on DESC, l.account_ref LIMIT 1), m.member_ref)
               AS account_ref
      FROM activity a JOIN member m USING (member_id)
     WHERE a.partner = :partner AND a.partner_ref = :ref AND a.original_ref IS NULL
    """
)


def settle_break(
    session: Session, *, approval: Approval, at: datetime
) -> StatementBreak:
    """End a break as two people have agreed, and post what that takes.

    Raises `NotMended` with the reason where it is refused, and as `apply_resolution`
    does.
    """
    found = apply_resolution(session, approval=approval, at=at)
    row = None
    if found.resolution == "post_missing":
        line = session.get_one(PartnerLine, found.line_id)
        row = (
            _missing(line, approval)
            if line.kind == "accrual"
            else _undone(session, line.partner, _original_ref(line), line.occurred_on)
        )
    elif found.resolution == "reverse_ours":
        assert found.event_ref is not None
        today = at.astimezone(TIME_ZONE).date()
        row = _undone(session, found.partner, found.event_ref, today)
    if row is not None:
        _book(session, found.partner, row, at=at)
    return found


def _missing(line: PartnerLine, approval: Approval) -> list[str]:
    said = approval.after
    return [
        line.partner_ref,
        line.partner,
        said["account_ref"],
        said["activity"],
        line.occurred_on.isoformat(),
        said["amount"],
        "CNY",
        said.get("mcc", ""),
        "",
    ]


def _original_ref(line: PartnerLine) -> str:
    """Return the accrual that a reversal names: by our reference, or by its own."""
    return (line.our_ref or line.partner_ref).rpartition("/")[2]


def _undone(session: Session, partner: str, ref: str, on: date) -> list[str]:
    original = session.execute(_ORIGINAL, {"partner": partner, "ref": ref}).first()
    if original is None:
        raise NotMended(reason="unknown_original")
    if not original.left_fen:
        raise NotMended(reason="refund_exceeds_original")
    return [
        f"{ref}:undone",
        partner,
        original.account_ref,
        original.activity,
        on.isoformat(),
        yuan(-original.left_fen),
        "CNY",
        "",
        ref,
    ]


def _book(session: Session, partner: str, row: list[str], *, at: datetime) -> None:
    wrong = fault(_FEED, row)
    if wrong is not None:
        raise NotMended(reason=wrong)
    batch = PartnerBatch(
        client_id=MENDER, partner=partner, batch_ref=None, lines=1, called_at=at
    )
    (answer,) = book_lines(session, _FEED, [row], batch=batch)
    if answer.outcome != "booked":
        raise NotMended(reason=answer.reason or answer.outcome)

"""Carry out what mends a break, by the booking of the feed that had to bring it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.breaks.models import StatementBreak
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.lines import book_lines, fault
from loyalty.feeds.models import PartnerBatch
from loyalty.feeds.posted import yuan
from loyalty.journal.deriving import foreseen
from loyalty.matching.bookings import Planned, planned
from loyalty.matching.errors import NotMended
from loyalty.matching.models import PartnerLine
from loyalty.matching.receiving import plan_of
from loyalty.matching.resolving import (
    apply_resolution,
    ask_resolution,
    settled_break,
)
from loyalty.matching.rules import event_of
from loyalty.settings import TIME_ZONE

MENDER: Final = "reconciliation"  # as whom the batches were brought
_FEED: Final = FEEDS["activities"]
_MENDING: Final = ("post_missing", "reverse_ours")  # what posts points
_TRANSFERS: Final = text(
    """
    SELECT t.debit, t.credit, t.amount, t.unit
      FROM ledger.reference r
      JOIN ledger.transfer t ON t.member_id = r.member_id AND t.id = r.entry_id
     WHERE r.reference = :reference ORDER BY t.line
    """
)

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


def ask_settlement(
    session: Session,
    *,
    break_id: int,
    resolution: str,
    mend: Mapping[str, str],
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for a break to be settled in a way, and say what that will post.

    Points are foretold by posting them and taking that back at once. Raises as
    `ask_resolution` does, and `NotMended` where the points would be refused.
    """
    found = settled_break(session, break_id=break_id, resolution=resolution)
    foretold = {"entries": entries(session, found=found, resolution=resolution)}
    if resolution in _MENDING:
        aside = session.begin_nested()
        row = _row(session, found, resolution, mend, at=at)
        foretold["points_entries"] = _posted(session, found.partner, row, at=at)
        aside.rollback()
    return ask_resolution(
        session,
        break_id=break_id,
        resolution=resolution,
        mend=mend,
        reason=reason,
        maker=maker,
        at=at,
        foretold=foretold,
    )


def entries(session: Session, *, found: StatementBreak, resolution: str) -> list[str]:
    """Return what a way of settling a break posts in money, as accountants write it.

    Each names its view, the accounts debited and credited, and yuan.
    """
    plan = planned(session, found=found, resolution=resolution)
    return written(session, partner=found.partner, period=found.about_on, plan=plan)


def clearing_entries(
    session: Session, *, partner: str, about: str, way: str, at: datetime
) -> list[str]:
    """Return what a way of clearing money that came posts, in the same writing."""
    return written(
        session,
        partner=partner,
        period=at.astimezone(TIME_ZONE).date().replace(day=1),
        plan=plan_of(session, partner=partner, about=about, way=way),
    )


def written(
    session: Session, *, partner: str, period: date, plan: Iterable[Planned]
) -> list[str]:
    """Return what is planned as accountants write it, by the rules of a month."""
    said = []
    for one in plan:
        event, fen = event_of(cause=one.cause, fen=one.fen)
        lines = foreseen(session, period=period, event=event, partner=partner, fen=fen)
        for view in sorted({line[0] for line in lines}):
            sides = sorted(
                (line[1:] for line in lines if line[0] == view),
                key=lambda side: -side[1],
            )
            debit, credit = sides[0], sides[-1]
            said.append(f"{view} {debit[0]} / {credit[0]} {yuan(debit[1])}")
    return said


def settle_break(
    session: Session, *, approval: Approval, at: datetime
) -> StatementBreak:
    """End a break as two people have agreed, and post what that takes.

    Raises `NotMended` with the reason where it is refused, and as `apply_resolution`
    does.
    """
    found = apply_resolution(session, approval=approval, at=at)
    resolution = found.resolution
    if resolution in _MENDING:
        row = _row(session, found, resolution, approval.after, at=at)
        _book(session, found.partner, row, at=at)
    return found


def _row(
    session: Session,
    found: StatementBreak,
    resolution: str,
    said: Mapping[str, Any],
    *,
    at: datetime,
) -> list[str]:
    """Return the line of activities that mends a break."""
    if resolution == "reverse_ours":
        assert found.event_ref is not None
        today = at.astimezone(TIME_ZONE).date()
        return _undone(session, found.partner, found.event_ref, today)
    line = session.get_one(PartnerLine, found.line_id)
    if line.kind == "accrual":
        return _missing(line, said)
    return _undone(session, line.partner, _original_ref(line), line.occurred_on)


def _posted(
    session: Session, partner: str, row: list[str], *, at: datetime
) -> list[str]:
    """Book a line, and return what it has posted; the caller takes it back."""
    _book(session, partner, row, at=at)
    return [
        f"{one.debit} / {one.credit} {one.amount} {one.unit}"
        for one in session.execute(
            _TRANSFERS, {"reference": f"activity:{partner}/{row[0]}"}
        )
    ]


def _missing(line: PartnerLine, said: Mapping[str, Any]) -> list[str]:
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

"""Book the money that the end of a break moves: onto the statement and the journal.

What is decided about a difference is a fact of its own, beside the fact that differs.
It is settled with the partner by the next statement, and the journal posts it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.alliance.models import COALITION, Partner
from loyalty.breaks.models import StatementBreak
from loyalty.matching.models import PartnerBooking
from loyalty.matching.rules import (
    COMES_TRUE,
    INVOICE_SUBJECT,
    KINDS,
    OWED_BY_US,
    OWED_TO_COALITION,
    REOPEN,
    SUBJECT,
    SUSPENSE,
    Terms,
    owed_more,
)
from loyalty.points.operations import first_open_day
from loyalty.prepaid.billing import billing_on
from loyalty.prepaid.coalitions import terms_on

_BILLED_AFTERWARDS = {
    "accrual": text(
        """
        SELECT coalesce(b.billing = 'postpaid', false)
          FROM activity a
          LEFT JOIN accrual_billing b ON b.partner = a.partner
                                     AND b.valid_from = a.billed_from
         WHERE a.partner = :partner AND a.partner_ref = :event_ref
        UNION ALL
        SELECT NOT p.is_prepaid FROM coalition_points p
         WHERE p.member_id = :member_id AND p.partner = :partner
           AND p.reference = :event_ref
        """
    ),
    "exchange": text(
        "SELECT billing = 'postpaid' FROM exchange"
        " WHERE member_id = :member_id AND exchange_ref = :event_ref"
    ),
}
# The newest card that held on the day; a withdrawn one holds no longer.
_CARD = text(
    """
    SELECT billing = 'postpaid' FROM rate_card
     WHERE partner = :partner AND direction = :direction AND valid_from <= :on
     ORDER BY valid_from DESC, version DESC LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be booked; above zero the partner owes more."""

    cause: str
    fen: int


def planned(
    session: Session, *, found: StatementBreak, resolution: str
) -> tuple[Planned, ...]:
    """Return what a way of settling a break books in money; perhaps nothing.

    What is paid beforehand, or not at all, is no matter of settlement.
    """
    if resolution == REOPEN:
        return tuple(Planned(one.cause, -one.fen) for one in _standing(session, found))
    if found.resolution == SUSPENSE:
        waiting = sum(one.fen for one in _standing(session, found))
        out = (Planned("suspense", -waiting),) if waiting else ()
        return out + _as_decided(resolution, waiting)
    if resolution == COMES_TRUE or not _is_settled(session, found):
        return ()
    fen = owed_more(
        is_owed_by_us=_kind(session, found) in owed_by_us(session, found.partner),
        code=found.code,
        ours_fen=found.ours_fen,
        theirs_fen=found.theirs_fen,
    )
    if resolution == SUSPENSE:
        return (Planned("suspense", fen),) if fen else ()
    return _as_decided(resolution, fen)


def book_planned(
    session: Session,
    *,
    found: StatementBreak,
    plan: Iterable[Planned],
    reason: str,
    approval_id: int,
    at: datetime,
) -> list[PartnerBooking]:
    """Book what was planned about a break, on its day or the first that is open."""
    about = f"break:{found.break_id}"
    day = found.theirs_on or found.ours_on or found.about_on
    kind = _kind(session, found)
    return [
        book(
            session,
            partner=found.partner,
            about=about,
            cause=one.cause,
            kind=kind if kind in KINDS else None,
            period=found.about_on,
            break_id=found.break_id,
            fen=one.fen,
            on=day,
            reason=reason,
            approval_id=approval_id,
            at=at,
        )
        for one in plan
    ]


def book(
    session: Session,
    *,
    partner: str,
    about: str,
    cause: str,
    kind: str | None,
    period: date,
    break_id: int | None,
    fen: int,
    on: date,
    reason: str,
    approval_id: int | None,
    at: datetime,
) -> PartnerBooking:
    """Book one sum, as the next one about its thing."""
    nth = session.scalar(
        select(func.coalesce(func.max(PartnerBooking.nth), 0) + 1).where(
            PartnerBooking.partner == partner, PartnerBooking.about == about
        )
    )
    booking = PartnerBooking(
        partner=partner,
        about=about,
        nth=nth,
        cause=cause,
        kind=kind,
        period=period,
        break_id=break_id,
        fen=fen,
        booked_on=max(on, first_open_day(session) or on),
        original_on=on,
        reason=reason,
        recorded_at=at,
        approval_id=approval_id,
    )
    session.add(booking)
    session.flush()
    return booking


# What is part of a fen is settled exactly in the sum of its statement, so that such
# lines have nothing of their own to book.
_WITHIN: Final = text(
    """
    SELECT j.period, j.kind, sum(j.theirs_fen - j.ours_fen) AS apart, count(*) AS lines
      FROM judged j JOIN paired p USING (line_id) JOIN ours o USING (ours_id)
     WHERE j.code = 'MATCHED' AND j.theirs_fen <> j.ours_fen
       AND o.is_settled AND NOT o.is_part
     GROUP BY 1, 2 HAVING sum(j.theirs_fen - j.ours_fen) <> 0 ORDER BY 1, 2
    """
)


def book_within_tolerance(
    session: Session, *, partner: str, last: date, terms: Terms, at: datetime
) -> None:
    """Book what lines that agree now differ by: as much as the terms allow, each.

    `judged`, `paired` and `ours` are there. Two people have agreed to the tolerance;
    with it the statement comes to what the partner's lines do.
    """
    if not terms.tolerance_fen:
        return
    owed = owed_by_us(session, partner)
    for row in session.execute(_WITHIN).all():
        apart = int(row.apart)
        book(
            session,
            partner=partner,
            about=f"tolerance:{row.period:%Y-%m}",
            cause="tolerance",
            kind=row.kind,
            period=row.period,
            break_id=None,
            fen=-apart if row.kind in owed else apart,
            on=min(last, at.date()),
            reason=f"{row.lines} ≤ {terms.tolerance_fen}",
            approval_id=None,
            at=at,
        )


def corrections(session: Session, *, partner: str, period: date) -> dict[str, int]:
    """Return by how much bookings of a month have changed our side, by kind.

    What is owed by us and grows stands above zero, as our side has it. What is of no
    single kind stands under an empty one.
    """
    rows = session.execute(
        select(PartnerBooking.kind, func.sum(PartnerBooking.fen))
        .where(
            PartnerBooking.partner == partner,
            PartnerBooking.period == period,
            PartnerBooking.break_id.is_not(None)
            | (PartnerBooking.cause == "tolerance"),
        )
        .group_by(PartnerBooking.kind)
    )
    owed = owed_by_us(session, partner)
    return {
        kind or "": int(-fen if kind is None or kind in owed else fen)
        for kind, fen in rows
    }


def owed_by_us(session: Session, partner: str) -> tuple[str, ...]:
    """Return the kinds of lines for which we owe a partner."""
    is_coalition = (
        session.scalar(select(Partner.kind).where(Partner.partner == partner))
        == COALITION
    )
    return OWED_TO_COALITION if is_coalition else OWED_BY_US


def _standing(session: Session, found: StatementBreak) -> list[PartnerBooking]:
    """Return what was booked about a break and was not taken back, the last first."""
    rows = session.scalars(
        select(PartnerBooking)
        .where(PartnerBooking.break_id == found.break_id)
        .order_by(PartnerBooking.nth)
    )
    standing: list[PartnerBooking] = []
    for one in rows:
        undone = next(
            (
                known
                for known in reversed(standing)
                if (known.cause, known.fen) == (one.cause, -one.fen)
            ),
            None,
        )
        if undone is None:
            standing.append(one)
        else:
            standing.remove(undone)
    return standing[::-1]


def _as_decided(resolution: str, fen: int) -> tuple[Planned, ...]:
    if not fen or resolution not in ("their_figure", "write_off"):
        return ()
    is_loss = resolution == "write_off" and fen < 0
    return (Planned("loss" if is_loss else "difference", fen),)


def _kind(session: Session, found: StatementBreak) -> str:
    """Return what a break is about; what a partner bills in one sum we owe."""
    if found.kind is not None:
        return found.kind
    first = found.reference.partition(" ")[0]
    return first if first in KINDS else owed_by_us(session, found.partner)[0]


def _is_settled(session: Session, found: StatementBreak) -> bool:
    """Whether the money that a break is about is paid by statement."""
    if found.subject == INVOICE_SUBJECT:
        return True
    if found.subject != SUBJECT or found.kind is None:
        return False
    if found.kind in ("redemption", "return"):
        return True
    what = "exchange" if found.kind.startswith("exchange") else "accrual"
    if found.event_ref is not None:
        said = {
            "partner": found.partner,
            "member_id": found.member_id,
            "event_ref": found.event_ref,
        }
        return bool(session.scalar(_BILLED_AFTERWARDS[what], said))
    on = found.theirs_on or found.about_on
    if what == "accrual":
        agreed = billing_on(session, partner=found.partner, on=on) or terms_on(
            session, partner=found.partner, on=on
        )
        return agreed is not None and agreed.billing == "postpaid"
    direction = "out" if found.kind.startswith("exchange_out") else "in"
    return bool(
        session.scalar(
            _CARD, {"partner": found.partner, "direction": direction, "on": on}
        )
    )

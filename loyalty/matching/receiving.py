"""Money that came to the bank and that nothing explains, until somebody can.

It waits in the partner's suspense. Two people say where it belongs; what was claimed
before its owner is known waits there too, and leaves by its break (`resolving`).
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.alliance.models import Partner
from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.matching.bookings import Planned, book
from loyalty.matching.errors import (
    BadReceipt,
    BookingsChanged,
    NotAResolution,
    NotInSuspense,
    ReceiptKnown,
)
from loyalty.matching.models import PartnerBooking
from loyalty.matching.rules import RECEIVED, SUSPENSE
from loyalty.settings import TIME_ZONE

CLEAR: Final = "matching.clear"
WAYS: Final = (
    "credit_partner",  # it was paid for what the partner owes, or will
    "send_back",  # it was not for us
    "keep",  # nobody asks for it
)
_FEN_MAX: Final = 10**13


def receive(
    session: Session,
    *,
    partner: str,
    bank_ref: str,
    fen: int,
    on: date,
    reason: str,
    at: datetime,
) -> PartnerBooking:
    """Write down what came to the bank from a partner and belongs to nothing known.

    Sent again with the same content it is the same payment. Raises `BadReceipt` with
    the names of what makes no sense, and `ReceiptKnown`.
    """
    wrong = {
        "partner": session.get(Partner, partner) is None,
        "bank_ref": not bank_ref,
        "fen": not 0 < fen <= _FEN_MAX,
        "on": on > at.astimezone(TIME_ZONE).date(),
        "reason": not reason,
    }
    if any(wrong.values()):
        raise BadReceipt(faults=[name for name, is_so in wrong.items() if is_so])
    about = f"bank:{bank_ref}"
    _take_turns(session, partner, about)
    known = session.scalar(
        select(PartnerBooking).where(
            PartnerBooking.partner == partner,
            PartnerBooking.about == about,
            PartnerBooking.nth == 1,
        )
    )
    if known is not None:
        if (known.fen, known.original_on) != (fen, on):
            raise ReceiptKnown(bank_ref=bank_ref)
        return known
    return book(
        session,
        partner=partner,
        about=about,
        cause=RECEIVED,
        kind=None,
        period=on.replace(day=1),
        break_id=None,
        fen=fen,
        on=on,
        reason=reason,
        approval_id=None,
        at=at,
    )


def plan_of(session: Session, *, partner: str, about: str, way: str) -> list[Planned]:
    """Return what a way of clearing money that came books.

    Raises `NotInSuspense` and `NotAResolution`.
    """
    if way not in WAYS:
        raise NotAResolution(resolution=way)
    waiting = session.scalar(
        select(func.sum(PartnerBooking.fen)).where(
            PartnerBooking.partner == partner,
            PartnerBooking.about == about,
            PartnerBooking.break_id.is_(None),
            PartnerBooking.cause.in_((RECEIVED, SUSPENSE)),
        )
    )
    if not waiting:
        raise NotInSuspense(about=about)
    fen = int(waiting)
    if way == "send_back":
        return [Planned(RECEIVED, -fen)]
    out = Planned(SUSPENSE, -fen)
    return [out] if way == "credit_partner" else [out, Planned("difference", fen)]


def ask_clearing(
    session: Session,
    *,
    partner: str,
    about: str,
    way: str,
    foretold: list[str],
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for money that waits to come to where it belongs; another person decides.

    `foretold` is what that will post, for people to read. Raises `NotInSuspense`,
    `NotAResolution` and `AlreadyRequested`.
    """
    plan = plan_of(session, partner=partner, about=about, way=way)
    return request(
        session,
        action=CLEAR,
        subject=f"{partner} {about}",
        before=None,
        after={
            "partner": partner,
            "about": about,
            "clearing": way,
            "cleared_fen": abs(plan[0].fen),
            "entries": foretold,
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_clearing(
    session: Session, *, approval: Approval, at: datetime
) -> list[PartnerBooking]:
    """Let money that waited come to where two people have said.

    It is booked today, or on the first day that is open. Raises `NotInSuspense` and
    `BookingsChanged` where it came away meanwhile.
    """
    assert (approval.action, approval.state) == (CLEAR, "approved")
    said = approval.after
    _take_turns(session, said["partner"], said["about"])
    plan = plan_of(
        session, partner=said["partner"], about=said["about"], way=said["clearing"]
    )
    if abs(plan[0].fen) != said["cleared_fen"]:
        raise BookingsChanged
    today = at.astimezone(TIME_ZONE).date()
    return [
        book(
            session,
            partner=said["partner"],
            about=said["about"],
            cause=one.cause,
            kind=None,
            period=today.replace(day=1),
            break_id=None,
            fen=one.fen,
            on=today,
            reason=approval.reason,
            approval_id=approval.approval_id,
            at=at,
        )
        for one in plan
    ]


def _take_turns(session: Session, partner: str, about: str) -> None:
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"booking {partner} {about}"},
    )

"""Belong to a club: by what the member is, or by what was paid; and give that back.

Clubs know who belongs, orders know what was paid. Here the two meet.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from loyalty.clubs import operations as clubs
from loyalty.clubs.models import ClubMembership
from loyalty.clubs.queries import Membership, history, is_used, refunds_due
from loyalty.clubs.queries import club as club_on
from loyalty.clubs.rules import OPEN_STATES, Span, refund_months, share
from loyalty.orders.models import MemberOrder
from loyalty.orders.moving import give_back, move, refund, take
from loyalty.settings import TIME_ZONE
from loyalty.tiers.queries import standing


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What leaving a club gave back."""

    memberships: int = 0
    months: int = 0
    points: int = 0
    cash_fen: int = 0

    def __add__(self, other: "GivenBack") -> "GivenBack":
        return GivenBack(
            self.memberships + other.memberships,
            self.months + other.months,
            self.points + other.points,
            self.cash_fen + other.cash_fen,
        )


def join_club(
    session: Session,
    *,
    member_id: int,
    club: str,
    way: str,
    reference: str,
    actor: str,
    at: datetime,
) -> ClubMembership:
    """Let a member join a club by tier or invitation, or renew, once per `reference`.

    For a fee or points, order the club's item. Raises as `clubs.operations.join`.
    """
    on = at.astimezone(TIME_ZONE).date()
    return clubs.join(
        session,
        member_id=member_id,
        club=club,
        way=way,
        reference=reference,
        tier=standing(session, member_id=member_id, on=on).tier,
        actor=actor,
        at=at,
    )


def leave_club(
    session: Session,
    *,
    member_id: int,
    club: str,
    reference: str,
    actor: str,
    at: datetime,
) -> GivenBack:
    """Let a member leave a club, and give back what its terms say, whence it came.

    Again with the same reference, it gives nothing more. Raises `UnknownMembership`.
    """
    # What was paid is locked before the book, as everywhere: find the orders first.
    for one in history(session, member_id=member_id, club=club):
        if one.order_ref is not None and one.state in OPEN_STATES:
            take(
                session,
                member_id=member_id,
                order_ref=one.order_ref,
                actor=actor,
                at=at,
            )
    left = clubs.leave(
        session,
        member_id=member_id,
        club=club,
        reference=reference,
        actor=actor,
        at=at,
    )
    given = GivenBack()
    for membership in left:
        if membership.refund_state == "due":
            given += _repay(session, membership, actor=actor, at=at)
    return given


def leaving_gives_back(
    session: Session, *, member_id: int, club: str, on: date
) -> GivenBack:
    """Return what a member would get back who left a club on a day."""
    given = GivenBack()
    for one in history(session, member_id=member_id, club=club):
        if one.state not in OPEN_STATES or one.ends_on < on:
            continue
        terms = club_on(session, club, version=one.terms_version)
        months = refund_months(
            terms,
            way=one.way,
            span=Span(one.starts_on, one.ends_on),
            is_used=is_used(session, member_id, one.membership_ref),
            on=on,
        )
        if one.order_ref is None or not months:
            continue
        paid = session.get_one(MemberOrder, (member_id, one.order_ref))
        part = {"months": months, "of": terms.term_months}
        given += GivenBack(
            1, months, share(paid.points, **part), share(paid.cash_fen, **part)
        )
    return given


def refund_ended(
    session: Session, *, actor: str, at: datetime, limit: int = 200
) -> GivenBack:
    """Give back months of memberships that a leaving ended, a chunk of them.

    Who comes back first has the membership again, and no refund. What is done is not
    found again.
    """
    given = GivenBack()
    for due in refunds_due(session, limit=limit):
        given += _repay_due(session, due, actor=actor, at=at)
    return given


def _repay_due(
    session: Session, due: Membership, *, actor: str, at: datetime
) -> GivenBack:
    assert due.order_ref is not None
    take(
        session,
        member_id=due.member_id,
        order_ref=due.order_ref,
        actor=actor,
        at=at,
    )
    membership = session.get_one(
        ClubMembership,
        (due.member_id, due.membership_ref),
        with_for_update=True,
        populate_existing=True,
    )
    if membership.refund_state != "due":
        return GivenBack()
    return _repay(session, membership, actor=actor, at=at)


def _repay(
    session: Session, membership: ClubMembership, *, actor: str, at: datetime
) -> GivenBack:
    """Give back what the months of a membership cost that had not begun."""
    assert membership.order_ref is not None
    hand = take(
        session,
        member_id=membership.member_id,
        order_ref=membership.order_ref,
        actor=actor,
        at=at,
    )
    order, months = hand.order, membership.refund_months
    terms = club_on(session, membership.club, version=membership.terms_version)
    part = {"months": months, "of": terms.term_months}
    points = share(order.points, **part)
    cash_fen = share(order.cash_fen, **part)
    nth = give_back(
        hand,
        quantity=order.quantity,
        points=points,
        settlement_fen=share(order.settlement_fen, **part),
    )
    order.returned_quantity = order.quantity
    session.flush()
    refund(hand, name=str(nth), amount_fen=cash_fen, reason="left_club")
    move(hand, "returned", "left_club")
    clubs.repaid(session, membership, actor=actor, at=at)
    return GivenBack(1, months, points, cash_fen)

"""Join clubs, renew, leave; and let terms run out.

Whoever joins is locked by their book, so that two clicks are one joining.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import TextClause, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.clubs import queries
from loyalty.clubs.ending import Ended, Leaver, Reinstated, end_all, reinstate
from loyalty.clubs.errors import (
    AlreadyMember,
    InvitationOver,
    MembershipRefReused,
    NotInvited,
    NotTakingPart,
    TierTooLow,
    UnknownMembership,
    WayNotOpen,
)
from loyalty.clubs.models import ClubEvent, ClubInvitation, ClubMembership
from loyalty.clubs.queries import club_of_item
from loyalty.clubs.rules import (
    INVITATION_DAYS_MAX,
    OPEN_STATES,
    SOLD,
    Club,
    JoinWay,
    Span,
    next_term,
    refund_months,
    renew_from,
)
from loyalty.settings import TIME_ZONE

__all__ = [
    "Ended",
    "Leaver",
    "Reinstated",
    "admit",
    "check_place",
    "end_all",
    "invite",
    "join",
    "lapse",
    "leave",
    "reinstate",
    "repaid",
]


def join(
    session: Session,
    *,
    member_id: int,
    club: str,
    way: str,
    reference: str,
    tier: str | None,
    actor: str,
    at: datetime,
) -> ClubMembership:
    """Let a member join a club by tier or invitation, or renew, once per `reference`.

    `tier` is where the member stands; None: nowhere. A renewal begins on the day
    after the last one. Raises `UnknownClub`, `NotTakingPart`, `WayNotOpen`,
    `TierTooLow`, `NotInvited`, `AlreadyMember`, `MembershipRefReused`.
    """
    on = at.astimezone(TIME_ZONE).date()
    Book(session).lock([member_id])
    known = _known(session, member_id, reference)
    if known is not None:
        if (known.club, known.way) != (club, way):
            raise MembershipRefReused(reference=reference)
        return known
    terms = queries.club(session, club)
    if way not in terms.ways or way in SOLD:
        raise WayNotOpen(way=way)
    if way == JoinWay.TIER and tier not in (terms.tiers or ()):
        raise TierTooLow(tiers=terms.tiers or ())
    check_place(session, member_id=member_id, club=terms, on=on)
    if way == JoinWay.INVITATION:
        _take_up(session, member_id, club, reference, on)
    return _enter(
        session,
        terms,
        member_id=member_id,
        way=way,
        reference=reference,
        order_ref=None,
        actor=actor,
        at=at,
    )


def admit(
    session: Session,
    *,
    member_id: int,
    item_code: str,
    way: str,
    order_ref: str,
    actor: str,
    at: datetime,
) -> ClubMembership:
    """Let a member in who has paid for it with an order; again, it changes nothing.

    Money that has come is never turned away: whoever belongs to the club by now has
    the next term, however early that is. Raises `UnknownClub`, `MembershipRefReused`.
    """
    assert way in SOLD
    Book(session).lock([member_id])
    terms = club_of_item(session, item_code)
    reference = f"order:{order_ref}"
    known = _known(session, member_id, reference)
    if known is not None:
        if (known.club, known.way) != (terms.club, way):
            raise MembershipRefReused(reference=reference)
        return known
    return _enter(
        session,
        terms,
        member_id=member_id,
        way=way,
        reference=reference,
        order_ref=order_ref,
        actor=actor,
        at=at,
    )


def check_place(session: Session, *, member_id: int, club: Club, on: date) -> None:
    """Make sure that a member may join a club, or renew, on a day.

    Raises `NotTakingPart`, `AlreadyMember`.
    """
    takes_part = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM member WHERE member_id = :member"
            " AND left_on IS NULL AND NOT deceased)"
        ),
        {"member": member_id},
    )
    if not takes_part:
        raise NotTakingPart
    until = queries.open_until(session, member_id=member_id, club=club.club, on=on)
    if until is not None:
        begins = renew_from(until, renew_days=club.renew_days)
        if on < begins:
            raise AlreadyMember(until=until, renew_from=begins)


def invite(
    session: Session,
    *,
    member_id: int,
    club: str,
    days: int,
    reference: str,
    actor: str,
    at: datetime,
) -> ClubInvitation:
    """Ask a member to join a club within some days; the same reference asks once.

    An invitation that is open already is good until the later of both days. Raises
    `UnknownClub`, `NotTakingPart`, `WayNotOpen`, `AlreadyMember`, `InvitationOver`.
    """
    on = at.astimezone(TIME_ZONE).date()
    if not 1 <= days <= INVITATION_DAYS_MAX:
        raise InvitationOver(days_max=INVITATION_DAYS_MAX)
    Book(session).lock([member_id])
    known = session.get(ClubInvitation, (member_id, reference), populate_existing=True)
    if known is not None:
        return known
    terms = queries.club(session, club)
    if JoinWay.INVITATION not in terms.ways:
        raise WayNotOpen(way=JoinWay.INVITATION)
    check_place(session, member_id=member_id, club=terms, on=on)
    until = on + timedelta(days=days)
    invitation_ref = session.scalar(
        upsert(ClubInvitation)
        .values(
            member_id=member_id,
            invitation_ref=reference,
            club=club,
            invited_at=at,
            until=until,
            actor=actor,
        )
        .on_conflict_do_update(
            index_elements=["member_id", "club"],
            index_where=text("used_by IS NULL"),
            set_={"until": func.greatest(ClubInvitation.until, until)},
        )
        .returning(ClubInvitation.invitation_ref)
    )
    return session.get_one(
        ClubInvitation, (member_id, invitation_ref), populate_existing=True
    )


def leave(
    session: Session,
    *,
    member_id: int,
    club: str,
    reference: str,
    actor: str,
    at: datetime,
) -> list[ClubMembership]:
    """End all open terms of a member in a club; again with the reference, the same.

    What is to be given back of what was paid stands on each; `orders.belonging` does
    it. Raises `UnknownMembership`.
    """
    on = at.astimezone(TIME_ZONE).date()
    Book(session).lock([member_id])
    mine = (ClubMembership.member_id == member_id, ClubMembership.club == club)
    done = _memberships(session, *mine, ClubMembership.ended_by == reference)
    if done:
        return done
    leaving = _memberships(
        session,
        *mine,
        ClubMembership.state.in_(OPEN_STATES),
        ClubMembership.ends_on >= on,
    )
    if not leaving:
        raise UnknownMembership
    for one in leaving:
        terms = queries.club(session, club, version=one.terms_version)
        months = refund_months(
            terms,
            way=one.way,
            span=Span(one.starts_on, one.ends_on),
            is_used=queries.is_used(session, member_id, one.membership_ref),
            on=on,
        )
        one.was, one.state, one.state_at = one.state, "ended", at
        one.ended_on, one.ended_by = on, reference
        one.refund_months = months
        one.refund_state = "due" if months else None
        session.flush()
        note(session, one, actor=actor, reason="left", at=at)
        _void_codes(session, one, at)
    return leaving


def repaid(
    session: Session, membership: ClubMembership, *, actor: str, at: datetime
) -> None:
    """Take note that the months that had not begun were given back."""
    assert membership.refund_state == "due"
    membership.state, membership.state_at = "refunded", at
    membership.refund_state = "paid"
    session.flush()
    note(session, membership, actor=actor, reason=None, at=at)


# Whose term is over, and whose waited and begins: one active term of each club.
_OVER = "state IN ('waiting', 'active') AND ends_on < :on"
_BEGINS = """
state = 'waiting' AND starts_on <= :on AND ends_on >= :on AND NOT EXISTS (
    SELECT FROM club_membership a
     WHERE a.member_id = w.member_id AND a.club = w.club AND a.state = 'active')
"""


def lapse(session: Session, *, on: date, at: datetime, limit: int = 10_000) -> int:
    """End terms whose last day is over, and begin those that waited; how many.

    A chunk of them; what is done is not found again.
    """
    facts = {"on": on, "at": at, "limit": limit}
    ended: int = session.scalar(_turn(_OVER, "lapsed"), facts) or 0
    begun: int = session.scalar(_turn(_BEGINS, "active"), facts) or 0
    return ended + begun


def _turn(which: str, state: str) -> TextClause:
    """Return the statement that brings a chunk of memberships `w` to a state."""
    return text(
        f"""
        WITH turned AS (
            UPDATE club_membership m SET state = '{state}', state_at = :at
              FROM (SELECT member_id, membership_ref FROM club_membership w
                     WHERE {which}
                     ORDER BY member_id, membership_ref LIMIT :limit FOR UPDATE) c
             WHERE m.member_id = c.member_id AND m.membership_ref = c.membership_ref
         RETURNING m.member_id, m.membership_ref, m.state
        ),
        noted AS (
            INSERT INTO club_event (member_id, membership_ref, nth, state, at, actor)
            SELECT member_id, membership_ref,
                   1 + (SELECT max(nth) FROM club_event e
                         WHERE e.member_id = t.member_id
                           AND e.membership_ref = t.membership_ref),
                   state, :at, 'job:lapse-clubs' FROM turned t
        )
        SELECT count(*) FROM turned
        """
    )


def note(
    session: Session,
    membership: ClubMembership,
    *,
    actor: str,
    reason: str | None,
    at: datetime,
) -> None:
    """Write down what happened to a membership."""
    key = {
        "member_id": membership.member_id,
        "membership_ref": membership.membership_ref,
    }
    nth = select(func.coalesce(func.max(ClubEvent.nth), 0) + 1).filter_by(**key)
    session.execute(
        insert(ClubEvent).values(
            **key,
            nth=nth.scalar_subquery(),
            state=membership.state,
            at=at,
            actor=actor,
            reason=reason,
        )
    )


def _known(session: Session, member_id: int, reference: str) -> ClubMembership | None:
    return session.get(ClubMembership, (member_id, reference), populate_existing=True)


def _memberships(session: Session, *conditions: object) -> list[ClubMembership]:
    return list(
        session.scalars(
            select(ClubMembership)
            .where(*conditions)  # type: ignore[arg-type]
            .order_by(ClubMembership.starts_on)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _enter(
    session: Session,
    terms: Club,
    *,
    member_id: int,
    way: str,
    reference: str,
    order_ref: str | None,
    actor: str,
    at: datetime,
) -> ClubMembership:
    """Write the next term of a member in a club, with what it brings."""
    on = at.astimezone(TIME_ZONE).date()
    _lapse_own(session, member_id, terms.club, on, at)
    until = queries.open_until(session, member_id=member_id, club=terms.club, on=on)
    span = next_term(until, months=terms.term_months, on=on)
    membership = ClubMembership(
        member_id=member_id,
        membership_ref=reference,
        club=terms.club,
        terms_version=terms.version,
        way=way,
        order_ref=order_ref,
        starts_on=span.starts_on,
        ends_on=span.ends_on,
        state="active" if until is None else "waiting",
        state_at=at,
        joined_at=at,
        refund_months=0,
    )
    session.add(membership)
    session.flush()
    note(session, membership, actor=actor, reason=way, at=at)
    session.execute(
        text(
            """
            INSERT INTO club_benefit (member_id, membership_ref, entitlement, per_term)
            SELECT :member, :ref, entitlement, per_term FROM entitlement_terms
             WHERE version = :version AND club = :club
            """
        ),
        {
            "member": member_id,
            "ref": reference,
            "version": terms.version,
            "club": terms.club,
        },
    )
    return membership


def _lapse_own(
    session: Session, member_id: int, club: str, on: date, at: datetime
) -> None:
    """Do for one member and club what the job does tonight."""
    for one in _memberships(
        session,
        ClubMembership.member_id == member_id,
        ClubMembership.club == club,
        ClubMembership.state.in_(OPEN_STATES),
    ):
        after = "lapsed" if one.ends_on < on else "active"
        if one.state != after and one.starts_on <= on:
            one.state, one.state_at = after, at
            session.flush()
            note(session, one, actor="system", reason=None, at=at)


def _take_up(
    session: Session, member_id: int, club: str, reference: str, on: date
) -> None:
    """Use up the invitation of a member. Raises `NotInvited`."""
    taken = session.scalar(
        update(ClubInvitation)
        .where(
            ClubInvitation.member_id == member_id,
            ClubInvitation.club == club,
            ClubInvitation.used_by.is_(None),
            ClubInvitation.until >= on,
        )
        .values(used_by=reference)
        .returning(ClubInvitation.invitation_ref)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        raise NotInvited


def _void_codes(session: Session, membership: ClubMembership, at: datetime) -> None:
    session.execute(
        text(
            "UPDATE benefit_code SET state = 'void', state_at = :at"
            " WHERE member_id = :member AND membership_ref = :ref AND state = 'issued'"
        ),
        {
            "at": at,
            "member": membership.member_id,
            "ref": membership.membership_ref,
        },
    )

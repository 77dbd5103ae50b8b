"""Hold sessions; book, cancel and keep places in them.

Points of a place are set aside when it is asked for, by those who wait as well, and
leave for good when the session takes place. So a place that is freed can move up at
once, and giving one up is a release to the same lots.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger import errors as ledger
from ledger.book import Book
from loyalty.access.errors import CoolingDown
from loyalty.access.operations import spend_code
from loyalty.access.queries import guard
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.redemption import operations as redemption
from loyalty.settings import TIME_ZONE
from loyalty.venues.errors import (
    BadSession,
    CancelTooLate,
    ForTheClub,
    NoLongerMember,
    PlaceMovedOn,
    PlaceNotOffered,
    PlacePointsMissing,
    PlacePriceChanged,
    PlacesLocked,
    SessionClosed,
    SessionNotBegun,
    SpendingClosed,
    TooFewPlaces,
)
from loyalty.venues.models import Place, VenueSession
from loyalty.venues.moving import (
    Doing,
    enter,
    find_place,
    give_up,
    keep,
    live_place,
    lock_session,
    lock_sessions,
    member_row,
    move,
    move_up,
)
from loyalty.venues.queries import Offer, offer
from loyalty.venues.rules import (
    CAPACITY_MAX,
    SessionFacts,
    may_cancel_until,
    session_faults,
)

_FINISHED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """What finishing sessions did."""

    missed: int = 0
    canceled: int = 0
    closed: int = 0  # sessions


def hold_session(
    session: Session, *, facts: SessionFacts, actor: str, at: datetime
) -> VenueSession:
    """Offer a session. Raises `UnknownItem` and `BadSession`."""
    item = catalogue_item(session, facts.item_code)
    faults = session_faults(facts, item, at=at)
    is_venue = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM partner"
            " WHERE partner = :venue AND kind = 'venue')"
        ),
        {"venue": facts.venue},
    )
    if not is_venue and "venue" not in faults:
        faults.append("venue")
    if faults:
        raise BadSession(faults=faults)
    held = VenueSession(
        venue=facts.venue,
        club=facts.club,
        item_code=facts.item_code,
        starts_at=facts.starts_at,
        minutes=facts.minutes,
        capacity=facts.capacity,
        cancel_hours=facts.cancel_hours,
        takes_guests=facts.takes_guests,
        taken=0,
        arrivals=0,
        state="open",
        created_at=at,
        created_by=actor,
    )
    session.add(held)
    session.flush()
    return held


def book(
    session: Session,
    *,
    member_id: int,
    session_id: int,
    is_in_club: bool,
    expected_points: int,
    at: datetime,
) -> Place:
    """Give a member a place, or let them wait for one; asked again, it is the same.

    A place that costs points is confirmed by a code that is bound to it. Raises
    `UnknownSession`, `SessionClosed`, `NoLongerMember`, `ForTheClub`,
    `PlaceNotOffered`, `PlacePriceChanged`, `PlacesLocked`, `CoolingDown`,
    `SpendingClosed`, `PlacePointsMissing` and `ConfirmationMissing`; then nothing is
    written, and no confirmation is used up.
    """
    doing = Doing.begin(session, actor="member", at=at)
    Book(session).lock([member_id])
    mine = find_place(session, member_id=member_id, session_id=session_id)
    if mine is not None:
        return mine
    shown = offer(
        session,
        member_id=member_id,
        session_id=session_id,
        is_in_club=is_in_club,
        at=at,
    )
    _check(session, shown, member_id=member_id, expected_points=expected_points, at=at)
    with session.begin_nested():
        if shown.points:
            spend_code(
                session,
                member_id=member_id,
                purpose="confirm",
                bound=shown.bound,
                at=at,
            )
        return _take(doing, shown, member_id=member_id)


def cancel(
    session: Session,
    *,
    member_id: int,
    session_id: int,
    actor: str,
    at: datetime,
    reason: str = "changed_mind",
) -> Place:
    """Give a place up, and let who waits longest have it.

    A member may until the deadline, and may stop waiting until it begins, or decline
    what came after the deadline; staff may until it is over. Raises `UnknownSession`,
    `UnknownPlace`, `PlaceMovedOn`, `SessionClosed` and `CancelTooLate`.
    """
    doing = Doing.begin(session, actor=actor, at=at)
    held, place = _take_in_hand(doing, member_id=member_id, session_id=session_id)
    if place.state not in ("booked", "waiting"):
        raise PlaceMovedOn(state=place.state)
    if actor == "member":
        _check_time(held, place, at=at)
    give_up(doing, held, place, reason=reason)
    move_up(doing, [session_id])
    return place


def attend(
    session: Session, *, member_id: int, session_id: int, actor: str, at: datetime
) -> Place:
    """Note that a member came; said again, or after all, it costs nothing more.

    Raises `UnknownSession`, `UnknownPlace`, `SessionNotBegun` and `PlaceMovedOn`.
    """
    return _seen(
        Doing.begin(session, actor=actor, at=at),
        member_id=member_id,
        session_id=session_id,
        state="attended",
    )


def miss(
    session: Session, *, member_id: int, session_id: int, actor: str, at: datetime
) -> Place:
    """Note that a member did not come; the place was kept, so nothing goes back.

    Raises `UnknownSession`, `UnknownPlace`, `SessionNotBegun` and `PlaceMovedOn`.
    """
    return _seen(
        Doing.begin(session, actor=actor, at=at),
        member_id=member_id,
        session_id=session_id,
        state="missed",
    )


def resize(
    session: Session, *, session_id: int, capacity: int, actor: str, at: datetime
) -> VenueSession:
    """Let more or fewer come; who waits moves up.

    Raises `UnknownSession`, `SessionClosed`, `BadSession` and `TooFewPlaces`.
    """
    doing = Doing.begin(session, actor=actor, at=at)
    held = lock_session(session, session_id)
    if held.state != "open" or at >= held.starts_at:
        raise SessionClosed(session_id=session_id)
    if not 0 < capacity <= CAPACITY_MAX:
        raise BadSession(faults=["capacity"])
    if capacity < held.taken:
        raise TooFewPlaces(taken=held.taken)
    held.capacity = capacity
    move_up(doing, [session_id])
    session.refresh(held)
    return held


def call_off(session: Session, *, session_id: int, at: datetime) -> VenueSession:
    """Call a session off; `finish` then gives everybody's points back and tells them.

    Said again, it changes nothing. Raises `UnknownSession` and `SessionClosed`.
    """
    held = lock_session(session, session_id)
    if held.state == "closed" or (held.state == "open" and at >= held.starts_at):
        raise SessionClosed(session_id=session_id)
    held.state = "called_off"
    session.flush()
    return held


def finish(session: Session, *, actor: str, at: datetime) -> Finished:
    """Finish sessions that are over or were called off, a chunk of their places.

    Who was not seen has missed it; who waited in vain, or for what was called off,
    has everything back and is told. Nothing is left to do twice.
    """
    doing = Doing.begin(session, actor=actor, at=at)
    due = session.execute(
        text(
            """
            SELECT p.member_id, p.session_id, p.nth
              FROM session_place p JOIN venue_session s USING (session_id)
             WHERE p.state IN ('booked', 'waiting')
               AND (s.state = 'called_off'
                    OR s.starts_at + make_interval(mins => s.minutes) <= :at)
             ORDER BY p.session_id, p.member_id LIMIT :limit
            """
        ),
        {"at": at, "limit": _FINISHED_AT_ONCE},
    ).all()
    Book(session).lock([row.member_id for row in due])
    locked = lock_sessions(session, [row.session_id for row in due])
    missed = canceled = 0
    for row in due:
        held = locked[row.session_id]
        place = session.get_one(Place, tuple(row), populate_existing=True)
        if place.state == "booked" and held.state != "called_off":
            keep(doing, held, place, "missed")
            missed += 1
        elif place.state in ("booked", "waiting"):
            is_off = held.state == "called_off"
            reason = "called_off" if is_off else "not_reached"
            give_up(doing, held, place, reason=reason, news=reason)
            canceled += 1
    return Finished(missed, canceled, _close(session, at))


def _close(session: Session, at: datetime) -> int:
    """Close sessions that are over and have nobody left to decide about."""
    closed = session.execute(
        text(
            """
            UPDATE venue_session s SET state = 'closed'
             WHERE s.state = 'open'
               AND s.starts_at + make_interval(mins => s.minutes) <= :at
               AND NOT EXISTS (SELECT FROM session_place p
                                WHERE p.session_id = s.session_id
                                  AND p.state IN ('booked', 'waiting'))
            RETURNING s.session_id
            """
        ),
        {"at": at},
    ).all()
    return len(closed)


def _check(
    session: Session,
    shown: Offer,
    *,
    member_id: int,
    expected_points: int,
    at: datetime,
) -> None:
    """Refuse what may not be booked, the reasons that no wish can change first."""
    who = member_row(session, member_id)
    if not who.takes_part:
        raise NoLongerMember
    _check_offer(shown)
    if shown.points != expected_points:
        raise PlacePriceChanged(points=shown.points)
    if who.gate != "open":
        raise SpendingClosed(gate=who.gate or "closed")
    if shown.points:
        _check_spending(session, shown, member_id=member_id, at=at)


def _check_offer(shown: Offer) -> None:
    if not shown.is_open:
        raise SessionClosed(session_id=shown.session_id)
    if shown.why_not == "for_the_club":
        raise ForTheClub(club=shown.club or "")
    if shown.why_not is not None:
        raise PlaceNotOffered


def _check_spending(
    session: Session, shown: Offer, *, member_id: int, at: datetime
) -> None:
    if shown.missing:
        raise PlacePointsMissing(needed=shown.points, available=shown.available)
    guarded = guard(session, member_id)
    if guarded.spend_locked_at is not None:
        raise PlacesLocked
    until = guarded.cool_down_until
    if until is not None and until > at:
        raise CoolingDown(until=until.astimezone(TIME_ZONE))


def _take(doing: Doing, shown: Offer, *, member_id: int) -> Place:
    """Set the points aside, then take a place of the session; it is locked last."""
    session = doing.session
    place = Place(
        member_id=member_id,
        session_id=shown.session_id,
        nth=shown.next_nth,
        tier=shown.tier,
        points=shown.points,
        asked_at=doing.at,
        state_at=doing.at,
    )
    if shown.points:
        try:
            place.held_by = redemption.hold(
                session, doing.step(place), points=shown.points
            )
        except ledger.InsufficientPoints as error:
            raise PlacePointsMissing(
                needed=shown.points, available=shown.available
            ) from error
    held = lock_session(session, shown.session_id)
    if held.state != "open" or doing.at >= held.starts_at:
        raise SessionClosed(session_id=shown.session_id)
    enter(doing, held, place)
    return place


def _check_time(held: VenueSession, place: Place, *, at: datetime) -> None:
    """Refuse what a member wants to give up too late."""
    if at >= held.starts_at:
        raise SessionClosed(session_id=held.session_id)
    until = may_cancel_until(
        starts_at=held.starts_at,
        cancel_hours=held.cancel_hours,
        state=place.state,
        asked_at=place.asked_at,
        state_at=place.state_at,
    )
    if at > until:
        raise CancelTooLate(until=until.astimezone(TIME_ZONE))


def _take_in_hand(
    doing: Doing, *, member_id: int, session_id: int
) -> tuple[VenueSession, Place]:
    """Take a place in hand: nobody else moves it until the transaction ends."""
    Book(doing.session).lock([member_id])
    held = lock_session(doing.session, session_id)
    place = live_place(doing.session, member_id=member_id, session_id=session_id)
    return held, place


def _seen(doing: Doing, *, member_id: int, session_id: int, state: str) -> Place:
    """Note whether a member came."""
    held, place = _take_in_hand(doing, member_id=member_id, session_id=session_id)
    if place.state == state:
        return place
    if held.starts_at.astimezone(TIME_ZONE).date() > doing.on:
        raise SessionNotBegun(starts_at=held.starts_at.astimezone(TIME_ZONE))
    if held.state == "called_off" or place.state == "waiting":
        raise PlaceMovedOn(state=place.state)
    if place.state == "booked":
        keep(doing, held, place, state)
    elif (place.state, state) == ("missed", "attended"):
        move(doing, place, state, reason="corrected")
    else:
        raise PlaceMovedOn(state=place.state)
    return place

"""The moves that all use cases of sessions are made of.

Locks are taken in one order: the books of members first, then sessions by number,
then places. A session that is locked guards all its places.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.catalogue.queries import item as catalogue_item
from loyalty.costs.operations import incur
from loyalty.points.operations import first_open_day
from loyalty.redemption import operations as redemption
from loyalty.settings import TIME_ZONE
from loyalty.venues.errors import UnknownPlace, UnknownSession
from loyalty.venues.models import Place, VenueSession
from loyalty.venues.rules import place_reference


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something, and when."""

    session: Session
    on: date  # the day itself
    open_on: date  # the day that entries are dated to
    at: datetime
    actor: str

    @classmethod
    def begin(cls, session: Session, *, actor: str, at: datetime) -> Self:
        """Begin to do something: before any book is locked the day is held open."""
        on = at.astimezone(TIME_ZONE).date()
        return cls(session, on, max(on, first_open_day(session) or on), at, actor)

    def step(self, place: Place) -> redemption.Step:
        """Return what the ledger is told of a place."""
        return self.step_of(place.member_id, place.session_id, place.nth)

    def step_of(self, member_id: int, session_id: int, nth: int) -> redemption.Step:
        """Return what the ledger is told of the place that is named so."""
        return redemption.Step(
            member_id=member_id,
            ref=place_reference(session_id=session_id, nth=nth),
            on=self.open_on,
            at=self.at,
            actor=self.actor,
        )


# Freed places go to whoever has waited longest, where there is still time for it.
_MOVE_UP = """
WITH room AS (
    SELECT s.session_id, s.capacity - s.taken AS free FROM venue_session s
     WHERE s.session_id = ANY(:sessions) AND s.state = 'open' AND s.starts_at > :at
       AND s.taken < s.capacity
), next AS (
    SELECT member_id, session_id, nth
      FROM (SELECT p.member_id, p.session_id, p.nth, r.free,
                   row_number() OVER (PARTITION BY p.session_id ORDER BY p.arrival)
                       AS ahead
              FROM session_place p JOIN room r USING (session_id)
             WHERE p.state = 'waiting') w
     WHERE ahead <= free
), moved AS (
    UPDATE session_place p SET state = 'booked', state_at = :at, news = 'moved_up'
      FROM next n
     WHERE p.member_id = n.member_id AND p.session_id = n.session_id AND p.nth = n.nth
    RETURNING p.member_id, p.session_id, p.nth
), counted AS (
    UPDATE venue_session s SET taken = s.taken + m.many
      FROM (SELECT session_id, count(*) AS many FROM moved GROUP BY session_id) m
     WHERE s.session_id = m.session_id
)
INSERT INTO session_place_event (member_id, session_id, nth, state, at, actor, reason)
SELECT member_id, session_id, nth, 'booked', :at, :actor, 'moved_up' FROM moved
"""


def lock_sessions(
    session: Session, session_ids: Iterable[int]
) -> dict[int, VenueSession]:
    """Keep others from changing sessions and their places; return them as they are."""
    wanted = sorted(set(session_ids))
    locked = {}
    for session_id in wanted:
        found = session.get(
            VenueSession, session_id, with_for_update=True, populate_existing=True
        )
        if found is not None:
            locked[session_id] = found
    return locked


def lock_session(session: Session, session_id: int) -> VenueSession:
    """Keep others from changing a session and its places; return it.

    Raises `UnknownSession`.
    """
    found = lock_sessions(session, [session_id])
    if not found:
        raise UnknownSession(session_id=session_id)
    return found[session_id]


def live_place(session: Session, *, member_id: int, session_id: int) -> Place:
    """Return the place a member has or waits for, as it is now.

    Raises `UnknownPlace`.
    """
    found = find_place(session, member_id=member_id, session_id=session_id)
    if found is None:
        raise UnknownPlace(session_id=session_id)
    return found


def find_place(session: Session, *, member_id: int, session_id: int) -> Place | None:
    """Return the place a member has or waits for; None: neither."""
    row = session.execute(
        text(
            "SELECT nth FROM session_place WHERE member_id = :member"
            " AND session_id = :session AND state <> 'canceled'"
        ),
        {"member": member_id, "session": session_id},
    ).one_or_none()
    if row is None:
        return None
    return session.get(Place, (member_id, session_id, row.nth), populate_existing=True)


def move(
    doing: Doing,
    place: Place,
    state: str,
    *,
    reason: str | None = None,
    news: str | None = None,
) -> None:
    """Bring a place to a state, and write down who did it and why."""
    place.state, place.state_at, place.news = state, doing.at, news
    doing.session.flush()
    note(doing, place, reason=reason)


def note(doing: Doing, place: Place, *, reason: str | None = None) -> None:
    """Write down the state that a place has come to."""
    doing.session.execute(
        text(
            "INSERT INTO session_place_event"
            " (member_id, session_id, nth, state, at, actor, reason)"
            " VALUES (:member, :session, :nth, :state, :at, :actor, :reason)"
        ),
        {
            "member": place.member_id,
            "session": place.session_id,
            "nth": place.nth,
            "state": place.state,
            "at": doing.at,
            "actor": doing.actor,
            "reason": reason,
        },
    )


def enter(doing: Doing, held: VenueSession, place: Place) -> None:
    """Give a place its state in a locked session: booked while there is room.

    Nobody waits while there is: whoever frees a place lets the others move up.
    """
    held.arrivals += 1
    place.arrival = held.arrivals
    place.state = "waiting"
    if held.taken < held.capacity:
        held.taken += 1
        place.state = "booked"
    doing.session.add(place)
    doing.session.flush()
    note(doing, place)


def give_up(
    doing: Doing,
    held: VenueSession,
    place: Place,
    *,
    reason: str,
    news: str | None = None,
) -> None:
    """End a place that came to nothing: its points go back to the same lots."""
    was_booked = place.state == "booked"
    move(doing, place, "canceled", reason=reason, news=news)
    if place.held_by is not None:
        redemption.release(doing.session, doing.step(place), held_by=place.held_by)
    if was_booked:
        held.taken -= 1
        doing.session.flush()


def keep(doing: Doing, held: VenueSession, place: Place, state: str) -> None:
    """Let a place have been kept for its member, who came or did not.

    The points leave for good, the venue is owed what is agreed, and that is what the
    place costs the club: never the accrued points (domain.md A17).
    """
    item = catalogue_item(doing.session, held.item_code)
    step = doing.step(place)
    if place.held_by is not None:
        place.redeemed_by = redemption.capture(
            doing.session, step, held_by=place.held_by, account=item.account
        )
    redemption.record(
        doing.session,
        step,
        item_code=item.item_code,
        quantity=1,
        channel="club",
        points=place.points,
        settlement_fen=item.settlement_fen,
        partner=held.venue,
        cost_treatment=item.cost_treatment,
        entry_id=place.redeemed_by,
    )
    incur(
        doing.session,
        club=held.club,
        venue=held.venue,
        member_id=place.member_id,
        on=doing.on,
        effective_on=step.on,
        fen=item.settlement_fen,
        kind="session",
        reference=f"{step.ref}-{place.member_id}",
    )
    move(doing, place, state)


def move_up(doing: Doing, session_ids: Iterable[int]) -> None:
    """Give free places of locked sessions to those who wait, first come first served.

    Their points are set aside already, so that nothing can keep them from it.
    """
    doing.session.flush()
    doing.session.execute(
        text(_MOVE_UP),
        {"sessions": list(session_ids), "at": doing.at, "actor": doing.actor},
    )


def member_row(session: Session, member_id: int) -> Row[tuple[bool, str | None]]:
    """Return whether somebody takes part, and the gate of the book."""
    return session.execute(
        text(
            """
            SELECT coalesce(bool_or(m.left_on IS NULL AND NOT m.deceased), false)
                       AS takes_part,
                   max(b.gate) AS gate
              FROM member m JOIN ledger.book b USING (member_id)
             WHERE m.member_id = :member
            """
        ),
        {"member": member_id},
    ).one()

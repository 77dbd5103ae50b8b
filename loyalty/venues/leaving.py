"""What becomes of places when their members leave the network, or come back."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import GateClosed, InsufficientPoints
from loyalty.redemption import operations as redemption
from loyalty.venues.models import Place
from loyalty.venues.moving import Doing, enter, find_place, lock_sessions, move_up

_AFFECTED = text(
    """
    SELECT DISTINCT p.session_id
      FROM session_place p JOIN venue_session s USING (session_id)
     WHERE p.member_id = ANY(:members) AND p.state IN ('booked', 'waiting')
       AND s.starts_at > :at
    """
)

_END = text(
    """
    WITH ending AS (
        SELECT p.member_id, p.session_id, p.nth, p.state, p.held_by, l.reference
          FROM session_place p JOIN venue_session s USING (session_id)
          JOIN unnest(CAST(:members AS bigint[]), CAST(:references AS text[]))
               AS l(member_id, reference) ON l.member_id = p.member_id
         WHERE p.state IN ('booked', 'waiting') AND s.starts_at > :at
           AND p.session_id = ANY(:sessions)
    ), ended AS (
        UPDATE session_place p
           SET state = 'canceled', state_at = :at, news = NULL, ended_by = e.reference
          FROM ending e
         WHERE p.member_id = e.member_id AND p.session_id = e.session_id
           AND p.nth = e.nth
    ), freed AS (
        UPDATE venue_session s SET taken = s.taken - f.many
          FROM (SELECT session_id, count(*) AS many FROM ending
                 WHERE state = 'booked' GROUP BY session_id) f
         WHERE s.session_id = f.session_id
    ), noted AS (
        INSERT INTO session_place_event
               (member_id, session_id, nth, state, at, actor, reason)
        SELECT member_id, session_id, nth, 'canceled', :at, :actor, 'left' FROM ending
    )
    SELECT member_id, session_id, nth, held_by FROM ending
     ORDER BY member_id, session_id
    """
)

_LOST = text(
    """
    SELECT p.member_id, p.session_id, p.nth
      FROM session_place p JOIN venue_session s USING (session_id)
      JOIN unnest(CAST(:members AS bigint[]), CAST(:references AS text[]))
           AS l(member_id, reference)
        ON l.member_id = p.member_id AND l.reference = p.ended_by
     WHERE p.given_back_at IS NULL AND s.state = 'open' AND s.starts_at > :at
     ORDER BY p.session_id, p.arrival
    """
)


def end_all(
    session: Session, *, leavers: Mapping[int, str], actor: str, at: datetime
) -> int:
    """Take all places of members in sessions to come; return how many.

    `leavers` tells by which reference each has left; by the same one `reinstate`
    gives back. What was set aside goes back to its lots, or is void at once where
    the member has left already; others move up. Said again, it changes nothing.
    """
    doing = Doing.begin(session, actor=actor, at=at)
    Book(session).lock(leavers)
    found = {"members": list(leavers), "at": at}
    sessions = list(lock_sessions(session, session.scalars(_AFFECTED, found)))
    ended = session.execute(
        _END,
        found
        | {
            "references": list(leavers.values()),
            "sessions": sessions,
            "actor": actor,
        },
    ).all()
    redemption.release_many(
        session,
        [
            (doing.step_of(row.member_id, row.session_id, row.nth), row.held_by)
            for row in ended
            if row.held_by is not None
        ],
    )
    move_up(doing, sessions)
    return len(ended)


def reinstate(
    session: Session, *, returners: Mapping[int, str], actor: str, at: datetime
) -> int:
    """Give places back that a leaving took, once; return how many.

    Only in sessions that are still to come, for the points they had cost, and at the
    end of the waiting list where there is no room any more. Whoever has too few
    points left, or has booked anew, is given none.
    """
    doing = Doing.begin(session, actor=actor, at=at)
    Book(session).lock(returners)
    lost = session.execute(
        _LOST,
        {
            "members": list(returners),
            "references": list(returners.values()),
            "at": at,
        },
    ).all()
    given = 0
    waits = []
    for row in lost:
        old = session.get_one(Place, tuple(row), populate_existing=True)
        old.given_back_at = at
        mine = find_place(session, member_id=row.member_id, session_id=row.session_id)
        if mine is None and (anew := _anew(doing, old)) is not None:
            waits.append(anew)
    # Sessions are locked after the last point was set aside.
    locked = lock_sessions(session, [place.session_id for place in waits])
    for place in waits:
        enter(doing, locked[place.session_id], place)
        given += 1
    return given


def _anew(doing: Doing, old: Place) -> Place | None:
    """Return a place like one that was lost, its points set aside; None: too few."""
    place = Place(
        member_id=old.member_id,
        session_id=old.session_id,
        nth=_next_nth(doing.session, old),
        tier=old.tier,
        points=old.points,
        asked_at=doing.at,
        state_at=doing.at,
    )
    if old.points:
        try:
            place.held_by = redemption.hold(
                doing.session, doing.step(place), points=old.points
            )
        except (InsufficientPoints, GateClosed):
            return None
    return place


def _next_nth(session: Session, old: Place) -> int:
    return int(
        session.execute(
            text(
                "SELECT max(nth) + 1 FROM session_place"
                " WHERE member_id = :member AND session_id = :session"
            ),
            {"member": old.member_id, "session": old.session_id},
        ).scalar_one()
    )

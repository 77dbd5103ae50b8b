"""Read sessions: what one would cost a member, who comes, and who waits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.catalogue.queries import item as catalogue_item
from loyalty.catalogue.rules import Item, why_not
from loyalty.points.entries import UNIVERSAL
from loyalty.settings import TIME_ZONE
from loyalty.tiers.queries import standing
from loyalty.venues.errors import UnknownSession
from loyalty.venues.rules import (
    PlacePrice,
    deadline,
    may_cancel_until,
    place_binding,
    place_price,
)

LISTED_MAX = 200


@dataclass(frozen=True, slots=True)
class MyPlace:
    """The place a member has in a session, or waits for."""

    state: str
    state_at: datetime
    asked_at: datetime
    points: int
    ahead: int  # how many wait before this one; 0: nobody does


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as it stands now."""

    session_id: int
    venue: str
    venue_name: str
    club: str | None
    item: Item
    starts_at: datetime
    minutes: int
    capacity: int
    taken: int
    waiting: int
    cancel_hours: int
    takes_guests: bool
    state: str

    @property
    def left(self) -> int:
        """How many places are free."""
        return self.capacity - self.taken

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def deadline(self) -> datetime:
        """Until when a place can be given up."""
        return deadline(starts_at=self.starts_at, cancel_hours=self.cancel_hours)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a place would cost a member now, and what keeps them from it."""

    shown: SessionView
    price: PlacePrice
    list_price: PlacePrice
    available: int
    why_not: str | None  # None: the member may have it
    next_nth: int
    is_open: bool
    mine: MyPlace | None  # None: has none, and waits for none

    @property
    def session_id(self) -> int:
        """The number of the session."""
        return self.shown.session_id

    @property
    def club(self) -> str | None:
        """Whose session it is; None: everybody's."""
        return self.shown.club

    @property
    def tier(self) -> str | None:
        """The tier whose price it is; None: the list price."""
        return self.price.tier

    @property
    def points(self) -> int:
        """What it costs."""
        return self.price.points

    @property
    def missing(self) -> int:
        """How many points are missing for it."""
        return max(0, self.points - self.available)

    @property
    def bound(self) -> str:
        """What a confirmation of it is bound to."""
        return place_binding(
            session_id=self.session_id, nth=self.next_nth, points=self.points
        )

    @property
    def may_cancel_until(self) -> datetime:
        """Until when a member can give the place up, or stop waiting."""
        if self.mine is None:
            return self.shown.deadline
        return may_cancel_until(
            starts_at=self.shown.starts_at,
            cancel_hours=self.shown.cancel_hours,
            state=self.mine.state,
            asked_at=self.mine.asked_at,
            state_at=self.mine.state_at,
        )


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A member on the list of a session."""

    member_id: int
    member_ref: str
    name: str
    state: str
    state_at: datetime
    asked_at: datetime
    arrival: int
    tier: str | None
    points: int


_SESSIONS = """
SELECT s.session_id, s.venue, coalesce(v.name, s.venue) AS venue_name, s.club,
       s.item_code, s.starts_at, s.minutes, s.capacity, s.taken, s.cancel_hours,
       s.takes_guests, s.state,
       (SELECT count(*) FROM session_place p
         WHERE p.session_id = s.session_id AND p.state = 'waiting') AS waiting
  FROM venue_session s LEFT JOIN partner v ON v.partner = s.venue
"""

_MINE = text(
    """
    SELECT p.session_id, p.state, p.state_at, p.asked_at, p.points,
           (SELECT count(*) FROM session_place o
             WHERE p.state = 'waiting' AND o.session_id = p.session_id
               AND o.state = 'waiting' AND o.arrival < p.arrival) AS ahead
      FROM session_place p
     WHERE p.member_id = :member AND p.session_id = ANY(:sessions)
       AND p.state <> 'canceled'
    """
)


def sessions(
    session: Session,
    *,
    since: datetime,
    until: datetime | None = None,
    venue: str | None = None,
    club: str | None = None,
    open_only: bool = False,
    limit: int = LISTED_MAX,
) -> list[SessionView]:
    """Return sessions that start in some time, the soonest first."""
    rows = session.execute(
        text(
            f"""
            {_SESSIONS}
             WHERE s.starts_at >= :since
               AND (CAST(:until AS timestamptz) IS NULL OR s.starts_at < :until)
               AND (CAST(:venue AS text) IS NULL OR s.venue = :venue)
               AND (CAST(:club AS text) IS NULL OR s.club = :club)
               AND (NOT :open_only OR s.state = 'open')
             ORDER BY s.starts_at, s.session_id LIMIT :limit
            """
        ),
        {
            "since": since,
            "until": until,
            "venue": venue,
            "club": club,
            "open_only": open_only,
            "limit": limit,
        },
    ).all()
    return _views(session, rows)


def one_session(session: Session, *, session_id: int) -> SessionView:
    """Return a session. Raises `UnknownSession`."""
    rows = session.execute(
        text(f"{_SESSIONS} WHERE s.session_id = :session"), {"session": session_id}
    ).all()
    if not rows:
        raise UnknownSession(session_id=session_id)
    return _views(session, rows)[0]


def offer(
    session: Session, *, member_id: int, session_id: int, is_in_club: bool, at: datetime
) -> Offer:
    """Return what a place would cost a member now. Raises `UnknownSession`."""
    shown = one_session(session, session_id=session_id)
    clubs = [shown.club] if is_in_club and shown.club is not None else []
    return offers(session, [shown], member_id=member_id, clubs=clubs, at=at)[0]


def offers(
    session: Session,
    shown: Sequence[SessionView],
    *,
    member_id: int,
    clubs: Collection[str],
    at: datetime,
) -> list[Offer]:
    """Return what places in sessions would cost a member who is in these clubs."""
    on = at.astimezone(TIME_ZONE).date()
    tier = standing(session, member_id=member_id, on=on).tier
    brands = _brands(session, member_id)
    available = _available(session, member_id, on)
    mine = _mine(session, member_id, shown)
    nths = _next_nths(session, member_id, shown)
    return [
        Offer(
            shown=one,
            price=place_price(
                one.item, tier=tier, club=one.club, is_in_club=one.club in clubs
            ),
            list_price=place_price(
                one.item, tier=None, club=one.club, is_in_club=False
            ),
            available=available,
            why_not=_why_not(one, brands=brands, tier=tier, clubs=clubs, on=on),
            next_nth=nths.get(one.session_id, 1),
            is_open=one.state == "open" and at < one.starts_at,
            mine=mine.get(one.session_id),
        )
        for one in shown
    ]


def places_of(
    session: Session, *, member_id: int, clubs: Collection[str], at: datetime
) -> list[Offer]:
    """Return the sessions in which a member has or had a place, the latest first."""
    rows = session.execute(
        text(
            f"""
            {_SESSIONS}
             WHERE EXISTS (SELECT FROM session_place p
                            WHERE p.member_id = :member AND p.state <> 'canceled'
                              AND p.session_id = s.session_id)
             ORDER BY s.starts_at DESC, s.session_id LIMIT :limit
            """
        ),
        {"member": member_id, "limit": LISTED_MAX},
    ).all()
    shown = _views(session, rows)
    return offers(session, shown, member_id=member_id, clubs=clubs, at=at)


def roster(session: Session, *, session_id: int) -> list[PlaceLine]:
    """Return who comes to a session, then who waits, each in order of arrival."""
    rows = session.execute(
        text(
            """
            SELECT p.member_id, m.member_ref, coalesce(q.name, '') AS name, p.state,
                   p.state_at, p.asked_at, p.arrival, p.tier, p.points
              FROM session_place p JOIN member m USING (member_id)
              LEFT JOIN person q USING (member_id)
             WHERE p.session_id = :session AND p.state <> 'canceled'
             ORDER BY p.state = 'waiting', p.arrival
            """
        ),
        {"session": session_id},
    )
    return [PlaceLine(*row) for row in rows]


def _views(session: Session, rows: Sequence[Row[Any]]) -> list[SessionView]:
    items = {
        code: catalogue_item(session, code) for code in {r.item_code for r in rows}
    }
    return [
        SessionView(
            session_id=row.session_id,
            venue=row.venue,
            venue_name=row.venue_name,
            club=row.club,
            item=items[row.item_code],
            starts_at=row.starts_at,
            minutes=row.minutes,
            capacity=row.capacity,
            taken=row.taken,
            waiting=row.waiting,
            cancel_hours=row.cancel_hours,
            takes_guests=row.takes_guests,
            state=row.state,
        )
        for row in rows
    ]


def _why_not(
    shown: SessionView,
    *,
    brands: frozenset[str],
    tier: str | None,
    clubs: Collection[str],
    on: date,
) -> str | None:
    """Return the code of what keeps a member from a session; None: nothing."""
    if shown.club is not None and shown.club not in clubs and not shown.takes_guests:
        return "for_the_club"
    found = why_not(
        shown.item,
        channel="web",
        brands=brands,
        tier=tier,
        on=on,
        bought_in_window=0,
    )
    return found.code if found is not None else None


def _brands(session: Session, member_id: int) -> frozenset[str]:
    return frozenset(
        session.scalars(
            text(
                "SELECT brand FROM subscription"
                " WHERE member_id = :member AND ended_on IS NULL"
            ),
            {"member": member_id},
        )
    )


def _available(session: Session, member_id: int, on: date) -> int:
    """Return the points that can be spent on a day."""
    return sum(
        lot.units_left
        for lot in Book(session).lots(member_id)
        if lot.unit in UNIVERSAL and (lot.expires_on is None or lot.expires_on >= on)
    )


def _mine(
    session: Session, member_id: int, shown: Sequence[SessionView]
) -> dict[int, MyPlace]:
    rows = session.execute(
        _MINE, {"member": member_id, "sessions": [one.session_id for one in shown]}
    )
    return {row[0]: MyPlace(*row[1:]) for row in rows}


def _next_nths(
    session: Session, member_id: int, shown: Sequence[SessionView]
) -> dict[int, int]:
    """Return which place of the member the next one in each session would be."""
    rows = session.execute(
        text(
            "SELECT session_id, max(nth) + 1 FROM session_place"
            " WHERE member_id = :member AND session_id = ANY(:sessions)"
            " GROUP BY session_id"
        ),
        {"member": member_id, "sessions": [one.session_id for one in shown]},
    )
    return {row[0]: int(row[1]) for row in rows}

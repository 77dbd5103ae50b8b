"""Let members of a demo belong to clubs and play: at a hall, and over two cities."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.clubs.errors import TierTooLow
from loyalty.contests import operations as contests
from loyalty.contests.moving import lock_group
from loyalty.contests.operations import Result
from loyalty.contests.queries import matches
from loyalty.contests.rules import ContestFacts, GroupFacts
from loyalty.database import Database
from loyalty.demo.codes import confirm
from loyalty.demo.shopping import VENUE
from loyalty.keyring import Keyring
from loyalty.orders.belonging import join_club
from loyalty.settings import TIME_ZONE
from loyalty.venues import operations as venues
from loyalty.venues.queries import offer
from loyalty.venues.rules import SessionFacts

_EVENING = time(19)
_PLAYERS = 40  # in the tournament, if there are so many members
_FULL, _ROOMY = 4, 16  # places
_CITIES = ("广州", "深圳")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it all."""

    memberships: int
    places: int
    waiting: int
    players: int


def let_play(
    database: Database, keyring: Keyring, *, guests: list[int], actor: str, at: datetime
) -> Played:
    """Fill clubs, hold sessions, full ones too, and a tournament that is under way.

    The guests, as whom a visitor can sign in, are among those who play.
    """
    with database.unit_of_work() as session:
        people = _people(session, guests)
        _join(session, guests, at=at)
        _last_week(session, people[:6], keyring, actor=actor, at=at)
        places, waiting = _this_week(session, people[::-1], keyring, actor=actor, at=at)
        players = _tournament(session, people, actor=actor, at=at)
        memberships = session.scalar(
            text("SELECT count(*) FROM club_membership WHERE state = 'active'")
        )
    return Played(
        memberships=memberships or 0, places=places, waiting=waiting, players=players
    )


def _join(session: Session, guests: list[int], *, at: datetime) -> None:
    """Let who has a tier, and not lost it, belong to the clubs it opens."""
    rows = session.scalars(
        text(
            """
            SELECT DISTINCT member_id FROM tier_grant JOIN member m USING (member_id)
             WHERE m.left_on IS NULL
             ORDER BY member_id
            """
        )
    )
    for member_id in [*guests, *(one for one in rows if one not in guests)]:
        for club in ("TT", "BIZ"):
            with suppress(TierTooLow):
                join_club(
                    session,
                    member_id=member_id,
                    club=club,
                    way="tier",
                    reference=f"demo {club}",
                    actor="web",
                    at=at - timedelta(days=10),
                )


def _last_week(
    session: Session, people: list[int], keyring: Keyring, *, actor: str, at: datetime
) -> None:
    """Hold a session that is over: all but one have come."""
    before = at - timedelta(days=8)
    session_id = _hold(session, at - timedelta(days=1), _ROOMY, actor=actor, at=before)
    for nth, member_id in enumerate(people):
        moment = before + timedelta(minutes=nth)
        _book(session, member_id, session_id, keyring, at=moment)
    held_at = _evening(at - timedelta(days=1)) + timedelta(minutes=5)
    for member_id in people[1:]:
        if _has_place(session, member_id, session_id):
            venues.attend(
                session,
                member_id=member_id,
                session_id=session_id,
                actor=actor,
                at=held_at,
            )
    venues.finish(session, actor=actor, at=at)


def _this_week(
    session: Session, people: list[int], keyring: Keyring, *, actor: str, at: datetime
) -> tuple[int, int]:
    """Offer sessions to come: a full one with people waiting, and ones with room."""
    before = at - timedelta(days=2)
    full = _hold(session, at + timedelta(days=3), _FULL, actor=actor, at=before)
    _hold(session, at + timedelta(days=5), _ROOMY, actor=actor, at=before)
    _hold(session, at + timedelta(days=6), _ROOMY, actor=actor, at=before, club="TT")
    for nth, member_id in enumerate(people[: _FULL + 3]):
        moment = before + timedelta(hours=nth)
        _book(session, member_id, full, keyring, at=moment)
    row = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE state = 'booked') AS places,"
            " count(*) FILTER (WHERE state = 'waiting') AS waiting FROM session_place"
        )
    ).one()
    return int(row.places), int(row.waiting)


def _tournament(
    session: Session, people: list[int], *, actor: str, at: datetime
) -> int:
    """Announce a tournament, enter it, draw both heats, and play one of them."""
    today, before = at.date(), at - timedelta(days=20)
    heats = [
        GroupFacts(city, today + timedelta(days=nth), places=32, advance=4, venue=VENUE)
        for nth, city in enumerate(_CITIES)
    ]
    contest_id = contests.plan(
        session,
        facts=ContestFacts(
            title_zh="全省乒乓球公开赛",
            title_en="Provincial table-tennis open",
            club=None,
            subsidy_fen=2_000,
            entries_until=today - timedelta(days=5),
            heats=heats,
            final=GroupFacts(_CITIES[0], today + timedelta(days=40), places=8),
        ),
        actor=actor,
        at=before,
    ).contest_id
    players = people[:_PLAYERS]
    for nth, member_id in enumerate(players):
        contests.enter(
            session,
            member_id=member_id,
            contest_id=contest_id,
            city=_CITIES[nth % len(_CITIES)],
            is_in_club=False,
            at=before + timedelta(hours=nth),
        )
    for city in _CITIES:
        group: dict[str, Any] = {
            "contest_id": contest_id,
            "stage": "heat",
            "city": city,
        }
        seed = sha256(f"demo draw {city}".encode()).hexdigest()[:32]
        contests.draw(session, **group, seed=seed, actor=actor, at=at)
    _play_out(session, contest_id, players, actor=actor, at=at)
    return len(players)


def _play_out(
    session: Session, contest_id: int, players: list[int], *, actor: str, at: datetime
) -> None:
    """Play the first heat to its end."""
    group: dict[str, Any] = {
        "contest_id": contest_id,
        "stage": "heat",
        "city": _CITIES[0],
    }
    if lock_group(session, **group).state == "playing":
        contests.check_in(session, **group, members=players, at=at)
    while lock_group(session, **group).state == "playing":
        lines = matches(session, **group)
        newest = [line for line in lines if line.round == lines[0].round]
        contests.record(
            session,
            **group,
            round_=newest[0].round,
            results=[
                Result(line.nth, line.players[line.nth % 2], "3:1")
                for line in newest
                if line.state == "open"
            ],
            actor=actor,
            at=at,
        )


def _hold(
    session: Session,
    day: datetime,
    capacity: int,
    *,
    actor: str,
    at: datetime,
    club: str | None = None,
) -> int:
    facts = SessionFacts(
        venue=VENUE,
        club=club,
        item_code="TT1",
        starts_at=_evening(day),
        minutes=90,
        capacity=capacity,
    )
    return venues.hold_session(session, facts=facts, actor=actor, at=at).session_id


def _book(
    session: Session, member_id: int, session_id: int, keyring: Keyring, *, at: datetime
) -> None:
    """Book a place for a member who can have one."""
    shown = offer(
        session, member_id=member_id, session_id=session_id, is_in_club=False, at=at
    )
    if shown.missing or shown.why_not is not None:
        return
    if shown.points:
        confirm(session, member_id=member_id, bound=shown.bound, keyring=keyring, at=at)
    venues.book(
        session,
        member_id=member_id,
        session_id=session_id,
        is_in_club=False,
        expected_points=shown.points,
        at=at,
    )


def _has_place(session: Session, member_id: int, session_id: int) -> bool:
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM session_place WHERE member_id = :member"
                " AND session_id = :session AND state = 'booked')"
            ),
            {"member": member_id, "session": session_id},
        )
    )


def _people(session: Session, guests: list[int]) -> list[int]:
    """Return members who can play, the guests first."""
    rows = session.scalars(
        text(
            """
            SELECT m.member_id
              FROM member m JOIN ledger.book b USING (member_id)
              JOIN ledger.balance l USING (member_id)
             WHERE m.left_on IS NULL AND NOT m.deceased AND b.gate = 'open'
             GROUP BY m.member_id
            HAVING sum(l.available) >= 600 OR m.member_id = ANY(:guests)
             ORDER BY m.member_id <> ALL(:guests), m.member_id LIMIT :most
            """
        ),
        {"guests": guests, "most": _PLAYERS},
    )
    return list(rows)


def _evening(day: datetime) -> datetime:
    return datetime.combine(day.astimezone(TIME_ZONE).date(), _EVENING, TIME_ZONE)

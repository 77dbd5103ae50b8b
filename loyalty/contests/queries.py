"""Read tournaments: who may enter where, who plays whom, who came where."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.contests.errors import UnknownContest
from loyalty.contests.models import ContestEntry
from loyalty.contests.moving import DRAWN_ORDER
from loyalty.contests.rules import FINAL, HEAT


@dataclass(frozen=True, slots=True)
class GroupView:
    """A heat, or the final."""

    contest_id: int
    stage: str
    city: str
    venue: str | None
    venue_name: str | None
    held_on: date
    places: int
    advance: int
    taken: int
    waiting: int
    state: str
    seed: str | None
    drawn_at: datetime | None
    drawn_by: str | None

    @property
    def left(self) -> int:
        """How many places are free."""
        return self.places - self.taken


@dataclass(frozen=True, slots=True)
class ContestView:
    """A tournament as it stands now."""

    contest_id: int
    title_zh: str
    title_en: str
    club: str | None
    takes_guests: bool
    subsidy_fen: int
    entries_until: date
    groups: Sequence[GroupView] = ()

    @property
    def heats(self) -> list[GroupView]:
        """The heats, the soonest first."""
        return [group for group in self.groups if group.stage == HEAT]

    @property
    def final(self) -> GroupView:
        """The final."""
        return next(group for group in self.groups if group.stage == FINAL)

    @property
    def is_over(self) -> bool:
        """Whether somebody has won it."""
        return self.final.state == "over"

    def takes_entries(self, on: date) -> bool:
        """Whether a member may still enter."""
        return on <= self.entries_until


@dataclass(frozen=True, slots=True)
class PlayerLine:
    """Somebody in the draw of a group."""

    member_id: int
    member_ref: str
    name: str
    slot: int
    checked_in_at: datetime | None
    place: int | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class MatchLine:
    """Two who play each other; a slot is None where nobody came so far."""

    round: int
    nth: int
    one: int | None  # the member; and so on
    one_slot: int | None
    one_name: str | None
    other: int | None
    other_slot: int | None
    other_name: str | None
    state: str
    winner: int | None
    score: str | None

    @property
    def players(self) -> list[int]:
        """Who plays in it, as far as they have come."""
        return [one for one in (self.one, self.other) if one is not None]


@dataclass(frozen=True, slots=True)
class MyMatch:
    """A match of a member."""

    stage: str
    city: str
    round: int
    opponent: str | None  # None: a bye
    state: str
    won: bool | None  # None: not decided
    score: str | None


_CONTESTS = """
SELECT contest_id, title_zh, title_en, club, takes_guests, subsidy_fen, entries_until
  FROM contest
"""

_GROUPS = text(
    """
    SELECT g.contest_id, g.stage, g.city, g.venue, v.name AS venue_name, g.held_on,
           g.places, g.advance, g.taken,
           (SELECT count(*) FROM contest_entry e
             WHERE e.contest_id = g.contest_id AND e.city = g.city
               AND g.stage = 'heat' AND e.state = 'waiting') AS waiting,
           g.state, g.seed, g.drawn_at, g.drawn_by
      FROM contest_group g LEFT JOIN partner v ON v.partner = g.venue
     WHERE g.contest_id = ANY(:contests)
     ORDER BY g.contest_id, g.stage DESC, g.held_on, g.city
    """
)


def contests(session: Session, *, limit: int = 100) -> list[ContestView]:
    """Return tournaments, the latest first."""
    return _views(session, f"{_CONTESTS} ORDER BY contest_id DESC LIMIT {limit:d}")


def contest(session: Session, *, contest_id: int) -> ContestView:
    """Return a tournament. Raises `UnknownContest`."""
    found = _views(
        session, f"{_CONTESTS} WHERE contest_id = :contest", contest=contest_id
    )
    if not found:
        raise UnknownContest(contest_id=contest_id)
    return found[0]


def group_of(view: ContestView, *, stage: str, city: str) -> GroupView:
    """Return a group of a tournament. Raises `UnknownContest`."""
    for group in view.groups:
        if (group.stage, group.city) == (stage, city):
            return group
    raise UnknownContest(contest_id=view.contest_id)


def entries_of(session: Session, *, member_id: int) -> dict[int, ContestEntry]:
    """Return the entries of a member, by tournament; those withdrawn as well."""
    rows = session.scalars(
        text("SELECT contest_id FROM contest_entry WHERE member_id = :member"),
        {"member": member_id},
    )
    return {
        contest_id: session.get_one(
            ContestEntry, (member_id, contest_id), populate_existing=True
        )
        for contest_id in rows
    }


def entrants(session: Session, *, contest_id: int, city: str) -> list[PlayerLine]:
    """Return who has entered in a city and who waits, in order of arrival."""
    rows = session.execute(
        text(
            """
            SELECT e.member_id, m.member_ref, coalesce(p.name, ''), e.arrival,
                   NULL, NULL, e.state = 'waiting'
              FROM contest_entry e JOIN member m USING (member_id)
              LEFT JOIN person p USING (member_id)
             WHERE e.contest_id = :contest AND e.city = :city
               AND e.state IN ('entered', 'waiting')
             ORDER BY e.state, e.arrival
            """
        ),
        {"contest": contest_id, "city": city},
    )
    return [PlayerLine(*row) for row in rows]


def players(
    session: Session, *, contest_id: int, stage: str, city: str
) -> list[PlayerLine]:
    """Return who plays in a group: by place once it is over, until then as drawn."""
    rows = session.execute(
        text(
            """
            SELECT p.member_id, m.member_ref, coalesce(q.name, ''), p.slot,
                   p.checked_in_at, p.place, e.state = 'withdrawn'
              FROM contest_player p JOIN member m USING (member_id)
              JOIN contest_entry e USING (member_id, contest_id)
              LEFT JOIN person q USING (member_id)
             WHERE p.contest_id = :contest AND p.stage = :stage AND p.city = :city
             ORDER BY p.place NULLS LAST, p.slot
            """
        ),
        {"contest": contest_id, "stage": stage, "city": city},
    )
    return [PlayerLine(*row) for row in rows]


def matches(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    round_: int | None = None,
) -> list[MatchLine]:
    """Return the matches of a group, or of one round, the latest round first."""
    rows = session.execute(
        text(
            """
            SELECT g.round, g.nth, g.one, a.slot, x.name, g.other, b.slot, y.name,
                   g.state, g.winner, g.score
              FROM contest_match g
              LEFT JOIN contest_player a ON a.contest_id = g.contest_id
                                        AND a.stage = g.stage AND a.member_id = g.one
              LEFT JOIN person x ON x.member_id = g.one
              LEFT JOIN contest_player b ON b.contest_id = g.contest_id
                                        AND b.stage = g.stage AND b.member_id = g.other
              LEFT JOIN person y ON y.member_id = g.other
             WHERE g.contest_id = :contest AND g.stage = :stage AND g.city = :city
               AND (CAST(:round AS int) IS NULL OR g.round = :round)
             ORDER BY g.round DESC, g.nth
            """
        ),
        {"contest": contest_id, "stage": stage, "city": city, "round": round_},
    )
    return [MatchLine(*row) for row in rows]


def matches_of(session: Session, *, member_id: int, contest_id: int) -> list[MyMatch]:
    """Return the matches of a member in a tournament, the first ones first."""
    rows = session.execute(
        text(
            """
            SELECT g.stage, g.city, g.round, o.name, g.state,
                   CASE WHEN g.state <> 'open'
                        THEN g.winner IS NOT DISTINCT FROM :member END, g.score
              FROM contest_match g
              LEFT JOIN person o ON o.member_id
                   = CASE g.one WHEN :member THEN g.other ELSE g.one END
             WHERE g.contest_id = :contest AND :member IN (g.one, g.other)
             ORDER BY g.stage DESC, g.round
            """
        ),
        {"member": member_id, "contest": contest_id},
    )
    return [MyMatch(*row) for row in rows]


def draw_differs(
    session: Session, *, contest_id: int, stage: str, city: str
) -> list[int]:
    """Make a draw again from its seed; return who would be drawn elsewhere: nobody."""
    return list(
        session.scalars(
            text(
                f"""
                SELECT member_id
                  FROM (SELECT p.member_id, p.slot, {DRAWN_ORDER} AS drawn
                          FROM contest_player p JOIN member m USING (member_id)
                         WHERE p.contest_id = :contest AND p.stage = :stage
                           AND p.city = :city) d
                 WHERE slot <> drawn ORDER BY slot
                """.replace(
                    ":seed",
                    "(SELECT g.seed FROM contest_group g WHERE g.contest_id = :contest"
                    " AND g.stage = :stage AND g.city = :city)",
                )
            ),
            {"contest": contest_id, "stage": stage, "city": city},
        )
    )


def _views(session: Session, statement: str, **facts: Any) -> list[ContestView]:
    found = [ContestView(*row) for row in session.execute(text(statement), facts)]
    groups = [
        GroupView(*row)
        for row in session.execute(
            _GROUPS, {"contests": [one.contest_id for one in found]}
        )
    ]
    return [
        replace(one, groups=[g for g in groups if g.contest_id == one.contest_id])
        for one in found
    ]

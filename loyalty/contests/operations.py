"""Plan tournaments, enter them, draw, note who came and who won."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.contests.errors import (
    AlreadyDrawn,
    BadContest,
    BadResult,
    DrawTooEarly,
    EnteredElsewhere,
    EntriesClosed,
    NotEntered,
    NotForOutsiders,
    NotPlaying,
    UnknownContest,
)
from loyalty.contests.models import (
    Contest,
    ContestEntry,
    ContestGroup,
)
from loyalty.contests.moving import Playing, go_on, lock_group, seat
from loyalty.contests.rules import (
    FINAL,
    HEAT,
    ContestFacts,
    GroupFacts,
    contest_faults,
)
from loyalty.costs.operations import incur
from loyalty.points.operations import first_open_day
from loyalty.settings import TIME_ZONE

# Freed places go to whoever has waited longest; nobody waits once it is drawn.
_MOVE_UP = text(
    """
    WITH room AS (
        SELECT contest_id, city, places - taken AS free FROM contest_group
         WHERE contest_id = :contest AND stage = 'heat' AND city = :city
           AND state = 'gathering'
    ), moved AS (
        UPDATE contest_entry e SET state = 'entered', state_at = :at
          FROM (SELECT w.member_id, w.contest_id,
                       row_number() OVER (ORDER BY w.arrival) AS ahead, r.free
                  FROM contest_entry w JOIN room r USING (contest_id, city)
                 WHERE w.state = 'waiting') n
         WHERE e.member_id = n.member_id AND e.contest_id = n.contest_id
           AND n.ahead <= n.free
        RETURNING e.member_id
    )
    UPDATE contest_group SET taken = taken + (SELECT count(*) FROM moved)
     WHERE contest_id = :contest AND stage = 'heat' AND city = :city
    """
)

# Of each heat the best go on who still take part.
_QUALIFIED = text(
    """
    SELECT member_id
      FROM (SELECT p.member_id, g.advance,
                   row_number() OVER (PARTITION BY p.city ORDER BY p.place) AS nth
              FROM contest_player p
              JOIN contest_group g USING (contest_id, stage, city)
              JOIN contest_entry e USING (member_id, contest_id)
             WHERE p.contest_id = :contest AND p.stage = 'heat'
               AND e.state = 'entered') q
     WHERE nth <= advance
    """
)

_DECIDE = text(
    """
    UPDATE contest_match g
       SET state = 'played', winner = r.winner, score = r.score, decided_at = :at,
           decided_by = :actor
      FROM unnest(CAST(:nths AS int[]), CAST(:winners AS bigint[]),
                  CAST(:scores AS text[])) AS r(nth, winner, score)
     WHERE g.contest_id = :contest AND g.stage = :stage AND g.city = :city
       AND g.round = :round AND g.nth = r.nth AND g.state = 'open'
       AND r.winner IN (g.one, g.other)
    RETURNING g.nth
    """
)

_WALK_OVER = """
UPDATE contest_match g
   SET state = CASE WHEN one.checked_in_at IS NULL AND other.checked_in_at IS NULL
                    THEN 'void' ELSE 'walkover' END,
       winner = CASE WHEN one.checked_in_at IS NOT NULL THEN g.one
                     WHEN other.checked_in_at IS NOT NULL THEN g.other END,
       decided_at = :at, decided_by = :actor
  FROM contest_player one, contest_player other
 WHERE g.contest_id = :contest AND g.stage = :stage AND g.city = :city
   AND g.state = 'open'
   AND one.contest_id = g.contest_id AND one.stage = g.stage AND one.member_id = g.one
   AND other.contest_id = g.contest_id AND other.stage = g.stage
   AND other.member_id = g.other
   AND (one.checked_in_at IS NULL OR other.checked_in_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """Who won a match of a round."""

    nth: int
    winner: int
    score: str | None = None  # None: none was told


def plan(session: Session, *, facts: ContestFacts, actor: str, at: datetime) -> Contest:
    """Announce a tournament, with its heats and its final. Raises `BadContest`."""
    faults = contest_faults(facts, on=at.astimezone(TIME_ZONE).date())
    if faults:
        raise BadContest(faults=faults)
    contest = Contest(
        title_zh=facts.title_zh,
        title_en=facts.title_en,
        club=facts.club,
        takes_guests=facts.takes_guests,
        subsidy_fen=facts.subsidy_fen,
        entries_until=facts.entries_until,
        created_at=at,
        created_by=actor,
    )
    session.add(contest)
    session.flush()
    session.add_all(
        _group(contest, stage, told)
        for stage, told in ((FINAL, facts.final), *((HEAT, h) for h in facts.heats))
    )
    session.flush()
    return contest


def enter(
    session: Session,
    *,
    member_id: int,
    contest_id: int,
    city: str,
    is_in_club: bool,
    at: datetime,
) -> ContestEntry:
    """Enter a member in a city, or let them wait for a place; once is enough.

    Raises `UnknownContest`, `EntriesClosed`, `NotForOutsiders` and
    `EnteredElsewhere`.
    """
    contest = session.get(Contest, contest_id)
    if contest is None:
        raise UnknownContest(contest_id=contest_id)
    group = lock_group(session, contest_id=contest_id, stage=HEAT, city=city)
    with session.begin_nested():
        _claim(session, member_id=member_id, contest_id=contest_id, city=city, at=at)
        entry = session.get_one(
            ContestEntry,
            (member_id, contest_id),
            with_for_update=True,
            populate_existing=True,
        )
        if entry.state in ("entered", "waiting"):
            if entry.city != city:
                raise EnteredElsewhere(city=entry.city)
            return entry
        if _is_late(contest, at) or group.state != "gathering":
            raise EntriesClosed(until=contest.entries_until)
        is_welcome = contest.club is None or is_in_club or contest.takes_guests
        if not (is_welcome and _takes_part(session, member_id)):
            raise NotForOutsiders
        take_place(session, group, entry, at=at)
    return entry


def withdraw(
    session: Session, *, member_id: int, contest_id: int, actor: str, at: datetime
) -> ContestEntry:
    """Let a member take part no longer: others move up, or win without playing.

    Raises `NotEntered`.
    """
    groups = lock_groups_of(session, members=[member_id], contest_id=contest_id)
    entry = session.get(ContestEntry, (member_id, contest_id), populate_existing=True)
    if entry is None or entry.state not in ("entered", "waiting"):
        raise NotEntered(contest_id=contest_id)
    was, entry.state, entry.state_at = entry.state, "withdrawn", at
    session.flush()
    for group in groups:
        is_own = group.stage == HEAT and group.city == entry.city
        if is_own and group.state == "gathering" and was == "entered":
            group.taken -= 1
            session.flush()
    close_ranks(session, groups, actor=actor, at=at)
    return entry


def draw(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    seed: str,
    actor: str,
    at: datetime,
) -> ContestGroup:
    """Draw a group by a seed, which is kept; it is drawn once and for all.

    A heat is drawn among all who have entered, after the last day of entries; the
    final among those who went on, once all heats are over. Raises `UnknownContest`,
    `AlreadyDrawn` and `DrawTooEarly`.
    """
    assert seed
    contest = session.get(Contest, contest_id)
    if contest is None:
        raise UnknownContest(contest_id=contest_id)
    group = lock_group(session, contest_id=contest_id, stage=stage, city=city)
    if group.state != "gathering":
        raise AlreadyDrawn
    members = (
        _entrants(session, contest, group, at)
        if stage == HEAT
        else _finalists(session, group)
    )
    seat(Playing(session, group, at, actor), members, seed=seed)
    session.refresh(group)
    return group


def check_in(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    members: Collection[int],
    at: datetime,
) -> int:
    """Note who has come to play; return how many are new.

    What it costs the club to have them play is written down here, once for each
    (domain.md A17). Raises `UnknownContest` and `NotPlaying`.
    """
    group = lock_group(session, contest_id=contest_id, stage=stage, city=city)
    if group.state != "playing":
        raise NotPlaying
    contest = session.get_one(Contest, contest_id)
    seen = session.scalars(
        text(
            """
            UPDATE contest_player SET checked_in_at = :at
             WHERE contest_id = :contest AND stage = :stage AND city = :city
               AND member_id = ANY(:members) AND checked_in_at IS NULL
            RETURNING member_id
            """
        ),
        {
            "contest": contest_id,
            "stage": stage,
            "city": city,
            "members": list(members),
            "at": at,
        },
    ).all()
    on = at.astimezone(TIME_ZONE).date()
    effective_on = max(on, first_open_day(session) or on)
    for member_id in seen:
        incur(
            session,
            club=contest.club,
            venue=group.venue,
            member_id=member_id,
            on=on,
            effective_on=effective_on,
            fen=contest.subsidy_fen,
            kind="contest",
            reference=f"contest:{contest_id}:{stage}-{member_id}",
        )
    return len(seen)


def walk_over(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    actor: str,
    at: datetime,
) -> int:
    """Let those win who came, against those who did not; return how many matches.

    Raises `UnknownContest` and `NotPlaying`.
    """
    playing = _playing(
        session, contest_id=contest_id, stage=stage, city=city, actor=actor, at=at
    )
    decided = playing.run(_WALK_OVER)
    go_on(playing)
    return decided


def record(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    round_: int,
    results: Sequence[Result],
    actor: str,
    at: datetime,
) -> ContestGroup:
    """Note who won in a round, all or nothing; when it is over the next one begins.

    Raises `UnknownContest`, `NotPlaying` and `BadResult`.
    """
    playing = _playing(
        session, contest_id=contest_id, stage=stage, city=city, actor=actor, at=at
    )
    decided = set(
        session.scalars(
            _DECIDE,
            playing.facts
            | {
                "round": round_,
                "nths": [result.nth for result in results],
                "winners": [result.winner for result in results],
                "scores": [result.score for result in results],
            },
        )
    )
    wrong = sorted({result.nth for result in results} - decided)
    if wrong or len(decided) < len(results):
        raise BadResult(matches=wrong or sorted(decided))
    go_on(playing)
    session.refresh(playing.group)
    return playing.group


def lock_groups_of(
    session: Session, *, members: Collection[int], contest_id: int | None = None
) -> list[ContestGroup]:
    """Keep others from changing the groups that members are in; return them.

    Those are the heats of their cities, and any they were drawn into.
    """
    keys = session.execute(
        text(
            """
            SELECT g.contest_id, g.stage, g.city FROM contest_group g
             WHERE g.state <> 'over'
               AND (CAST(:contest AS bigint) IS NULL OR g.contest_id = :contest)
               AND (EXISTS (SELECT FROM contest_entry e
                             WHERE e.member_id = ANY(:members)
                               AND e.contest_id = g.contest_id
                               AND g.stage = 'heat' AND e.city = g.city)
                    OR EXISTS (SELECT FROM contest_player p
                                WHERE p.member_id = ANY(:members)
                                  AND p.contest_id = g.contest_id
                                  AND p.stage = g.stage AND p.city = g.city))
             ORDER BY g.contest_id, g.stage, g.city
            """
        ),
        {"members": list(members), "contest": contest_id},
    ).all()
    return [
        lock_group(session, contest_id=key.contest_id, stage=key.stage, city=key.city)
        for key in keys
    ]


def close_ranks(
    session: Session, groups: Sequence[ContestGroup], *, actor: str, at: datetime
) -> None:
    """Let others have the places, and the matches, of those who have withdrawn."""
    for group in groups:
        if group.state == "playing":
            go_on(Playing(session, group, at, actor))
        elif group.state == "gathering" and group.stage == HEAT:
            session.execute(
                _MOVE_UP, {"contest": group.contest_id, "city": group.city, "at": at}
            )


def take_place(
    session: Session, group: ContestGroup, entry: ContestEntry, *, at: datetime
) -> None:
    """Give an entry its state in a locked group: entered while there is room."""
    group.arrivals += 1
    entry.city, entry.arrival = group.city, group.arrivals
    entry.state, entry.state_at, entry.ended_by = "waiting", at, None
    if group.taken < group.places:
        group.taken += 1
        entry.state = "entered"
    session.flush()


def _group(contest: Contest, stage: str, told: GroupFacts) -> ContestGroup:
    return ContestGroup(
        contest_id=contest.contest_id,
        stage=stage,
        city=told.city,
        venue=told.venue,
        held_on=told.held_on,
        places=told.places,
        advance=told.advance,
        taken=0,
        arrivals=0,
        state="gathering",
    )


def _claim(
    session: Session, *, member_id: int, contest_id: int, city: str, at: datetime
) -> None:
    """Make sure that there is one row of a member, whoever asks at the same time."""
    session.execute(
        text(
            """
            INSERT INTO contest_entry
                   (member_id, contest_id, city, state, state_at, arrival)
            VALUES (:member, :contest, :city, 'withdrawn', :at, 0)
            ON CONFLICT DO NOTHING
            """
        ),
        {"member": member_id, "contest": contest_id, "city": city, "at": at},
    )


def _is_late(contest: Contest, at: datetime) -> bool:
    return at.astimezone(TIME_ZONE).date() > contest.entries_until


def _takes_part(session: Session, member_id: int) -> bool:
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM member WHERE member_id = :member"
                " AND left_on IS NULL AND NOT deceased)"
            ),
            {"member": member_id},
        )
    )


def _entrants(
    session: Session, contest: Contest, group: ContestGroup, at: datetime
) -> list[int]:
    """Return who plays in a heat; who waited for a place is told that there is none."""
    if not _is_late(contest, at):
        raise DrawTooEarly
    mine = {"contest": contest.contest_id, "city": group.city, "at": at}
    session.execute(
        text(
            "UPDATE contest_entry SET state = 'not_reached', state_at = :at"
            " WHERE contest_id = :contest AND city = :city AND state = 'waiting'"
        ),
        mine,
    )
    return list(
        session.scalars(
            text(
                "SELECT member_id FROM contest_entry WHERE contest_id = :contest"
                " AND city = :city AND state = 'entered'"
            ),
            mine,
        )
    )


def _finalists(session: Session, group: ContestGroup) -> list[int]:
    """Return who plays in the final."""
    facts = {"contest": group.contest_id}
    is_open = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM contest_group WHERE contest_id = :contest"
            " AND stage = 'heat' AND state <> 'over')"
        ),
        facts,
    )
    if is_open:
        raise DrawTooEarly
    members = list(session.scalars(_QUALIFIED, facts))
    group.taken = len(members)
    session.flush()
    return members


def _playing(
    session: Session,
    *,
    contest_id: int,
    stage: str,
    city: str,
    actor: str,
    at: datetime,
) -> Playing:
    group = lock_group(session, contest_id=contest_id, stage=stage, city=city)
    if group.state != "playing":
        raise NotPlaying
    return Playing(session, group, at, actor)

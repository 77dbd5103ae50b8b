"""How a group goes on: its draw, its rounds, and who ends in which place.

Everything is done by the database over the whole group at once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.contests.errors import UnknownContest
from loyalty.contests.models import ContestGroup
from loyalty.contests.rules import first_matches

_MINE = "contest_id = :contest AND stage = :stage AND city = :city"

# What a seed makes of the names, anybody can compute: SHA-256 of "seed:member_ref".
DRAWN_ORDER = """row_number() OVER (ORDER BY
    sha256(convert_to(:seed || ':' || m.member_ref, 'UTF8')), m.member_ref)"""

_SEAT = f"""
INSERT INTO contest_player (member_id, contest_id, stage, city, slot)
SELECT m.member_id, :contest, :stage, :city, {DRAWN_ORDER}
  FROM member m WHERE m.member_id = ANY(:members)
"""

# Of h matches n - h have two players, spread evenly; who is alone has a bye.
_FIRST_ROUND = """
WITH m AS (
    SELECT k, k + (k - 1) * two / matches AS first,
           k * two / matches > (k - 1) * two / matches AS has_two
      FROM (SELECT CAST(:matches AS int) AS matches,
                   CAST(:players AS int) - CAST(:matches AS int) AS two) n
     CROSS JOIN generate_series(1, n.matches) k
)
INSERT INTO contest_match (contest_id, stage, city, round, nth, one, other, state,
                           winner, decided_at, decided_by)
SELECT :contest, :stage, :city, 1, m.k, a.member_id, b.member_id,
       CASE WHEN m.has_two THEN 'open' ELSE 'bye' END,
       CASE WHEN NOT m.has_two THEN a.member_id END,
       CASE WHEN NOT m.has_two THEN CAST(:at AS timestamptz) END,
       CASE WHEN NOT m.has_two THEN :actor END
  FROM m
  JOIN contest_player a ON a.contest_id = :contest AND a.stage = :stage
                       AND a.city = :city AND a.slot = m.first
  LEFT JOIN contest_player b ON m.has_two AND b.contest_id = :contest
                            AND b.stage = :stage AND b.city = :city
                            AND b.slot = m.first + 1
"""

# Whoever has withdrawn loses; where both have, nobody wins.
_FORFEIT = """
WITH gone AS MATERIALIZED (
    SELECT member_id FROM contest_entry
     WHERE contest_id = :contest AND state <> 'entered'
)
UPDATE contest_match
   SET state = CASE WHEN one IN (SELECT member_id FROM gone)
                     AND other IN (SELECT member_id FROM gone)
                    THEN 'void' ELSE 'walkover' END,
       winner = CASE WHEN one NOT IN (SELECT member_id FROM gone) THEN one
                     WHEN other NOT IN (SELECT member_id FROM gone) THEN other END,
       decided_at = :at, decided_by = :actor
 WHERE contest_id = :contest AND stage = :stage AND city = :city AND state = 'open'
   AND (one IN (SELECT member_id FROM gone) OR other IN (SELECT member_id FROM gone))
"""

_NEXT_ROUND = f"""
WITH pair AS (
    SELECT (nth + 1) / 2 AS nth, min(winner) FILTER (WHERE nth % 2 = 1) AS one,
           min(winner) FILTER (WHERE nth % 2 = 0) AS other
      FROM contest_match WHERE {_MINE} AND round = :round
     GROUP BY (nth + 1) / 2
)
INSERT INTO contest_match (contest_id, stage, city, round, nth, one, other, state,
                           winner, decided_at, decided_by)
SELECT :contest, :stage, :city, :round + 1, nth, one, other,
       CASE num_nonnulls(one, other) WHEN 2 THEN 'open' WHEN 1 THEN 'bye'
                                     ELSE 'void' END,
       CASE WHEN num_nonnulls(one, other) = 1 THEN coalesce(one, other) END,
       CASE WHEN num_nonnulls(one, other) < 2 THEN CAST(:at AS timestamptz) END,
       CASE WHEN num_nonnulls(one, other) < 2 THEN :actor END
  FROM pair
"""

_STANDING = text(
    f"""
    SELECT round, count(*) AS matches,
           count(*) FILTER (WHERE state = 'open') AS open
      FROM contest_match WHERE {_MINE} GROUP BY round ORDER BY round DESC LIMIT 1
    """
)

_WINS = """
UPDATE contest_player p SET place = 1
  FROM contest_match g
 WHERE g.contest_id = :contest AND g.stage = :stage AND g.city = :city
   AND g.round = :round AND g.winner = p.member_id AND p.stage = g.stage
   AND p.contest_id = g.contest_id
"""

# Who lost in a later round is before who lost in an earlier one; of the same round,
# who lost to the better one.
_LOSE = """
WITH placed AS (
    SELECT count(place) AS many FROM contest_player
     WHERE contest_id = :contest AND stage = :stage AND city = :city
), lost AS (
    SELECT p.member_id,
           row_number() OVER (ORDER BY w.place NULLS LAST, p.slot) AS nth
      FROM contest_match g
     CROSS JOIN LATERAL (VALUES (g.one), (g.other)) v(member_id)
      JOIN contest_player p ON p.member_id = v.member_id
                           AND p.contest_id = g.contest_id AND p.stage = g.stage
                           AND p.member_id IS DISTINCT FROM g.winner
      LEFT JOIN contest_player w ON w.contest_id = g.contest_id
                                AND w.stage = g.stage AND w.member_id = g.winner
     WHERE g.contest_id = :contest AND g.stage = :stage AND g.city = :city
       AND g.round = :round
)
UPDATE contest_player p SET place = placed.many + lost.nth
  FROM lost, placed
 WHERE p.contest_id = :contest AND p.stage = :stage AND p.member_id = lost.member_id
"""


@dataclass(frozen=True, slots=True)
class Playing:
    """A group that is locked, and who does something to it when."""

    session: Session
    group: ContestGroup
    at: datetime
    actor: str

    @property
    def facts(self) -> dict[str, Any]:
        """What the statements above are told."""
        return {
            "contest": self.group.contest_id,
            "stage": self.group.stage,
            "city": self.group.city,
            "at": self.at,
            "actor": self.actor,
        }

    def run(self, statement: str, **facts: Any) -> int:
        """Do something to the group; return to how many rows."""
        done = self.session.execute(text(statement), self.facts | facts)
        return int(done.rowcount)  # type: ignore[attr-defined]  # of what was changed


def lock_group(
    session: Session, *, contest_id: int, stage: str, city: str
) -> ContestGroup:
    """Keep others from changing a group; return it. Raises `UnknownContest`."""
    found = session.get(
        ContestGroup,
        (contest_id, stage, city),
        with_for_update=True,
        populate_existing=True,
    )
    if found is None:
        raise UnknownContest(contest_id=contest_id)
    return found


def seat(playing: Playing, members: list[int], *, seed: str) -> None:
    """Draw a group by a seed and begin its first round."""
    group = playing.group
    group.seed, group.state = seed, "playing"
    group.drawn_at, group.drawn_by = playing.at, playing.actor
    playing.session.flush()
    playing.run(_SEAT, members=members, seed=seed)
    if len(members) > 1:
        matches = first_matches(len(members))
        playing.run(_FIRST_ROUND, players=len(members), matches=matches)
    go_on(playing)


def go_on(playing: Playing) -> None:
    """Let a group go on as far as nobody has to play: the next round, or its end."""
    while True:
        playing.run(_FORFEIT)
        newest = playing.session.execute(_STANDING, playing.facts).one_or_none()
        if newest is not None and newest.open:
            return
        if newest is None or newest.matches == 1:
            _end(playing, newest.round if newest else 0)
            return
        playing.run(_NEXT_ROUND, round=newest.round)


def _end(playing: Playing, last_round: int) -> None:
    """Place everybody of a group, each once."""
    playing.group.state = "over"
    playing.session.flush()
    if last_round == 0:  # nobody came, or one alone
        playing.run(f"UPDATE contest_player SET place = slot WHERE {_MINE}")
        return
    playing.run(_WINS, round=last_round)
    for number in range(last_round, 0, -1):
        playing.run(_LOSE, round=number)

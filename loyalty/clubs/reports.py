"""What clubs are worth: whom they reach, who stays, and what they cost.

Everything is told as of a day or over days, both included, whenever it is asked.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.clubs.rules import percent_hundredths

_MEMBERS = """
SELECT member_id FROM member
 WHERE joined_on <= :on AND (left_on IS NULL OR left_on > :on) AND NOT deceased
"""
# Terms that held on a day, whatever became of them since.
_HELD = "m.starts_on <= :on AND :on <= coalesce(m.ended_on - 1, m.ends_on)"
# A leaving counts unless it was taken back within the days that are asked about.
_LEFT = """
SELECT member_id, left_on FROM departure
 WHERE left_on BETWEEN :first AND :last
   AND (reinstated_on IS NULL OR reinstated_on > :last)
"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many members a community reaches; `community` None: all of them."""

    community: str | None
    title_zh: str
    title_en: str
    reached: int
    members: int

    @property
    def percent_hundredths(self) -> int | None:
        """The share of all members, in hundredths of a percent; None: no members."""
        return percent_hundredths(self.reached, self.members)


@dataclass(frozen=True, slots=True)
class ClubFigures:
    """A club over some days."""

    club: str
    title_zh: str
    title_en: str
    members: int  # on the last day
    belonged: int  # on any of the days
    churned: int  # of them, who left the network on these days
    uses: int  # of benefits, less what was undone
    cost_fen: int

    @property
    def churn_hundredths(self) -> int | None:
        """Who left, of those who belonged; None: nobody did."""
        return percent_hundredths(self.churned, self.belonged)


@dataclass(frozen=True, slots=True)
class Churn:
    """How many of the members at the entry to the days left on them (domain.md A47)."""

    members: int
    left: int

    @property
    def hundredths(self) -> int | None:
        """Their share, in hundredths of a percent; None: there were no members."""
        return percent_hundredths(self.left, self.members)


def coverage(session: Session, *, on: date) -> list[Coverage]:
    """Return whom clubs reach on a day: by community, then all (domain.md A41).

    Somebody in two clubs of a community is one member of it.
    """
    rows = session.execute(
        text(
            f"""
            WITH present AS MATERIALIZED ({_MEMBERS}),
            held AS MATERIALIZED (
                SELECT DISTINCT m.member_id, c.community FROM club_membership m
                  JOIN present USING (member_id)
                  JOIN club_terms c ON c.version = m.terms_version AND c.club = m.club
                 WHERE {_HELD}
            ),
            everybody AS (SELECT count(*) AS members FROM present)
            SELECT o.community, o.title_zh, o.title_en,
                   (SELECT count(*) FROM held h WHERE h.community = o.community),
                   e.members
              FROM community_terms o CROSS JOIN everybody e
             WHERE o.version = (SELECT max(version) FROM community_terms)
             ORDER BY o.rank
            """
        ),
        {"on": on},
    ).all()
    reached, members = session.execute(
        text(
            f"""
            WITH present AS MATERIALIZED ({_MEMBERS})
            SELECT (SELECT count(DISTINCT m.member_id) FROM club_membership m
                      JOIN present USING (member_id) WHERE {_HELD}),
                   (SELECT count(*) FROM present)
            """
        ),
        {"on": on},
    ).one()
    return [
        *(Coverage(*row) for row in rows),
        Coverage(None, "", "", int(reached), int(members)),
    ]


def club_figures(session: Session, *, first: date, last: date) -> list[ClubFigures]:
    """Return members, churn and cost of each club over some days (domain.md A44).

    Churn is who left the network, of all who belonged on any of the days: a club
    that opened within them had no members at their entry.
    """
    rows = session.execute(
        text(
            f"""
            WITH departed AS MATERIALIZED ({_LEFT}),
            held AS MATERIALIZED (
                SELECT m.club, m.member_id, m.starts_on,
                       bool_or({_HELD}) OVER (PARTITION BY m.club, m.member_id)
                           AS is_in,
                       -- Leaving ends a membership on its day.
                       EXISTS (SELECT FROM departed d
                                WHERE d.member_id = m.member_id
                                  AND d.left_on >= m.starts_on
                                  AND d.left_on <= coalesce(m.ended_on, m.ends_on))
                           AS has_left
                  FROM club_membership m
                 WHERE m.starts_on <= :last
                   AND coalesce(m.ended_on, m.ends_on) >= :first
            ),
            people AS (
                SELECT club, count(DISTINCT member_id) FILTER (WHERE is_in) AS members,
                       count(DISTINCT member_id) AS belonged,
                       count(DISTINCT member_id) FILTER (WHERE has_left) AS churned
                  FROM held GROUP BY club
            ),
            used AS (
                SELECT club, count(*) FILTER (WHERE reverses IS NULL)
                           - count(*) FILTER (WHERE reverses IS NOT NULL) AS uses
                  FROM benefit_use
                 WHERE CAST(used_at AS date) BETWEEN :first AND :last GROUP BY club
            ),
            spent AS (
                SELECT club, sum(fen) AS fen FROM club_cost
                 WHERE effective_on BETWEEN :first AND :last GROUP BY club
            )
            SELECT c.club, c.title_zh, c.title_en, coalesce(p.members, 0),
                   coalesce(p.belonged, 0), coalesce(p.churned, 0),
                   coalesce(u.uses, 0), coalesce(s.fen, 0)
              FROM club_terms c
              JOIN community_terms o
                ON o.version = c.version AND o.community = c.community
              LEFT JOIN people p USING (club) LEFT JOIN used u USING (club)
              LEFT JOIN spent s USING (club)
             WHERE c.version = (SELECT max(version) FROM club_terms)
             ORDER BY o.rank, c.club
            """
        ),
        {"first": first, "last": last, "on": last},
    )
    return [ClubFigures(*row[:3], *map(int, row[3:])) for row in rows]


def churn(session: Session, *, first: date, last: date) -> Churn:
    """Return how many members left, of those at the entry to some days (Q10)."""
    members, left = session.execute(
        text(
            f"""
            WITH departed AS ({_LEFT}),
            present AS MATERIALIZED (
                SELECT member_id FROM member m
                 WHERE joined_on < :first AND NOT EXISTS (
                       SELECT FROM departure d
                        WHERE d.member_id = m.member_id AND d.left_on < :first
                          AND (d.reinstated_on IS NULL OR d.reinstated_on >= :first))
            )
            SELECT (SELECT count(*) FROM present),
                   (SELECT count(DISTINCT member_id) FROM departed
                     WHERE member_id IN (SELECT member_id FROM present))
            """
        ),
        {"first": first, "last": last},
    ).one()
    return Churn(int(members), int(left))

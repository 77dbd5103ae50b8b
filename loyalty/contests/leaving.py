"""What becomes of entries when their members leave the network, or come back."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.contests.models import ContestEntry
from loyalty.contests.moving import lock_group
from loyalty.contests.operations import close_ranks, lock_groups_of, take_place
from loyalty.contests.rules import HEAT
from loyalty.settings import TIME_ZONE

# Whoever has played to the end has the place; what is still to come is lost.
_END = text(
    """
    WITH ending AS (
        SELECT e.member_id, e.contest_id, e.city, e.state, l.reference
          FROM contest_entry e
          JOIN unnest(CAST(:members AS bigint[]), CAST(:references AS text[]))
               AS l(member_id, reference) ON l.member_id = e.member_id
         WHERE e.state IN ('entered', 'waiting')
           AND EXISTS (SELECT FROM contest_group g
                        WHERE g.contest_id = e.contest_id AND g.stage = 'final'
                          AND g.state <> 'over')
    ), ended AS (
        UPDATE contest_entry e
           SET state = 'withdrawn', state_at = :at, ended_by = n.reference
          FROM ending n
         WHERE e.member_id = n.member_id AND e.contest_id = n.contest_id
    ), freed AS (
        UPDATE contest_group g SET taken = g.taken - f.many
          FROM (SELECT contest_id, city, count(*) AS many FROM ending
                 WHERE state = 'entered' GROUP BY contest_id, city) f
         WHERE g.contest_id = f.contest_id AND g.stage = 'heat' AND g.city = f.city
           AND g.state = 'gathering'
    )
    SELECT count(*) FROM ending
    """
)

_LOST = text(
    """
    SELECT e.member_id, e.contest_id, e.city
      FROM contest_entry e JOIN contest c USING (contest_id)
      JOIN unnest(CAST(:members AS bigint[]), CAST(:references AS text[]))
           AS l(member_id, reference)
        ON l.member_id = e.member_id AND l.reference = e.ended_by
     WHERE e.state = 'withdrawn' AND c.entries_until >= :on
     ORDER BY e.contest_id, e.city, e.arrival
    """
)


def end_all(
    session: Session, *, leavers: Mapping[int, str], actor: str, at: datetime
) -> int:
    """Withdraw members from all tournaments that are not over; return of how many.

    `leavers` tells by which reference each has left. Others move up, or win without
    playing. Said again, it changes nothing.
    """
    groups = lock_groups_of(session, members=leavers.keys())
    ended = session.execute(
        _END,
        {
            "members": list(leavers),
            "references": list(leavers.values()),
            "at": at,
        },
    ).scalar_one()
    for group in groups:
        session.refresh(group)
    close_ranks(session, groups, actor=actor, at=at)
    return int(ended)


def reinstate(session: Session, *, returners: Mapping[int, str], at: datetime) -> int:
    """Enter members again who lost it by a leaving, once; return how often.

    Only while entries are taken; where the places are gone, they wait for one.
    """
    lost = session.execute(
        _LOST,
        {
            "members": list(returners),
            "references": list(returners.values()),
            "on": at.astimezone(TIME_ZONE).date(),
        },
    ).all()
    given = 0
    for row in lost:
        group = lock_group(
            session, contest_id=row.contest_id, stage=HEAT, city=row.city
        )
        entry = session.get_one(
            ContestEntry, (row.member_id, row.contest_id), populate_existing=True
        )
        if entry.state == "withdrawn" and group.state == "gathering":
            take_place(session, group, entry, at=at)
            given += 1
    return given

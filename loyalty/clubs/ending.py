"""End the memberships of many who leave the network, and give them back.

Leaving ends a membership as the terms of its club say (`on_churn`). The months that
were paid for and have not begun are given back whatever the club does for those who
leave it by wish: money is never forfeited (domain.md 4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book

_PEOPLE = """
    SELECT * FROM unnest(CAST(:members AS bigint[]), CAST(:days AS date[]),
                         CAST(:references AS text[])) p(member_id, on_day, reference)
"""
_NOTED = """
    INSERT INTO club_event (member_id, membership_ref, nth, state, at, actor, reason)
    SELECT member_id, membership_ref,
           1 + (SELECT coalesce(max(nth), 0) FROM club_event e
                 WHERE e.member_id = d.member_id
                   AND e.membership_ref = d.membership_ref),
           state, :at, :actor, reference FROM done d
"""


@dataclass(frozen=True, slots=True)
class Leaver:
    """A member who leaves or comes back, on which day, and the leaving's reference."""

    member_id: int
    on: date
    reference: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What leaving ended."""

    memberships: int
    members: int
    refunds_due: int  # memberships of which months are to be given back
    kept: int  # memberships that hold to their last day, as their terms say


@dataclass(frozen=True, slots=True)
class Reinstated:
    """What coming back has given back."""

    memberships: int
    members: int
    lapsed: int  # of them, those whose last day has passed meanwhile
    refunded: int  # stay ended, for they were paid back


def end_all(
    session: Session, *, leavers: Sequence[Leaver], actor: str, at: datetime
) -> Ended:
    """End what members who leave belong to, as a set; again, it changes nothing.

    A leaving that was taken back does not end anything a second time. What is due is
    given back by `orders.belonging.refund_ended`. Locks the members' books, in order.
    """
    facts = _facts(leavers, actor, at)
    _lock(session, leavers)
    row = session.execute(
        text(
            f"""
            WITH leaver AS MATERIALIZED ({_PEOPLE}),
            open AS MATERIALIZED (
                SELECT m.member_id, m.membership_ref, m.state, l.on_day, l.reference,
                       c.on_churn, CASE WHEN m.order_ref IS NULL THEN 0 ELSE (
                           SELECT count(*) FROM generate_series(0, c.term_months - 1) k
                            WHERE m.starts_on + make_interval(months => k) > l.on_day)
                       END AS months
                  FROM leaver l JOIN club_membership m USING (member_id)
                  JOIN club_terms c
                    ON c.version = m.terms_version AND c.club = m.club
                 WHERE m.state IN ('waiting', 'active') AND m.ends_on >= l.on_day
                   AND NOT EXISTS (
                       SELECT FROM club_event e
                        WHERE e.member_id = m.member_id
                          AND e.membership_ref = m.membership_ref
                          AND e.state = 'ended' AND e.reason = l.reference)
            ),
            done AS (
                UPDATE club_membership m
                   SET was = m.state, state = 'ended', state_at = :at,
                       ended_on = o.on_day, ended_by = o.reference,
                       refund_months = o.months,
                       refund_state = CASE WHEN o.months > 0 THEN 'due' END
                  FROM open o
                 WHERE m.member_id = o.member_id
                   AND m.membership_ref = o.membership_ref AND o.on_churn = 'end'
             RETURNING m.member_id, m.membership_ref, m.state, m.refund_state,
                       o.reference
            ),
            noted AS ({_NOTED}),
            voided AS (
                UPDATE benefit_code b SET state = 'void', state_at = :at
                  FROM done d
                 WHERE b.member_id = d.member_id
                   AND b.membership_ref = d.membership_ref AND b.state = 'issued'
            )
            SELECT count(*) AS memberships, count(DISTINCT member_id) AS members,
                   count(refund_state) AS refunds_due,
                   (SELECT count(*) FROM open WHERE on_churn = 'keep') AS kept
              FROM done
            """
        ),
        facts,
    ).one()
    return Ended(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def reinstate(
    session: Session, *, returners: Sequence[Leaver], actor: str, at: datetime
) -> Reinstated:
    """Give back what a leaving ended, with what was used of it, once.

    A refund that has not gone out yet is called off; what was paid back stays ended.
    A membership whose last day has passed meanwhile has lapsed. Whoever joined the
    club anew has that, and not two.
    """
    facts = _facts(returners, actor, at)
    _lock(session, returners)
    row = session.execute(
        text(
            f"""
            WITH returner AS MATERIALIZED ({_PEOPLE}),
            ended AS MATERIALIZED (
                SELECT m.member_id, m.membership_ref, m.club, m.state, r.on_day,
                       r.reference
                  FROM returner r JOIN club_membership m
                    ON m.member_id = r.member_id AND m.ended_by = r.reference
            ),
            done AS (
                UPDATE club_membership m
                   SET state = CASE WHEN m.ends_on < e.on_day THEN 'lapsed'
                                    ELSE m.was END,
                       state_at = :at, was = NULL, ended_on = NULL, ended_by = NULL,
                       refund_months = 0, refund_state = NULL
                  FROM ended e
                 WHERE m.member_id = e.member_id
                   AND m.membership_ref = e.membership_ref AND m.state = 'ended'
                   AND NOT EXISTS (
                       SELECT FROM club_membership o
                        WHERE o.member_id = m.member_id AND o.club = m.club
                          AND o.state IN ('waiting', 'active')
                          AND o.ends_on >= e.on_day)
             RETURNING m.member_id, m.membership_ref, m.state, e.reference
            ),
            noted AS ({_NOTED})
            SELECT count(*) AS memberships, count(DISTINCT member_id) AS members,
                   count(*) FILTER (WHERE state = 'lapsed') AS lapsed,
                   (SELECT count(*) FROM ended WHERE state = 'refunded') AS refunded
              FROM done
            """
        ),
        facts,
    ).one()
    return Reinstated(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def _facts(people: Sequence[Leaver], actor: str, at: datetime) -> dict[str, object]:
    return {
        "members": [one.member_id for one in people],
        "days": [one.on for one in people],
        "references": [one.reference for one in people],
        "actor": actor,
        "at": at,
    }


def _lock(session: Session, people: Sequence[Leaver]) -> None:
    """Keep members from joining and using meanwhile; one after the other, in order."""
    Book(session).lock(sorted({one.member_id for one in people}))

"""Read who is signed in, and what guards a member's spending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.access.models import MemberAccess, OneTimeCode

# A number that was given up is some day given to somebody else.
NUMBER_DAYS = 90


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps a member's points from going."""

    spend_locked_at: datetime | None  # None: not locked by the member
    cool_down_until: datetime | None  # None: nothing has changed lately
    last_sign_in_at: datetime | None  # None: never


def guard(session: Session, member_id: int) -> Guard:
    """Return what keeps a member's points from going."""
    known = session.get(MemberAccess, member_id)
    if known is None:
        return Guard(None, None, None)
    return Guard(known.spend_locked_at, known.cool_down_until, known.last_sign_in_at)


def has_password(session: Session, member_id: int) -> bool:
    """Tell whether a member can sign in with a password."""
    known = session.get(MemberAccess, member_id)
    return known is not None and known.password_hash is not None


def attempts_left(session: Session, *, code_id: UUID) -> int:
    """Return how often a code may still be tried."""
    found = session.get(OneTimeCode, code_id)
    return found.attempts_left if found is not None else 0


def language_of(session: Session, member_id: int) -> str:
    """Return the language in which a member is written to."""
    known = session.get(MemberAccess, member_id)
    return (known.language if known else None) or "zh"


# A line `s` at which its member is reached: nobody else has, or had, the number since.
# Who has left comes by it too, to see what became of the points. Of erased members
# there are no numbers, only names of numbers.
_REACHES = """
s.msisdn NOT LIKE 'erased-%'
AND (s.ended_on IS NULL OR s.state = 'ported_out'
     OR s.ended_on >= CAST(:at AS timestamptz)::date - :days)
AND NOT EXISTS (SELECT FROM claim c WHERE c.space = 'msisdn' AND c.key = s.msisdn
                   AND c.member_id <> s.member_id)
AND NOT EXISTS (SELECT FROM subscription n
                 WHERE n.msisdn = s.msisdn AND n.member_id <> s.member_id
                   AND n.activated_on > s.activated_on)
"""


def member_of_number(session: Session, *, msisdn: str, at: datetime) -> int | None:
    """Return the member who is reached at a number; None: nobody is.

    A line that ended long ago may be somebody else's telephone by now.
    """
    found: int | None = session.scalar(
        text(
            f"""
            SELECT s.member_id FROM subscription s JOIN member m USING (member_id)
             WHERE s.msisdn = :msisdn AND NOT m.deceased AND {_REACHES}
             ORDER BY s.activated_on DESC LIMIT 1
            """
        ),
        {"msisdn": msisdn, "at": at, "days": NUMBER_DAYS},
    )
    return found


def numbers_of(session: Session, *, member_id: int, at: datetime) -> Sequence[str]:
    """Return the numbers at which a member is reached, the newest line first."""
    return session.scalars(
        text(
            f"""
            SELECT s.msisdn FROM subscription s
             WHERE s.member_id = :member AND {_REACHES}
             GROUP BY s.msisdn
             ORDER BY bool_or(s.ended_on IS NULL) DESC, max(s.activated_on) DESC,
                      s.msisdn
            """
        ),
        {"member": member_id, "at": at, "days": NUMBER_DAYS},
    ).all()


def live_session(
    session: Session,
    *,
    token_hash: bytes,
    owner: str,
    at: datetime,
    idle: timedelta,
    absolute: timedelta,
) -> Row[tuple[int, datetime, datetime, datetime]] | None:
    """Return owner_id, started_at, seen_at and fresh_at of a session that goes on."""
    return session.execute(
        text(
            """
            SELECT owner_id, started_at, seen_at, fresh_at FROM web_session
             WHERE token_hash = :token_hash AND owner = :owner AND ended_at IS NULL
               AND seen_at > :idle_since AND started_at > :started_since
            """
        ),
        {
            "token_hash": token_hash,
            "owner": owner,
            "idle_since": at - idle,
            "started_since": at - absolute,
        },
    ).one_or_none()


def signed_in_member(session: Session, member_id: int) -> Row[tuple[str, str]] | None:
    """Return member_ref and name; the name is empty once it was erased."""
    return session.execute(
        text(
            """
            SELECT m.member_ref, coalesce(p.name, '') AS name
              FROM member m LEFT JOIN person p USING (member_id)
             WHERE m.member_id = :member
            """
        ),
        {"member": member_id},
    ).one_or_none()

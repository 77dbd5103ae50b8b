"""Read who is in the alliance, and who has an account there."""

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.alliance.errors import NotLinked, UnknownPartner
from loyalty.alliance.models import Link, Partner


def partners(session: Session) -> Sequence[Partner]:
    """Return all partners, by code."""
    return session.scalars(select(Partner).order_by(Partner.partner)).all()


def partner(session: Session, *, code: str) -> Partner:
    """Return a partner.

    Raises `UnknownPartner`.
    """
    found = session.get(Partner, code)
    if found is None:
        raise UnknownPartner(partner=code)
    return found


def links(session: Session, *, member_id: int) -> Sequence[Link]:
    """Return a member's accounts at partners."""
    return session.scalars(
        select(Link)
        .where(Link.member_id == member_id)
        .order_by(Link.partner, Link.account_ref)
    ).all()


def member_linked_to(session: Session, *, partner: str, member_ref: str) -> int:
    """Return a member who has an account at a partner.

    Raises `NotLinked`, also for members there are not: a partner learns of nobody
    whom it does not know already.
    """
    if not member_ref.isprintable():
        raise NotLinked  # the database could not even be asked
    found = session.scalar(
        text(
            """
            SELECT c.member_id FROM claim c
             WHERE c.space = 'member' AND c.key = :member_ref
               AND EXISTS (SELECT FROM link l WHERE l.member_id = c.member_id
                              AND l.partner = :partner)
            """
        ),
        {"partner": partner, "member_ref": member_ref},
    )
    if found is None:
        raise NotLinked
    return int(found)

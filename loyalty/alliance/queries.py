"""Read who is in the alliance, and who has an account there."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.alliance.errors import UnknownPartner
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

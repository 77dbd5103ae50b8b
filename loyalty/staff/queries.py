"""Read who works here."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.staff.errors import UnknownStaff
from loyalty.staff.models import Staff


def staff(session: Session, *, staff_id: int) -> Staff | None:
    """Return somebody who works here now; None: nobody is known so."""
    found = session.get(Staff, staff_id)
    return found if found is not None and found.disabled_at is None else None


def by_login(session: Session, *, login: str) -> Staff:
    """Return who has a login, also when it is disabled.

    Raises `UnknownStaff`.
    """
    found = session.scalar(select(Staff).where(Staff.login == login))
    if found is None:
        raise UnknownStaff(login=login)
    return found


def everybody(session: Session) -> Sequence[Staff]:
    """Return all staff, also those who left, by login."""
    return session.scalars(select(Staff).order_by(Staff.login)).all()


def names(session: Session) -> dict[int, str]:
    """Return the name of everyone who ever worked here."""
    rows = session.execute(select(Staff.staff_id, Staff.name))
    return {row.staff_id: row.name for row in rows}

"""Read the terms in force."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Unavailable


class TermsMissing(Unavailable):
    """The programme has no terms yet: run jifen init."""

    code = "terms_missing"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the programme as a whole; see `ProgrammeTerms`."""

    version: int
    expiry_months: int
    cancel_unpaid_after_days: int
    carrying_fen_num: int
    carrying_fen_den: int


def programme_terms(session: Session) -> Terms:
    """Return the newest version of the terms.

    Raises `TermsMissing` before any was loaded.
    """
    row = session.execute(
        text(
            """
            SELECT version, expiry_months, cancel_unpaid_after_days,
                   carrying_fen_num, carrying_fen_den
              FROM programme_terms ORDER BY version DESC LIMIT 1
            """
        )
    ).first()
    if row is None:
        raise TermsMissing
    return Terms(*row)

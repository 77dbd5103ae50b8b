"""Match a partner's month: pair what belongs together, and keep what does not agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.breaks.models import Comparison
from loyalty.matching import judging
from loyalty.matching.bookings import book_within_tolerance
from loyalty.matching.errors import NothingTold
from loyalty.matching.pairing import pair
from loyalty.matching.queries import (
    Sides,
    agreed_lines,
    has_told,
    last_day,
    open_codes,
    sides,
    terms_of,
)
from loyalty.matching.rules import SUBJECT, percent


@dataclass(frozen=True, slots=True)
class Matched:
    """What a run decided, and how the month stands after it."""

    paired: int  # now
    agreed: int  # in all, whenever they were paired
    codes: Mapping[str, int]  # how many breaks are open, whenever they were found
    sides: Sides

    @property
    def breaks(self) -> int:
        """How many breaks are open."""
        return sum(self.codes.values())

    @property
    def percent(self) -> str | None:
        """What part agrees of all that is there on either side; None: nothing is."""
        return percent(agreed=self.agreed, breaks=self.breaks)


def match(
    session: Session, *, partner: str, period: date, actor: str, at: datetime
) -> Matched:
    """Match a partner's lines of a month with our events, and keep what differs.

    What was decided stays decided: another run looks at what is open, and ends by
    itself what has turned up meanwhile. Runs of one partner take turns. Raises
    `NothingTold` where the partner has told nothing of that month.
    """
    last = last_day(period)
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"match {partner}"},
    )
    if not has_told(session, partner=partner, period=period):
        raise NothingTold(partner=partner, period=f"{period:%Y-%m}")
    terms = terms_of(session, partner=partner)
    said = pair(session, partner=partner, first=period, last=last, terms=terms)
    for statement in judging.FIND:
        session.execute(text(statement), said)
    kept = {**said, "subject": SUBJECT, "at": at}
    session.execute(text(judging.CLOSE_GONE), kept)
    paired = session.scalar(text(judging.KEEP_PAIRS), kept)
    session.execute(text(judging.KEEP_BREAKS), kept)
    book_within_tolerance(session, partner=partner, last=last, terms=terms, at=at)
    for table in ("theirs", "ours", "paired", "named", "wanted", *judging.TABLES):
        session.execute(text(f"DROP TABLE {table}"))
    found = sides(session, partner=partner, period=period)
    codes = open_codes(session, partner=partner, period=period)
    agreed = agreed_lines(session, partner=partner, period=period)
    session.add(
        Comparison(
            subject=SUBJECT,
            partner=partner,
            about_on=period,
            ours=found.ours.as_json(),
            theirs=found.theirs.as_json(),
            differences=sum(codes.values()),
            actor=actor,
            compared_at=at,
        )
    )
    session.flush()
    return Matched(paired=paired or 0, agreed=agreed, codes=codes, sides=found)

"""Read what is open with partners, how long it has been, and what waits in suspense."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.breaks.models import StatementBreak
from loyalty.matching.errors import UnknownBreak
from loyalty.matching.models import MatchTerms, PartnerBooking, PartnerLine
from loyalty.matching.rules import AGES, ESCALATED_DAYS, percent


@dataclass(frozen=True, slots=True)
class Aged:
    """Open breaks of a partner and code (R12)."""

    partner: str
    code: str
    steps: tuple[int, ...]  # by the steps of `AGES`
    fen: int  # what the two sides are apart, each break on its own
    oldest_on: date

    @property
    def breaks(self) -> int:
        """How many there are."""
        return sum(self.steps)


@dataclass(frozen=True, slots=True)
class Suspended:
    """Money that waits in a partner's suspense, which must empty."""

    partner: str
    about: str  # a break, or the bank's reference
    break_id: int | None  # None: it came to the bank
    fen: int  # above zero: the account is in credit
    oldest_on: date
    is_escalated: bool


@dataclass(frozen=True, slots=True)
class MonthState:
    """How far a partner's month is matched."""

    partner: str
    period: date
    lines: int  # that the partner has told
    agreed: int
    breaks: int
    escalated: int  # of these, open for more than 30 days

    @property
    def percent(self) -> str | None:
        """What part agrees; None: there is nothing to agree about."""
        return percent(agreed=self.agreed, breaks=self.breaks)


_STEPS: Final = ", ".join(
    f"count(*) FILTER (WHERE days >= {first}"
    + (f" AND days < {after})" if after else ")")
    for first, after in pairwise((*AGES, None))
)

_AGEING = text(
    f"""
    SELECT partner, code, ARRAY[{_STEPS}] AS steps, sum(apart) AS fen,
           min(found_on) AS oldest_on
      FROM (SELECT partner, code, CAST(found_at AS date) AS found_on,
                   :on - CAST(found_at AS date) AS days,
                   abs(coalesce(ours_fen, 0) - coalesce(theirs_fen, 0)) AS apart
              FROM statement_break
             WHERE CAST(found_at AS date) <= :on
               AND (closed_at IS NULL OR CAST(closed_at AS date) > :on)) open
     GROUP BY partner, code ORDER BY partner, code
    """
)

_SUSPENSE = text(
    """
    SELECT partner, about, max(break_id) AS break_id, sum(fen) AS fen,
           min(booked_on) AS oldest_on
      FROM partner_booking
     WHERE cause IN ('suspense', 'received') AND booked_on <= :on
     GROUP BY partner, about HAVING sum(fen) <> 0
     ORDER BY 5, partner, about
    """
)

_MONTHS = text(
    """
    WITH told AS (
        SELECT partner, CAST(date_trunc('month', occurred_on) AS date) AS period,
               count(*) AS lines
          FROM partner_line GROUP BY 1, 2
    ), agreed AS (
        SELECT partner, period, count(*) AS agreed
          FROM line_pair WHERE code = 'MATCHED' GROUP BY 1, 2
    ), open AS (
        SELECT partner, about_on AS period, count(*) AS breaks,
               count(*) FILTER (WHERE :on - CAST(found_at AS date) > :escalated)
                   AS escalated
          FROM statement_break
         WHERE subject = 'partner_statement' AND closed_at IS NULL GROUP BY 1, 2
    )
    SELECT partner, period, coalesce(lines, 0) AS lines, coalesce(agreed, 0) AS agreed,
           coalesce(breaks, 0) AS breaks, coalesce(escalated, 0) AS escalated
      FROM told FULL JOIN agreed USING (partner, period)
           FULL JOIN open USING (partner, period)
     ORDER BY period DESC, partner
     LIMIT :limit
    """
)


def ageing(session: Session, *, on: date) -> list[Aged]:
    """Return all breaks that were open at the end of a day, by partner and code."""
    return [
        Aged(row.partner, row.code, tuple(row.steps), int(row.fen), row.oldest_on)
        for row in session.execute(_AGEING, {"on": on})
    ]


def suspense(session: Session, *, on: date) -> list[Suspended]:
    """Return what waits in suspense at the end of a day, the oldest first."""
    return [
        Suspended(
            partner=row.partner,
            about=row.about,
            break_id=row.break_id,
            fen=int(row.fen),
            oldest_on=row.oldest_on,
            is_escalated=(on - row.oldest_on).days > ESCALATED_DAYS,
        )
        for row in session.execute(_SUSPENSE, {"on": on})
    ]


def month_states(session: Session, *, on: date, limit: int = 200) -> list[MonthState]:
    """Return how far each partner's months are matched, the newest first."""
    said = {"on": on, "escalated": ESCALATED_DAYS, "limit": limit}
    return [
        MonthState(
            row.partner,
            row.period,
            int(row.lines),
            int(row.agreed),
            int(row.breaks),
            int(row.escalated),
        )
        for row in session.execute(_MONTHS, said)
    ]


def breaks_of(
    session: Session,
    *,
    partner: str,
    period: date,
    code: str | None,
    is_open: bool,
    limit: int,
) -> Sequence[StatementBreak]:
    """Return the breaks of a partner's month, the oldest first."""
    wanted = select(StatementBreak).where(
        StatementBreak.partner == partner,
        StatementBreak.about_on == period,
        StatementBreak.subject.in_(("partner_statement", "partner_invoice")),
        StatementBreak.closed_at.is_(None)
        if is_open
        else StatementBreak.closed_at.is_not(None),
    )
    if code is not None:
        wanted = wanted.where(StatementBreak.code == code)
    return session.scalars(
        wanted.order_by(
            StatementBreak.found_at, StatementBreak.reference, StatementBreak.break_id
        ).limit(limit)
    ).all()


def break_of(session: Session, *, break_id: int) -> StatementBreak:
    """Return a break.

    Raises `UnknownBreak`.
    """
    found = session.get(StatementBreak, break_id)
    if found is None:
        raise UnknownBreak
    return found


def bookings_of(session: Session, *, break_id: int) -> Sequence[PartnerBooking]:
    """Return what was booked about a break, in its order."""
    return session.scalars(
        select(PartnerBooking)
        .where(PartnerBooking.break_id == break_id)
        .order_by(PartnerBooking.nth)
    ).all()


def bookings_about(
    session: Session, *, partner: str, about: str
) -> Sequence[PartnerBooking]:
    """Return what was booked about one thing with a partner, in its order."""
    return session.scalars(
        select(PartnerBooking)
        .where(PartnerBooking.partner == partner, PartnerBooking.about == about)
        .order_by(PartnerBooking.nth)
    ).all()


def terms_known(session: Session) -> Sequence[MatchTerms]:
    """Return the terms of partners that have their own."""
    return session.scalars(select(MatchTerms).order_by(MatchTerms.partner)).all()


def told(session: Session, *, found: StatementBreak) -> PartnerLine | None:
    """Return the partner's line that a break is about; None: it has none."""
    return None if found.line_id is None else session.get(PartnerLine, found.line_id)

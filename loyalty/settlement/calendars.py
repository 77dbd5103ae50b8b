"""When partners settle: periods with their days, and who goes by which calendar."""

from datetime import date, datetime
from itertools import chain

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.points.operations import first_open_day
from loyalty.settlement.errors import BadClearance, UnknownClearance
from loyalty.settlement.models import SettlementCalendar, SettlementTerms
from loyalty.settlement.rules import CALENDARS, MONTHLY, Clearance, clearances

_CLOSED = text(
    """
    SELECT first_on, last_on, closure_on, advice_on, call_on FROM settlement_calendar
     WHERE calendar = :calendar AND closure_on <= :on
     ORDER BY closure_on DESC, first_on DESC LIMIT 1
    """
)

_LAY_OUT = text(
    """
    INSERT INTO settlement_calendar
           (calendar, first_on, last_on, closure_on, advice_on, call_on)
    SELECT :calendar, p.*
      FROM unnest(CAST(:first AS date[]), CAST(:last AS date[]),
                  CAST(:closure AS date[]), CAST(:advice AS date[]),
                  CAST(:call AS date[])) AS p(first_on, last_on, closure, advice, call)
     WHERE NOT EXISTS (SELECT FROM settlement_calendar c
                        WHERE c.calendar = :calendar AND c.first_on <= p.last_on
                          AND c.last_on >= p.first_on)
    RETURNING first_on
    """
)
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext('settlement_calendar'))")

_WITHIN = text(
    """
    SELECT first_on, last_on, closure_on, advice_on, call_on FROM settlement_calendar
     WHERE calendar = :calendar AND :day BETWEEN first_on AND last_on
    """
)


def lay_out(session: Session, *, calendar: str, year: int) -> int:
    """Write the periods of a year down, as far as they are not; return how many.

    Periods that are there stay as they are, and none is put where one overlaps.
    """
    session.execute(_ALONE)
    laid = clearances(calendar, year=year)
    facts = {
        "calendar": calendar,
        "first": [one.first_on for one in laid],
        "last": [one.last_on for one in laid],
        "closure": [one.closure_on for one in laid],
        "advice": [one.advice_on for one in laid],
        "call": [one.call_on for one in laid],
    }
    return len(session.execute(_LAY_OUT, facts).all())


def add_clearance(session: Session, *, calendar: str, period: Clearance) -> None:
    """Write down a period whose days were agreed otherwise.

    Raises `BadClearance`.
    """
    session.execute(_ALONE)
    if not period.is_in_order or _overlaps(session, calendar, period):
        raise BadClearance
    session.add(
        SettlementCalendar(
            calendar=calendar,
            first_on=period.first_on,
            last_on=period.last_on,
            closure_on=period.closure_on,
            advice_on=period.advice_on,
            call_on=period.call_on,
        )
    )
    session.flush()


def follow(session: Session, *, partner: str, calendar: str, at: datetime) -> None:
    """Let a partner settle by another calendar from its next statement on."""
    said = {"calendar": calendar, "changed_at": at}
    session.execute(
        insert(SettlementTerms)
        .values(partner=partner, **said)
        .on_conflict_do_update(index_elements=["partner"], set_=said)
    )


def calendar_of(session: Session, *, partner: str) -> str:
    """Return the calendar that a partner settles by."""
    found = session.get(SettlementTerms, partner, populate_existing=True)
    return MONTHLY if found is None else found.calendar


def clearance_on(session: Session, *, calendar: str, day: date) -> Clearance:
    """Return the period of a calendar that a day lies in, laying out its year.

    Raises `UnknownClearance`.
    """
    facts = {"calendar": calendar, "day": day}
    found = session.execute(_WITHIN, facts).one_or_none()
    if found is None and calendar in CALENDARS:
        for year in (day.year - 1, day.year):
            lay_out(session, calendar=calendar, year=year)
        found = session.execute(_WITHIN, facts).one_or_none()
    if found is None:
        raise UnknownClearance(calendar=calendar, day=day)
    return Clearance(*found)


def latest_closed(session: Session, *, calendar: str, on: date) -> Clearance | None:
    """Return the last period of a calendar that has closed by a day; None: none has."""
    if calendar in CALENDARS:
        for year in (on.year - 1, on.year):
            lay_out(session, calendar=calendar, year=year)
    found = session.execute(_CLOSED, {"calendar": calendar, "on": on}).one_or_none()
    return None if found is None else Clearance(*found)


def names(session: Session) -> list[str]:
    """Return the calendars there are, ours first."""
    known = session.scalars(select(SettlementCalendar.calendar).distinct())
    return list(dict.fromkeys(chain(CALENDARS, sorted(known))))


def periods(
    session: Session, *, calendar: str, first: date, last: date
) -> list[Clearance]:
    """Return the periods of a calendar that end within some days."""
    rows = session.scalars(
        select(SettlementCalendar)
        .where(
            SettlementCalendar.calendar == calendar,
            SettlementCalendar.last_on.between(first, last),
        )
        .order_by(SettlementCalendar.first_on)
    )
    return [
        Clearance(row.first_on, row.last_on, row.closure_on, row.advice_on, row.call_on)
        for row in rows
    ]


def followers(session: Session) -> dict[str, str]:
    """Return the partners that settle by a calendar of their own choice."""
    return {
        row.partner: row.calendar for row in session.scalars(select(SettlementTerms))
    }


def booked_on(session: Session, day: date) -> date:
    """Return the day on which the books take in what happened on a day."""
    return max(day, first_open_day(session) or day)


def _overlaps(session: Session, calendar: str, period: Clearance) -> bool:
    return bool(
        session.scalar(
            text(
                """
                SELECT EXISTS (SELECT FROM settlement_calendar
                                WHERE calendar = :calendar AND first_on <= :last
                                  AND last_on >= :first)
                """
            ),
            {"calendar": calendar, "first": period.first_on, "last": period.last_on},
        )
    )

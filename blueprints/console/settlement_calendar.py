"""When partners settle: periods with their days, and who goes by which calendar."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.settlement import calendars
from loyalty.settlement.rules import CALENDARS, MONTHLY, Clearance
from loyalty.staff.rules import Permission

_DAYS = ("first_on", "last_on", "closure_on", "advice_on", "call_on")
_YEARS = range(2000, 2100)


@bp.get("/settlement-calendar")
@requires(Permission.READ)
def settlement_calendar() -> ResponseReturnValue:
    """Show the periods of a calendar in a year, and which partners go by which."""
    return _page()


@bp.get("/settlement-calendar.xlsx")
@requires(Permission.READ)
def settlement_calendar_xlsx() -> ResponseReturnValue:
    """Return the periods as a workbook."""
    calendar, year = _chosen()
    columns: list[Column[Clearance]] = [
        Column(speak("首日", "From"), lambda one: one.first_on, "day"),
        Column(speak("末日", "To"), lambda one: one.last_on, "day"),
        Column(speak("截止日", "Closure"), lambda one: one.closure_on, "day"),
        Column(speak("通知日", "Advice"), lambda one: one.advice_on, "day"),
        Column(speak("付款日", "Call"), lambda one: one.call_on, "day"),
    ]
    return workbook(
        name=f"calendar-{calendar}-{year}",
        title=speak("结算日历", "Settlement calendar"),
        columns=columns,
        rows=_periods(calendar, year),
        filters={speak("日历", "Calendar"): term("calendar", calendar)},
    )


@bp.post("/settlement-calendar/years")
@requires(Permission.FINANCE_MAKE)
def lay_out_year() -> ResponseReturnValue:
    """Write the periods of a year down."""
    calendar, year = form.words("calendar"), form.count("year")
    if calendar not in CALENDARS or year is None or year not in _YEARS:
        return _page(faults=["year"]), 422
    with current_database().unit_of_work() as session:
        laid = calendars.lay_out(session, calendar=calendar, year=year)
        note(
            session,
            action="settlement.lay_out",
            object_=f"calendar:{calendar}",
            after={"year": year, "periods": laid},
        )
    flash(speak(f"排出 {laid} 期。", f"{laid} periods were laid out."), "done")
    return redirect(
        url_for("console.settlement_calendar", calendar=calendar, year=year), 303
    )


@bp.post("/settlement-calendar/periods")
@requires(Permission.FINANCE_MAKE)
def add_clearance() -> ResponseReturnValue:
    """Write down a period whose days were agreed otherwise."""
    calendar = form.words("calendar_name", 30)
    days = {name: form.day(name) for name in _DAYS}
    faults = [name for name, on in days.items() if on is None]
    faults += [] if calendar else ["calendar_name"]
    given = [on for on in days.values() if on is not None]
    if faults:
        return _page(faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            calendars.add_clearance(
                session, calendar=calendar, period=Clearance(*given)
            )
            note(
                session,
                action="settlement.add_clearance",
                object_=f"calendar:{calendar}",
                after={name: str(on) for name, on in days.items()},
            )
    except LoyaltyError as error:
        return _page(problem=say(error)), 422
    flash(speak("已登记。", "It is written down."), "done")
    return redirect(
        url_for("console.settlement_calendar", calendar=calendar, year=given[1].year),
        303,
    )


@bp.post("/settlement-calendar/partners")
@requires(Permission.FINANCE_MAKE)
def follow_calendar() -> ResponseReturnValue:
    """Let a partner settle by another calendar."""
    partner, calendar = form.words("partner"), form.words("partner_calendar")
    with current_database().unit_of_work() as session:
        known = calendars.names(session)
    if partner not in form.partner_names() or calendar not in known:
        return _page(faults=["partner"]), 422
    with current_database().unit_of_work() as session:
        before = calendars.calendar_of(session, partner=partner)
        calendars.follow(session, partner=partner, calendar=calendar, at=now())
        note(
            session,
            action="settlement.follow_calendar",
            object_=f"partner:{partner}",
            before={"calendar": before},
            after={"calendar": calendar},
        )
    flash(speak("已更新。", "It was changed."), "done")
    return redirect(url_for("console.settlement_calendar", calendar=calendar), 303)


def _chosen() -> tuple[str, int]:
    year = request.args.get("year", business_date().year, type=int)
    return (
        request.args.get("calendar", MONTHLY)[:30],
        year if year in _YEARS else business_date().year,
    )


def _periods(calendar: str, year: int) -> list[Clearance]:
    with current_database().unit_of_work() as session:
        return calendars.periods(
            session,
            calendar=calendar,
            first=date(year, 1, 1),
            last=date(year, 12, 31),
        )


def _page(*, problem: str = "", faults: list[str] | None = None) -> str:
    calendar, year = _chosen()
    names = form.partner_names()
    with current_database().unit_of_work() as session:
        known = calendars.names(session)
        followers = calendars.followers(session)
    return render_template(
        "console/settling/calendar.html",
        periods=_periods(calendar, year),
        calendar=calendar,
        calendars=[(one, term("calendar", one)) for one in known],
        ours=[(one, term("calendar", one)) for one in CALENDARS],
        year=year,
        followers=followers,
        names=names,
        partners=sorted(names.items()),
        typed=request.form,
        today=business_date(),
        faults=faults or [],
        fault_words=speak("请核对这一项。", "Please check this."),
        problem=problem,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )

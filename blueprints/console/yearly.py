"""Figures of a year that no book holds: what finance brought, and from where."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.reports.models import YearlyFigure
from loyalty.reports.yearly import Yearly, known, record_figure
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

_CHARS_MAX: Final = 12
_SOURCE_CHARS: Final = 300
_HUNDREDTHS: Final = 100


@bp.get("/yearly-figures")
@requires(Permission.READ)
def yearly_figures() -> ResponseReturnValue:
    """Show all figures that were brought, and the form for another."""
    return _page()


@bp.get("/yearly-figures.xlsx")
@requires(Permission.READ)
def yearly_figures_xlsx() -> ResponseReturnValue:
    """Return the figures as a workbook."""
    with current_database().unit_of_work() as session:
        found, people = known(session), names(session)
    columns: list[Column[YearlyFigure]] = [
        Column(speak("年份", "Year"), lambda one: str(one.year)),
        Column(speak("数据", "Figure"), lambda one: term("yearly_figure", one.name)),
        Column(speak("数值", "Value"), lambda one: one.hundredths, "yuan"),
        Column(speak("出处", "Source"), lambda one: one.source, width=40),
        Column(
            speak("录入人", "Brought by"), lambda one: people.get(one.recorded_by, "")
        ),
        Column(speak("时间", "At"), lambda one: one.recorded_at, "moment"),
    ]
    return workbook(
        name="yearly-figures",
        title=speak("年度数据", "Figures of a year"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.post("/yearly-figures")
@requires(Permission.FINANCE_MAKE)
def bring_yearly_figure() -> ResponseReturnValue:
    """Write a figure down; it takes the place of an older one of that year."""
    typed = {name: said.strip() for name, said in request.form.items()}
    value = _hundredths(typed.get("value", ""))
    year, name = typed.get("year", ""), typed.get("name", "")
    source = typed.get("source", "")[:_SOURCE_CHARS]
    given = {
        "year": year.isascii() and year.isdecimal() and len(year) <= len("2007"),
        "name": name in tuple(Yearly),
        "value": value is not None,
        "source": bool(source),
    }
    faults = [each for each, is_given in given.items() if not is_given]
    if faults or value is None:
        return _page(typed=typed, faults=faults), 422
    try:
        _record(int(year), Yearly(name), value, source, at=now())
    except LoyaltyError as error:
        return _page(typed=typed, problem=say(error)), 422
    flash(speak("已登记。", "It is written down."), "done")
    return redirect(url_for("console.yearly_figures"), 303)


def _record(year: int, name: Yearly, value: int, source: str, *, at: datetime) -> None:
    with current_database().unit_of_work() as session:
        record_figure(
            session,
            year=year,
            name=name,
            hundredths=value,
            source=source,
            staff_id=this_staff().staff_id,
            at=at,
        )
        note(
            session,
            action="reports.yearly_figure",
            object_=f"yearly_figure:{year}:{name}",
            after={"hundredths": value},
            reason=source,
        )


def _hundredths(said: str) -> int | None:
    """Return a number with up to two digits, in hundredths; None: it is none."""
    if len(said) > _CHARS_MAX:
        return None
    try:
        exact = Decimal(said) * _HUNDREDTHS
    except InvalidOperation:
        return None
    return int(exact) if exact.is_finite() and exact == exact.to_integral() else None


def _page(
    *,
    typed: dict[str, str] | None = None,
    faults: list[str] | None = None,
    problem: str = "",
) -> str:
    with current_database().unit_of_work() as session:
        found, people = known(session), names(session)
    newest = {(one.year, one.name): one.figure_id for one in reversed(found)}
    return render_template(
        "console/reports/yearly.html",
        found=found,
        people=people,
        newest=set(newest.values()),
        kinds=[(one.value, term("yearly_figure", one)) for one in Yearly],
        typed=typed or {"year": str(business_date().year)},
        faults=faults or [],
        problem=problem,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )

"""The redemption triangle (R3): cohorts by age, their curve, and the back-test."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.charts import redemption_curve
from blueprints.console import bp
from blueprints.console.choosing import asked_for, chosen_month, chosen_segment
from blueprints.console.estimates import choices, funder, funders
from blueprints.console.excel import Column, workbook
from blueprints.formatting import whole
from blueprints.language import speak
from blueprints.sessions import requires
from blueprints.wording import term
from loyalty.estimates.outlook import QUARTER, Outlook, back_tests, curve, outlooks
from loyalty.estimates.rules import BackTest
from loyalty.estimates.triangles import Segment
from loyalty.finance.cohorts import Cohort
from loyalty.staff.rules import Permission

_AGES_MAX: Final = 36  # months; later ones are added to the last


@dataclass(frozen=True, slots=True)
class Tested:
    """A cohort on the page of the back-test."""

    cohort: Cohort
    test: BackTest


@bp.get("/estimates/triangle")
@requires(Permission.READ)
def triangle() -> ResponseReturnValue:
    """Show how much of each month's points was redeemed by which age."""
    period, segment = chosen_month(), chosen_segment()
    with current_database().unit_of_work() as session:
        found = _found(session, period=period, segment=segment)
        people = funders(session)
    shown = curve(found)
    ages = min(max((len(one.row.redeemed) for one in found), default=0), _AGES_MAX)
    return render_template(
        "console/estimates/triangle.html",
        period=period,
        found=found,
        ages=range(ages),
        curve=shown,
        chart=redemption_curve(shown.redeemed, ultimate=shown.ultimate),
        part=_part,
        asked=asked_for(period, segment),
        choices=choices(people),
        people=people,
    )


@bp.get("/estimates/triangle.xlsx")
@requires(Permission.READ)
def triangle_xlsx() -> ResponseReturnValue:
    """Return the triangle in points, month by month, as a workbook."""
    period, segment = chosen_month(), chosen_segment()
    with current_database().unit_of_work() as session:
        found = _found(session, period=period, segment=segment)
        people = funders(session)
    ages = max((len(one.row.redeemed) for one in found), default=0)
    columns: list[Column[Outlook]] = [
        Column(speak("单位", "Unit"), lambda one: term("unit", one.cohort.unit)),
        Column(speak("获得月份", "Earned in"), lambda one: one.cohort.earned_in, "day"),
        Column(speak("出资方", "Funded by"), lambda one: funder(one.cohort, people)),
        Column(speak("已发行", "Issued"), lambda one: one.row.issued, "number"),
        *(
            Column(speak(f"第 {age} 个月", f"Month {age}"), _redeemed_at(age), "number")
            for age in range(ages)
        ),
    ]
    return workbook(
        name="redemption-triangle",
        title=speak("兑换三角", "Redemption triangle"),
        columns=columns,
        rows=found,
        filters=asked_for(period, segment),
    )


@bp.get("/estimates/back-test")
@requires(Permission.READ)
def back_test() -> ResponseReturnValue:
    """Hold what was expected a quarter ago against what was redeemed since."""
    period, segment = chosen_month(), chosen_segment()
    found, people = _tested(period), _people()
    return render_template(
        "console/estimates/back_test.html",
        people=people,
        period=period,
        months=QUARTER,
        found=found,
        whole=_whole,
        foretold=sum((one.test.foretold or Fraction(0) for one in found), Fraction(0)),
        came=sum(one.test.came for one in found if one.test.foretold is not None),
        asked=asked_for(period, segment),
    )


@bp.get("/estimates/back-test.xlsx")
@requires(Permission.READ)
def back_test_xlsx() -> ResponseReturnValue:
    """Return the back-test as a workbook."""
    period, people = chosen_month(), _people()
    columns: list[Column[Tested]] = [
        Column(speak("单位", "Unit"), lambda one: term("unit", one.cohort.unit)),
        Column(speak("获得月份", "Earned in"), lambda one: one.cohort.earned_in, "day"),
        Column(speak("出资方", "Funded by"), lambda one: funder(one.cohort, people)),
        Column(
            speak("当时的估计", "Expected then"),
            lambda one: _whole(one.test.expected),
            "number",
        ),
        Column(
            speak("当时已兑换", "Redeemed then"),
            lambda one: one.test.redeemed_then,
            "number",
        ),
        Column(
            speak("预计本季兑换", "Foretold"),
            lambda one: _whole(one.test.foretold),
            "number",
        ),
        Column(speak("实际兑换", "Came"), lambda one: one.test.came, "number"),
        Column(
            speak("偏差", "Missed by"), lambda one: _whole(one.test.missed), "number"
        ),
    ]
    return workbook(
        name="back-test",
        title=speak("估计回测", "Back-test"),
        columns=columns,
        rows=_tested(period),
        filters={"period": f"{period:%Y-%m}"},
    )


def _found(session: Session, *, period: date, segment: Segment) -> list[Outlook]:
    """Return the cohorts, partners of a kind as one unless they are asked for."""
    by_kind = segment.funding is None and segment.kind is None
    return outlooks(session, period=period, segment=segment, by_kind=by_kind)


def _tested(period: date) -> list[Tested]:
    with current_database().unit_of_work() as session:
        return [Tested(*one) for one in back_tests(session, period=period)]


def _redeemed_at(age: int) -> Callable[[Outlook], int | None]:
    """Return what tells how many points of a cohort were redeemed in a month."""

    def cell(one: Outlook) -> int | None:
        cells = one.row.redeemed
        return cells[age] if age < len(cells) else None

    return cell


def _people() -> dict[str, str]:
    with current_database().unit_of_work() as session:
        return funders(session)


def _part(points: int, issued: int) -> Fraction | None:
    """Return which part of what was issued some points are; None: none was issued."""
    return Fraction(points, issued) if issued > 0 else None


def _whole(points: Fraction | None) -> int | None:
    return None if points is None else whole(points)

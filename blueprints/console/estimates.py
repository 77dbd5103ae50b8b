"""Estimates: how cohorts stand, what the past suggests, and asking for another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.choosing import (
    asked_for,
    chosen_month,
    chosen_page,
    chosen_segment,
    read_month,
)
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.formatting import whole
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.queries import partners
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import open_approvals
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.estimates import operations
from loyalty.estimates.operations import Basis, name_of, named
from loyalty.estimates.outlook import (
    HISTORY_MIN,
    Outlook,
    history_months,
    outlooks,
)
from loyalty.estimates.queries import EXPECT, in_force
from loyalty.estimates.rules import Sensitivity, sensitivity
from loyalty.estimates.triangles import TOGETHER, Segment
from loyalty.finance.cohorts import Cohort, CohortState
from loyalty.journal.queries import deferred
from loyalty.points.entries import UNITS
from loyalty.staff.rules import Permission

_MEMO_CHARS: Final = 500
_DIGITS_MAX: Final = 15
_COHORTS_MAX: Final = 200  # in one request
_ROWS: Final = 50  # on a page
_STEPS: Final = (Fraction(-1), Fraction(1))  # percentage points of the rate (2.9)
_POINTS_OF: Final = "points "  # before the name of a cohort, in a form


@dataclass(frozen=True, slots=True)
class Line:
    """A cohort on the page, with what a point of its rate either way would change."""

    name: str
    stand: Outlook
    less: Sensitivity
    more: Sensitivity


@bp.get("/estimates")
@requires(Permission.READ)
def estimates() -> ResponseReturnValue:
    """Show each cohort: what became of it, what is expected, and who agreed."""
    period, segment = chosen_month(), chosen_segment()
    with current_database().unit_of_work() as session:
        found = _lines(session, period=period, segment=segment)
        holds = in_force(session, period=period)
        waits = open_approvals(session, at=now(), action=EXPECT)
        people = funders(session)
    page, shown = chosen_page(), len(found)
    history = history_months(one.stand for one in found)
    newest = sorted(found, key=_newest_first)[(page - 1) * _ROWS : page * _ROWS]
    return render_template(
        "console/estimates/list.html",
        period=period,
        lines=newest,
        count=shown,
        page=page,
        has_more=page * _ROWS < shown,
        people=people,
        holds=holds,
        waiting=waits,
        asked=asked_for(period, segment),
        choices=choices(people),
        is_segment=bool(segment.brand or segment.tier),
        has_suggestions=history >= HISTORY_MIN and any(_takes(one) for one in found),
        history=history,
        is_short=history < HISTORY_MIN,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )


@bp.get("/estimates.xlsx")
@requires(Permission.READ)
def estimates_xlsx() -> ResponseReturnValue:
    """Return the cohorts of a month as a workbook."""
    period, segment = chosen_month(), chosen_segment()
    with current_database().unit_of_work() as session:
        found = _lines(session, period=period, segment=segment)
        people = funders(session)
    columns: list[Column[Line]] = [
        Column(speak("单位", "Unit"), lambda one: term("unit", one.stand.cohort.unit)),
        Column(speak("获得月份", "Earned in"), _earned_in, "day"),
        Column(
            speak("出资方", "Funded by"), lambda one: funder(one.stand.cohort, people)
        ),
        Column(speak("已发行", "Issued"), lambda one: one.stand.row.issued, "number"),
        Column(speak("待确认", "Pending"), lambda one: one.stand.pending, "number"),
        Column(speak("已兑换", "Redeemed"), lambda one: one.stand.redeemed, "number"),
        Column(speak("已换出", "Exchanged"), lambda one: one.stand.exchanged, "number"),
        Column(speak("占用中", "Held"), lambda one: one.stand.row.held, "number"),
        Column(speak("已过期", "Expired"), lambda one: one.stand.row.expired, "number"),
        Column(speak("已作废", "Voided"), lambda one: one.stand.row.voided, "number"),
        Column(
            speak("预计兑换", "Expected"),
            lambda one: whole(one.stand.expected),
            "number",
        ),
        Column(
            speak("历史推算", "Suggested"),
            lambda one: one.stand.suggestion.expected,
            "number",
        ),
        Column(
            speak("兑换率低 1 个点，收入变动", "Revenue at 1 point less"),
            lambda one: whole(one.less.true_up),
            "yuan",
        ),
        Column(
            speak("兑换率高 1 个点，收入变动", "Revenue at 1 point more"),
            lambda one: whole(one.more.true_up),
            "yuan",
        ),
        Column(speak("申请人", "Asked by"), lambda one: _agreed(one, "maker")),
        Column(speak("审批人", "Agreed by"), lambda one: _agreed(one, "checker")),
        Column(speak("备忘", "Memo"), lambda one: _agreed(one, "memo"), width=40),
    ]
    return workbook(
        name="estimates",
        title=speak("兑换估计", "Estimates"),
        columns=columns,
        rows=found,
        filters=asked_for(period, segment),
    )


@bp.get("/estimates/new")
@requires(Permission.FINANCE_MAKE)
def new_estimates() -> ResponseReturnValue:
    """Show the form; `take` fills in the suggestion of one cohort, or of all."""
    take = request.args.get("take", "")
    period, segment = chosen_month(), chosen_segment()
    with current_database().unit_of_work() as session:
        found = _lines(session, period=period, segment=_whole(segment))
    typed = {
        f"{_POINTS_OF}{one.name}": str(one.stand.suggestion.expected)
        for one in found
        if take in ("all", one.name) and one.stand.suggestion.expected is not None
    }
    basis = Basis.SUGGESTION if typed else Basis.JUDGEMENT
    return _form(
        found,
        typed | {"period": f"{period:%Y-%m}", "basis": basis.value},
        asked=asked_for(period, _whole(segment)),
    )


@bp.post("/estimates")
@requires(Permission.FINANCE_MAKE)
def ask_estimates() -> ResponseReturnValue:
    """Ask for estimates from a month on; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    wanted, faults = _read(typed)
    effective_in = read_month(typed.get("period", ""))
    memo = typed.get("memo", "")[:_MEMO_CHARS]
    basis = typed.get("basis", "")
    missing = {
        "period": effective_in is None,
        "basis": basis not in tuple(Basis),
        "memo": not memo,
    }
    faults += [name for name, is_missing in missing.items() if is_missing]
    if faults or effective_in is None:
        return _again(typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_estimates(
                session,
                wanted=wanted,
                effective_in=effective_in,
                basis=Basis(basis),
                memo=memo,
                maker=this_staff().staff_id,
                at=now(),
            )
            note_asked(session, asked, memo)
            approval_id = asked.approval_id
    except LoyaltyError as error:
        return _again(typed, problem=say(error)), 409
    return sent(approval_id)


def note_asked(session: Session, asked: Approval, memo: str) -> None:
    """Write into the trail what was asked for."""
    note(
        session,
        action=f"{asked.action}.asked",
        object_=f"estimates:{asked.subject}",
        before=asked.before,
        after=asked.after,
        reason=memo,
        approval_id=asked.approval_id,
    )


def sent(approval_id: int) -> ResponseReturnValue:
    """Say that it is another person's turn."""
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def funders(session: Session) -> dict[str, str]:
    """Return what those who fund points are called."""
    return {one.partner: one.name for one in partners(session)}


@bp.app_template_global()
def funder(cohort: Cohort, people: Mapping[str, str]) -> str:
    """Return who funds a cohort, in words; partners of a kind are named together."""
    if cohort.funding.startswith(TOGETHER):
        kind = term("partner_kind", cohort.funding.removeprefix(TOGETHER))
        return speak(f"{kind}（合计）", f"{kind}, together")
    if cohort.funding in people:
        return issuer_name(cohort.funding, people[cohort.funding])
    return term("funding_kind", cohort.funding)


def choices(people: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return what can be chosen in the filters, each with its words."""
    everything = ("", speak("全部", "All"))
    return {
        "unit": [everything, *((one.code, term("unit", one.code)) for one in UNITS)],
        "kind": [everything, *_named("partner_kind", _KINDS)],
        "funding": [
            everything,
            *((code, term("funding_kind", code)) for code in _APART),
            *sorted(people.items()),
        ],
        "brand": [everything, *_named("brand", _BRANDS)],
        "tier": [everything, *_named("tier", _TIERS)],
    }


_BRANDS: Final = ("worldwind", "newspacetime", "up", "ruyitong")
_KINDS: Final = ("bank", "airline", "merchant", "insurer", "venue", "telecom")
_APART: Final = ("operator", "purchased", "goodwill", "fraud")
_TIERS: Final = ("SILVER", "GOLD", "DIAMOND")


def _named(kind: str, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(code, term(kind, code)) for code in codes]


def _whole(segment: Segment) -> Segment:
    """Return the cohorts of which a segment shows a part: these have estimates."""
    return replace(segment, brand=None, tier=None)


def _lines(session: Session, *, period: date, segment: Segment) -> list[Line]:
    """Return the cohorts in their order, each priced as it was deferred last.

    Partners of a kind are shown as one until one of them, or the kind, is asked for.
    """
    fen = in_force(session, period=period).fen_per_point
    kept = deferred(session, period=period)
    by_kind = segment.funding is None and segment.kind is None
    return [
        _line(stand, kept, fen_per_point=fen)
        for stand in outlooks(session, period=period, segment=segment, by_kind=by_kind)
    ]


def _newest_first(one: Line) -> tuple[int, str, str]:
    cohort = one.stand.cohort
    return -cohort.earned_in.toordinal(), cohort.unit, cohort.funding


def _line(
    stand: Outlook, kept: Mapping[Cohort, CohortState], *, fen_per_point: Fraction
) -> Line:
    """Return a cohort with its sensitivity; what was never deferred sells as today."""
    known = [kept[part] for part in stand.parts if part in kept]
    issued = sum(one.issued for one in known)
    if issued > 0:
        fen_per_point = sum((one.allocated for one in known), Fraction(0)) / issued
    state = stand.state(allocated=max(stand.row.issued, 0) * fen_per_point)
    less, more = sensitivity(state, steps=_STEPS, held=stand.row.held)
    return Line(name_of(stand.cohort), stand, less, more)


def _takes(one: Line) -> bool:
    """Whether the past suggests something else than what holds."""
    suggested = one.stand.suggestion.expected
    return suggested is not None and suggested != one.stand.expected


def _read(typed: Mapping[str, str]) -> tuple[dict[Cohort, int], list[str]]:
    """Return the estimates that a form gives, and the names of unreadable ones."""
    wanted, faults = {}, []
    given = [name for name, said in typed.items() if name.startswith(_POINTS_OF)]
    for field in given[:_COHORTS_MAX]:
        said = typed[field].replace(",", "")
        if not said:
            continue
        if said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX:
            wanted[named(field.removeprefix(_POINTS_OF))] = int(said)
        else:
            faults.append(field)
    return wanted, faults


def _again(
    typed: Mapping[str, str], *, faults: list[str] | None = None, problem: str = ""
) -> str:
    """Show the form as it was filled in, with what is wrong about it."""
    period, segment = chosen_month(), _whole(chosen_segment())
    with current_database().unit_of_work() as session:
        found = _lines(session, period=period, segment=segment)
    asked = asked_for(period, segment)
    return _form(found, typed, asked=asked, faults=faults, problem=problem)


def _form(
    found: list[Line],
    typed: Mapping[str, str],
    *,
    asked: Mapping[str, str],
    faults: list[str] | None = None,
    problem: str = "",
) -> str:
    with current_database().unit_of_work() as session:
        people = funders(session)
    return render_template(
        "console/estimates/form.html",
        people=people,
        lines=sorted(found, key=_newest_first)[:_COHORTS_MAX],
        typed=typed,
        asked=asked,
        faults=faults or [],
        problem=problem,
        bases=[(one.value, term("estimate_basis", one)) for one in Basis],
        points_of=_POINTS_OF,
    )


def _earned_in(one: Line) -> date:
    return one.stand.cohort.earned_in


def _agreed(one: Line, name: str) -> object:
    return getattr(one.stand.agreed, name) if one.stand.agreed else ""

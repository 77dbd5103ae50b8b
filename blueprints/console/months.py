"""Month-ends: the checklist of a month, its sign-off, and opening it again."""

import re
from collections.abc import Callable
from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.formatting import number, points, yuan
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import open_approvals
from loyalty.clock import now
from loyalty.closing import operations, queries
from loyalty.closing.figures import drift
from loyalty.closing.queries import LateEntry, StepState
from loyalty.closing.rules import Fact
from loyalty.closing.steps import BY_CODE
from loyalty.errors import LoyaltyError
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

_MONTHS, _LATE, _LATE_EXPORTED = 60, 50, 10_000
_NOTE_CHARS = 300
_PERIOD = re.compile(r"(19|[2-8][0-9])[0-9]{2}-(0[1-9]|1[0-2])")
# Where more of a step is seen.
_PAGES = {
    "reference_frozen": "console.rates",
    "partner_match": "console.all_breaks",
    "till_totals": "console.all_breaks",
    "insurer_bill": "console.all_breaks",
    "vouchers": "console.vouchers",
    "flags": "console.approvals",
    "churned_wallets": "console.leavings",
    "cohorts": "console.estimates",
    "statements": "console.all_statements",
    "working_paper": "console.estimates",
}


@bp.get("/months")
@requires(Permission.READ)
def all_months() -> ResponseReturnValue:
    """List the months that the books know, and which of them are closed."""
    with current_database().unit_of_work() as session:
        return render_template(
            "console/months/list.html", months=queries.months(session, limit=_MONTHS)
        )


@bp.get("/months/<period>")
@requires(Permission.READ)
def month_end(period: str) -> ResponseReturnValue:
    """Show the checklist of a month: what is done, what is open, and what blocks."""
    return _page(_month(period))


@bp.get("/months/<period>/late.xlsx")
@requires(Permission.READ)
def late_xlsx(period: str) -> ResponseReturnValue:
    """Return what a month took in for days before it, as a workbook."""
    first_day = _month(period)
    with current_database().unit_of_work() as session:
        found = queries.late_entries(session, period=first_day, limit=_LATE_EXPORTED)
    columns: list[Column[LateEntry]] = [
        Column(speak("发生日", "Happened on"), lambda one: one.occurred_on, "day"),
        Column(speak("记账日", "Booked on"), lambda one: one.effective_on, "day"),
        Column(speak("会员", "Member"), lambda one: one.member_ref),
        Column(speak("种类", "Kind"), lambda one: term("entry_kind", one.kind)),
        Column(speak("单位", "Unit"), lambda one: term("unit", one.unit)),
        Column(speak("积分", "Points"), lambda one: one.points, "number"),
        Column(speak("入账时间", "Recorded at"), lambda one: one.recorded_at, "moment"),
        Column(speak("经办", "By"), lambda one: one.actor),
    ]
    return workbook(
        name=f"late-{period}",
        title=speak("迟到的账", "Late entries"),
        columns=columns,
        rows=found,
        filters={speak("月份", "Month"): period},
    )


@bp.post("/months/<period>/steps/<step>")
@requires(Permission.READ)
def tick_step(period: str, step: str) -> ResponseReturnValue:
    """Tick a step off, or take that back; its owner's permission is needed."""
    if this_staff().permissions.isdisjoint(one.owner for one in BY_CODE.values()):
        abort(403)  # owns no step, whichever there are
    first_day, known = _month(period), BY_CODE.get(step)
    if known is None:
        abort(404)
    if known.owner not in this_staff().permissions:
        abort(403)
    is_taken_back = request.form.get("act") == "take_back"
    said = request.form.get("note", "").strip()[:_NOTE_CHARS] or None

    def do(session: Session) -> None:
        who: dict[str, int] = {"staff_id": this_staff().staff_id}
        if is_taken_back:
            made = operations.take_back(
                session, period=first_day, step=step, at=now(), **who
            )
        else:
            made = operations.tick(
                session, period=first_day, step=step, note=said, at=now(), **who
            )
        note(
            session,
            action=f"month.{'take_back' if is_taken_back else 'tick'}",
            object_=f"month:{period}:{step}",
            after={"evidence_hash": made.evidence_hash},
            reason=said,
        )

    return _done(first_day, do, anchor=step)


@bp.post("/months/<period>/sign-off")
@requires(Permission.FINANCE_MAKE)
def sign_off(period: str) -> ResponseReturnValue:
    """Ask a reviewer to sign a month off, which closes it."""
    return _asked(_month(period), operations.ask_sign_off)


@bp.post("/months/<period>/reopen")
@requires(Permission.REOPEN_MAKE)
def reopen(period: str) -> ResponseReturnValue:
    """Ask for the last closed month to be opened again."""
    return _asked(_month(period), operations.ask_reopening)


def _asked(first_day: date, ask: Callable[..., Approval]) -> ResponseReturnValue:
    """Ask for something about a month, with a reason, and lead to the request."""
    said = request.form.get("reason", "").strip()[:_NOTE_CHARS]
    if not said:
        return _page(first_day, fault=speak("请写明理由。", "Please say why.")), 422
    try:
        with current_database().unit_of_work() as session:
            made = ask(
                session,
                period=first_day,
                reason=said,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action=f"{made.action}.asked",
                object_=f"month:{made.subject}",
                before=made.before,
                after=made.after,
                reason=said,
                approval_id=made.approval_id,
            )
            approval_id = made.approval_id
    except LoyaltyError as error:
        return _page(first_day, problem=say(error), said=said), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _done(
    first_day: date, do: Callable[[Session], None], *, anchor: str
) -> ResponseReturnValue:
    try:
        with current_database().unit_of_work() as session:
            do(session)
    except LoyaltyError as error:
        return _page(first_day, problem=say(error)), 409
    period = f"{first_day:%Y-%m}"
    return redirect(url_for("console.month_end", period=period, _anchor=anchor), 303)


def _page(
    first_day: date, *, problem: str = "", fault: str = "", said: str = ""
) -> str:
    permissions = this_staff().permissions
    with current_database().unit_of_work() as session:
        found = queries.checklist(session, period=first_day, at=now())
        waiting = {
            asked.action: asked.approval_id
            for asked in open_approvals(session, at=now())
            if asked.subject == f"{first_day:%Y-%m}"
        }
        return render_template(
            "console/months/one.html",
            found=found,
            period=f"{first_day:%Y-%m}",
            done=len(found.steps) - len(found.unticked),
            facts=_facts,
            findings=_findings,
            pages=_PAGES,
            permissions=permissions,
            people=names(session),
            closes=queries.closes(session, period=first_day),
            reopenings=queries.reopenings(session, period=first_day),
            # Computing all figures again takes its time.
            drifted=drift(session, found.close)
            if found.close and "recompute" in request.args
            else None,
            late=queries.late_entries(session, period=first_day, limit=_LATE),
            late_count=queries.late_count(session, period=first_day),
            signing=waiting.get(operations.SIGN_OFF),
            reopening=waiting.get(operations.REOPEN),
            may_sign=Permission.FINANCE_MAKE in permissions,
            may_reopen=Permission.REOPEN_MAKE in permissions
            and queries.is_last_closed(session, period=first_day),
            problem=problem,
            fault=fault,
            said=said,
        )


def _month(period: str) -> date:
    """Return the first day of the month that an address names."""
    if not _PERIOD.fullmatch(period):
        abort(404)
    return date.fromisoformat(f"{period}-01")


def _facts(one: StepState) -> list[tuple[str, str]]:
    """Return the figures of a step as a person reads them, each with its name."""
    figures = {**one.evidence.facts, **one.evidence.beside}
    return [(_name(name), _figure(name, said)) for name, said in figures.items()]


def _name(name: str) -> str:
    """Return what a figure is called; behind a dot stands whose it is."""
    figure, _, whose = name.partition(".")
    words = term("close_figure", figure)
    if not whose:
        return words
    unit = term("unit", whose)
    return f"{words} · {unit if unit != whose else issuer_name(whose, None)}"


def _figure(name: str, said: Fact) -> str:
    figure = name.partition(".")[0]
    if said is None:
        return "–"
    if isinstance(said, str):
        return said[:12] if figure.endswith("_hash") else said
    if figure.endswith("_fen"):
        return yuan(said)
    return points(said) if "." in name or "points" in figure else number(said)


def _findings(one: StepState) -> list[tuple[str, bool]]:
    """Return what is wrong with a step in words, and whether it blocks the close."""
    gap = speak("", " ")
    return [
        (f"{number(wrong.count)}{gap}{term('close_finding', wrong.code)}", wrong.blocks)
        for wrong in one.evidence.findings
    ]

"""What partners dispute of their months, and what finance answers."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.alliance.queries import partners
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError, Missing
from loyalty.settlement import operations, queries
from loyalty.settlement.models import Dispute
from loyalty.settlement.rules import ANSWER_WITHIN, STATES
from loyalty.staff.rules import Permission

_ANSWER_CHARS = 300


@bp.get("/disputes")
@requires(Permission.READ)
def all_disputes() -> ResponseReturnValue:
    """List what partners dispute, by state."""
    chosen = _chosen()
    with current_database().unit_of_work() as session:
        return render_template(
            "console/disputes/list.html",
            disputes=queries.disputes(session, state=chosen or None),
            counts=queries.disputes_by_state(session),
            chosen=chosen,
            answered_since=now() - ANSWER_WITHIN,
            names={one.partner: one.name for one in partners(session)},
        )


@bp.get("/disputes.xlsx")
@requires(Permission.READ)
def all_disputes_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    chosen = _chosen()
    with current_database().unit_of_work() as session:
        found = list(queries.disputes(session, state=chosen or None))
    columns: list[Column[Dispute]] = [
        Column(speak("编号", "Number"), lambda one: one.dispute_id, width=30),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("账期", "Month"), lambda one: f"{one.period:%Y-%m}"),
        Column(speak("差异", "Break"), lambda one: term("break", one.break_code)),
        Column(speak("对方流水", "Their reference"), lambda one: one.partner_ref),
        Column(speak("说明", "Why"), lambda one: one.reason, width=40),
        Column(
            speak("状态", "State"),
            lambda one: state_words(f"dispute_{one.state}").words,
        ),
        Column(speak("提出时间", "Raised at"), lambda one: one.raised_at, "moment"),
        Column(speak("答复", "Answer"), lambda one: one.answer, width=40),
        Column(speak("答复时间", "Answered at"), lambda one: one.answered_at, "moment"),
    ]
    return workbook(
        name="disputes",
        title=speak("对账异议", "Disputes"),
        columns=columns,
        rows=found,
        filters={speak("状态", "State"): chosen},
    )


@bp.get("/disputes/<dispute_id>")
@requires(Permission.READ)
def dispute(dispute_id: str) -> ResponseReturnValue:
    """Show a dispute beside what its month came to, and the form that answers it."""
    return _page(dispute_id)


@bp.post("/disputes/<dispute_id>")
@requires(Permission.FINANCE_MAKE)
def answer_dispute(dispute_id: str) -> ResponseReturnValue:
    """Reject a dispute, or ask for it to be accepted; the partner reads the answer."""
    said = request.form.get("answer", "").strip()[:_ANSWER_CHARS]
    if not said:
        fault = speak(
            "请写明答复，对方会看到。", "Please answer; the partner reads it."
        )
        return _page(dispute_id, fault=fault), 422
    granted = form.fen("granted_yuan") if form.words("granted_yuan") else 0
    try:
        if request.form.get("act") == "accept":
            if granted is None or granted < 0:
                fault = speak("请核对这一项。", "Please check this.")
                return _page(dispute_id, said=said, granted_fault=fault), 422
            return _ask(dispute_id, said, granted)
        _reject(dispute_id, said)
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(dispute_id, problem=say(error), said=said), 409
    flash(speak("已答复对方。", "The partner has its answer."), "done")
    return redirect(url_for("console.dispute", dispute_id=dispute_id), 303)


def _ask(dispute_id: str, said: str, granted_fen: int) -> ResponseReturnValue:
    with current_database().unit_of_work() as session:
        asked = operations.ask_acceptance(
            session,
            dispute_id=dispute_id,
            answer=said,
            granted_fen=granted_fen,
            maker=this_staff().staff_id,
            at=now(),
        )
        note(
            session,
            action="dispute.ask_accept",
            object_=f"dispute:{dispute_id}",
            after=asked.after,
            reason=said,
            approval_id=asked.approval_id,
        )
        approval_id = asked.approval_id
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _reject(dispute_id: str, said: str) -> None:
    with current_database().unit_of_work() as session:
        operations.reject(
            session,
            dispute_id=dispute_id,
            answer=said,
            actor=f"staff:{this_staff().staff_id}",
            at=now(),
        )
        note(
            session,
            action="dispute.reject",
            object_=f"dispute:{dispute_id}",
            after={"state": "rejected"},
            reason=said,
        )


def _chosen() -> str:
    asked = request.args.get("state", "")
    return asked if asked in STATES else ""


def _page(
    dispute_id: str,
    *,
    problem: str = "",
    fault: str = "",
    said: str = "",
    granted_fault: str = "",
) -> str:
    with current_database().unit_of_work() as session:
        shown = queries.dispute(session, dispute_id=dispute_id)
        names = {one.partner: one.name for one in partners(session)}
        today = business_date()
        totals = (
            queries.month_of(
                session, partner=shown.partner, period=shown.period, today=today
            )
            if shown.period <= today
            else []
        )
    return render_template(
        "console/disputes/one.html",
        dispute=shown,
        partner=issuer_name(shown.partner, names.get(shown.partner)),
        totals=totals,
        may_answer=shown.state == "open"
        and Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        said=said,
        granted_fault=granted_fault,
        typed=request.form,
    )

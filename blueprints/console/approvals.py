"""What waits for a second person: the inbox, and one request with its two sides."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.deciding import ACTIONS, facts_of, may_decide, page_of
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, state_words, term
from loyalty.approvals import operations, queries
from loyalty.approvals.models import Approval
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

_SHOWN = ("open", "mine", "decided")
_NOTE_CHARS = 300
_DECIDED_ROWS = 200


@bp.get("/approvals")
@requires(Permission.READ)
def approvals() -> ResponseReturnValue:
    """Show what can be decided, what one asked for oneself, or what was decided."""
    found, people, shown = _listed()
    caller = this_staff()
    return render_template(
        "console/approvals/list.html",
        approvals=found,
        people=people,
        shown=shown,
        mine={one.approval_id for one in found if may_decide(caller, one)},
    )


@bp.get("/approvals.xlsx")
@requires(Permission.READ)
def approvals_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    found, people, shown = _listed()
    columns: list[Column[Approval]] = [
        Column(speak("编号", "Number"), lambda one: one.approval_id, "number"),
        Column(speak("申请", "Request"), lambda one: term("action", one.action)),
        Column(speak("对象", "Subject"), lambda one: one.subject),
        Column(speak("状态", "State"), lambda one: state_words(one.state).words),
        Column(speak("申请人", "Asked by"), lambda one: people.get(one.maker, "")),
        Column(speak("申请时间", "Asked at"), lambda one: one.requested_at, "moment"),
        Column(speak("理由", "Why"), lambda one: one.reason, width=40),
        Column(
            speak("审批人", "Decided by"),
            lambda one: people.get(one.checker, "") if one.checker else "",
        ),
        Column(speak("审批时间", "Decided at"), lambda one: one.decided_at, "moment"),
        Column(speak("意见", "Note"), lambda one: one.note, width=40),
    ]
    return workbook(
        name="approvals",
        title=speak("审批", "Approvals"),
        columns=columns,
        rows=found,
        filters={speak("范围", "Which"): shown},
    )


@bp.get("/approvals/<int:approval_id>")
@requires(Permission.READ)
def approval(approval_id: int) -> ResponseReturnValue:
    """Show a request: before and after side by side, who asked and why."""
    return _page(approval_id)


@bp.post("/approvals/<int:approval_id>")
@requires(Permission.READ)
def decide(approval_id: int) -> ResponseReturnValue:
    """Approve, reject or withdraw a request; approved, it is made so at once.

    Approving needs the permission of its action, and another person than who asked;
    the database refuses the same person as well.
    """
    act = request.form.get("act", "")
    said = request.form.get("note", "").strip()[:_NOTE_CHARS]
    if act == "reject" and not said:
        fault = speak("请写明不同意的理由。", "Please say why not.")
        return _page(approval_id, fault=fault), 422
    try:
        done = _decided(approval_id, act, said or None)
    except LoyaltyError as error:
        return _page(approval_id, problem=say(error), said=said), 409
    if done is None:
        refused = speak(
            "您不能审批这条申请：需要有权限的另一位同事。",
            "You cannot decide about this: it takes another person with permission.",
        )
        return _page(approval_id, problem=refused, said=said), 403
    flash(state_words(done.state).words, "done")
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _decided(approval_id: int, act: str, said: str | None) -> Approval | None:
    """Decide, make it so and write it down; None: not for this caller to decide."""
    caller, at = this_staff(), now()
    with current_database().unit_of_work() as session:
        asked = queries.approval(session, approval_id=approval_id)
        if act == "withdraw":
            done = operations.withdraw(
                session, approval_id=approval_id, maker=caller.staff_id, at=at
            )
        elif not may_decide(caller, asked):
            return None
        else:
            decision = operations.approve if act == "approve" else operations.reject
            done = decision(
                session,
                approval_id=approval_id,
                checker=caller.staff_id,
                note=said,
                at=at,
            )
        if done.state == "approved":
            ACTIONS[done.action].apply(session, done, at)
        note(
            session,
            action=f"{done.action}.{done.state}",
            object_=_object(done),
            before=done.before,
            after=done.after,
            reason=said,
            approval_id=approval_id,
        )
        return done


def _object(asked: Approval) -> str:
    topic = asked.action.partition(".")[0]
    return f"{'item' if topic == 'catalogue' else topic}:{asked.subject}"


def _listed() -> tuple[list[Approval], dict[int, str], str]:
    """Return what the address asks for, with the names of people, and which it is."""
    asked = request.args.get("show", "open")
    shown = asked if asked in _SHOWN else "open"
    at, me = now(), this_staff().staff_id
    with current_database().unit_of_work() as session:
        if shown == "decided":
            found = list(queries.decided(session, at=at, limit=_DECIDED_ROWS))
        else:
            found = list(queries.open_approvals(session, at=at))
        people = names(session)
    if shown == "mine":
        found = [one for one in found if one.maker == me]
    return found, people, shown


def _page(
    approval_id: int, *, problem: str = "", fault: str = "", said: str = ""
) -> str:
    caller, at = this_staff(), now()
    with current_database().unit_of_work() as session:
        asked = queries.approval(session, approval_id=approval_id)
        people = names(session)
    is_open = asked.state == "open" and asked.expires_at >= at
    return render_template(
        "console/approvals/one.html",
        approval=asked,
        people=people,
        facts=facts_of(asked),
        more=page_of(asked),
        state="expired" if asked.state == "open" and not is_open else asked.state,
        may_decide=is_open and may_decide(caller, asked),
        may_withdraw=is_open and asked.maker == caller.staff_id,
        problem=problem,
        fault=fault,
        said=said,
    )

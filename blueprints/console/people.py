"""Who works here, and what they may do."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.staff import operations
from loyalty.staff.models import Staff
from loyalty.staff.queries import by_login, everybody
from loyalty.staff.rules import ROLES, Permission

_REASON_CHARS = 300


@bp.get("/staff")
@requires(Permission.READ)
def staff() -> ResponseReturnValue:
    """List who works here, and who did."""
    with current_database().unit_of_work() as session:
        people = list(everybody(session))
    return render_template("console/staff/list.html", people=people)


@bp.get("/staff.xlsx")
@requires(Permission.READ)
def staff_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    with current_database().unit_of_work() as session:
        people = list(everybody(session))
    columns: list[Column[Staff]] = [
        Column(speak("登录名", "Login"), lambda one: one.login),
        Column(speak("姓名", "Name"), lambda one: one.name),
        Column(speak("角色", "Roles"), _roles, width=40),
        Column(speak("渠道", "Channel"), lambda one: term("channel", one.channel)),
        Column(speak("营业厅", "Hall"), lambda one: one.hall),
        Column(speak("开通时间", "Since"), lambda one: one.created_at, "moment"),
        Column(speak("停用时间", "Until"), lambda one: one.disabled_at, "moment"),
    ]
    return workbook(
        name="staff",
        title=speak("员工", "Staff"),
        columns=columns,
        rows=people,
        filters={},
    )


@bp.get("/staff/<login>")
@requires(Permission.READ)
def colleague(login: str) -> ResponseReturnValue:
    """Show somebody who works here, and let their roles be asked for."""
    return _page(login)


@bp.post("/staff/<login>/roles")
@requires(Permission.STAFF_MAKE)
def ask_roles(login: str) -> ResponseReturnValue:
    """Ask that a colleague have other roles; another administrator decides."""
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        return _page(login, fault=speak("请写明理由。", "Please say why.")), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_roles(
                session,
                login=login,
                roles=request.form.getlist("roles"),
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="staff.roles.asked",
                object_=f"staff:{login}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except LoyaltyError as error:
        return _page(login, problem=say(error), reason=reason), 422
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


@bp.post("/staff/<login>/disable")
@requires(Permission.STAFF_MAKE)
def disable_colleague(login: str) -> ResponseReturnValue:
    """Let a colleague in no more, and end what they are signed in to."""
    if login == this_staff().login:
        own = speak("不能停用自己的账号。", "You cannot shut yourself out.")
        return _page(login, problem=own), 409
    with current_database().unit_of_work() as session:
        operations.disable(session, login=login, at=now())
        note(
            session,
            action="staff.disable",
            object_=f"staff:{login}",
            before={"state": "active"},
            after={"state": "disabled"},
        )
    flash(speak("已停用。", "They can sign in no more."), "done")
    return redirect(url_for("console.colleague", login=login), 303)


def _page(login: str, *, problem: str = "", fault: str = "", reason: str = "") -> str:
    with current_database().unit_of_work() as session:
        found = by_login(session, login=login)
    caller = this_staff()
    return render_template(
        "console/staff/one.html",
        person=found,
        roles=list(ROLES),
        may_make=Permission.STAFF_MAKE in caller.permissions
        and found.disabled_at is None
        and found.staff_id != caller.staff_id,
        problem=problem,
        fault=fault,
        reason=reason,
    )


def _roles(person: Staff) -> str:
    return speak("、", ", ").join(term("role", role) for role in person.roles)

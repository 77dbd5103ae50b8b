"""How much may be changed by hand, and for which reasons."""

from datetime import date
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.adjustments.errors import BadAdjustment
from loyalty.adjustments.governance import CHANGE, FIGURES, ask_limits
from loyalty.adjustments.queries import all_limits, budget_used, reasons
from loyalty.adjustments.rules import Limits
from loyalty.approvals.queries import open_approvals
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.staff.rules import Permission

_REASON_CHARS: Final = 300
_DIGITS_MAX: Final = 12


@bp.get("/adjustments/limits")
@requires(Permission.READ)
def adjustment_limits() -> ResponseReturnValue:
    """Show the limits of all times, the reasons, and what is left of the budget."""
    return _page({})


@bp.post("/adjustments/limits")
@requires(Permission.FINANCE_MAKE)
def ask_adjustment_limits() -> ResponseReturnValue:
    """Ask for other limits; another person of finance decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    reason = typed.get("reason", "")[:_REASON_CHARS]
    figures = {name: _number(typed.get(name, "")) for name in FIGURES}
    starts_on = _day(typed.get("starts_on", ""))
    if starts_on is None or not reason:
        faults = ["starts_on"] if starts_on is None else []
        return _page(typed, faults=faults + ([] if reason else ["reason"])), 422
    try:
        with current_database().unit_of_work() as session:
            asked = ask_limits(
                session,
                wanted=Limits(version=0, starts_on=starts_on, **figures),
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="adjustment.limits.asked",
                object_=f"adjustment_limits:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadAdjustment as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _page(typed, faults=wrong), 422
    except LoyaltyError as error:
        return _page(typed, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _page(
    typed: dict[str, str], *, faults: list[str] | None = None, problem: str = ""
) -> str:
    at = now()
    with current_database().unit_of_work() as session:
        versions = all_limits(session)
        known = reasons(session)
        used = budget_used(session, on=at.date())
        asked = open_approvals(session, at=at, action=CHANGE)
    holding = next((one for one in versions if one.starts_on <= at.date()), None)
    newest = versions[0] if versions else None
    standing = {name: str(getattr(newest, name)) for name in FIGURES} if newest else {}
    return render_template(
        "console/adjustments/limits.html",
        versions=versions,
        holding=holding,
        reasons=known,
        used=used,
        figures=FIGURES,
        typed=standing | typed,
        faults=faults or [],
        problem=problem,
        waiting=asked[0].approval_id if asked else None,
        may_make=newest is not None
        and Permission.FINANCE_MAKE in this_staff().permissions,
        always=date.min,
    )


def _number(written: str) -> int:
    written = written.replace(",", "")
    is_number = written.isascii() and written.isdecimal()
    return int(written) if is_number and len(written) <= _DIGITS_MAX else 0


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None

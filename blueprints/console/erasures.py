"""Members who wish to be forgotten: two people of staff see to it."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.members.operations import propose_erasure
from loyalty.members.queries import erasures as asked_erasures
from loyalty.staff.rules import Permission

_REASON_CHARS = 300


@bp.get("/erasures")
@requires(Permission.READ)
def erasures() -> ResponseReturnValue:
    """List who wishes to be forgotten, and from when on it may be done."""
    return _page()


@bp.post("/erasures/<int:member_id>")
@requires(Permission.MEMBER_ERASE_MAKE)
def propose(member_id: int) -> ResponseReturnValue:
    """Ask a second person to erase a member whose time to think is over."""
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        return _page(problem=speak("请写明理由。", "Please say why.")), 422
    try:
        with current_database().unit_of_work() as session:
            asked = propose_erasure(
                session,
                member_id=member_id,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            approval_id = asked.approval_id
            note(
                session,
                action="member.erase.asked",
                object_=f"member:{member_id}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=approval_id,
            )
    except LoyaltyError as error:
        return _page(problem=say(error)), 409
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _page(*, problem: str = "") -> str:
    with current_database().unit_of_work() as session:
        found = asked_erasures(session)
    return render_template(
        "console/erasures.html",
        erasures=found,
        today=business_date(),
        may_make=Permission.MEMBER_ERASE_MAKE in this_staff().permissions,
        problem=problem,
    )

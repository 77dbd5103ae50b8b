"""The first page of the console: what waits, and where to begin."""

from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.deciding import may_decide
from blueprints.sessions import requires, staff, this_staff
from loyalty.approvals.queries import open_approvals
from loyalty.catalogue.queries import all_items, waiting
from loyalty.churn.queries import alarms
from loyalty.clock import now
from loyalty.events.queries import stopped
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

_SOON = timedelta(days=30)
_FEW_LEFT = 10


@bp.context_processor
def _frame() -> dict[str, object]:
    """Tell the frame who is signed in, and how much waits for them."""
    caller = staff()
    if caller is None or Permission.READ not in caller.permissions:
        return {"caller": caller, "waiting_for_me": 0}
    with current_database().unit_of_work() as session:
        mine = [
            approval
            for approval in open_approvals(session, at=now())
            if may_decide(caller, approval)
        ]
    return {"caller": caller, "waiting_for_me": len(mine)}


@bp.get("/")
@requires(Permission.ENTER)
def home() -> ResponseReturnValue:
    """Show what waits for whoever is signed in."""
    caller, at = this_staff(), now()
    on = at.date()
    if Permission.READ not in caller.permissions:
        return render_template("console/home.html", today=on, figures=None)
    with current_database().unit_of_work() as session:
        asked = open_approvals(session, at=at)
        items = all_items(session)
        changes = waiting(session)
        people = names(session)
        unheard = stopped(session)
        unsettled = alarms(session)
    on_sale = [item for item in items if item.state == "published"]
    figures = {
        "on_sale": len(on_sale),
        "drafts": sum(item.state == "draft" for item in items),
        "ending": sum(
            item.valid_until is not None and on <= item.valid_until <= on + _SOON
            for item in on_sale
        ),
        "few_left": sum(
            item.stock_left is not None and item.stock_left <= _FEW_LEFT
            for item in on_sale
        ),
        "alarms": unsettled,
        "mine": sum(approval.maker == caller.staff_id for approval in asked),
    }
    return render_template(
        "console/home.html",
        today=on,
        figures=figures,
        for_me=[approval for approval in asked if may_decide(caller, approval)],
        changes=changes,
        titles={item.item_code: item for item in items},
        people=people,
        unheard=unheard,
    )

"""A member's policies: what covers them, and how to step back in time."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints import services
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.shop import partner_names
from loyalty.clock import business_date
from loyalty.orders.queries import policies


@bp.get("/insurance")
@member_required
def insurance() -> ResponseReturnValue:
    """List the policies that points brought, those that cover now first."""
    today = business_date()
    with services().database.unit_of_work() as session:
        found = policies(session, member_id=this_member().member_id)
        names = partner_names(session)
    covers = [
        (line, policy)
        for line, policy in found
        if policy.canceled_on is None and policy.covered_until >= today
    ]
    past = [pair for pair in found if pair not in covers]
    return render_template(
        "web/insurance.html", covers=covers, past=past, names=names, today=today
    )

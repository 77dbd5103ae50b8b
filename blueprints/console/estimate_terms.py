"""The terms of estimates: what is expected of points until somebody knows better."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.choosing import read_month
from blueprints.console.estimates import note_asked, sent
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.approvals.queries import open_approvals
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.estimates import operations
from loyalty.estimates.errors import BadEstimateTerms
from loyalty.estimates.queries import CHANGE_TERMS, versions
from loyalty.staff.rules import Permission

_CHARS_MAX: Final = 12
_REASON_CHARS: Final = 300


@bp.get("/estimates/terms")
@requires(Permission.READ)
def estimate_terms() -> ResponseReturnValue:
    """Show all versions, and the form of the next."""
    return _page()


@bp.post("/estimates/terms")
@requires(Permission.FINANCE_MAKE)
def ask_estimate_terms() -> ResponseReturnValue:
    """Ask for a next version; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    rate = _decimal(typed.get("redemption_rate", ""))
    value = _decimal(typed.get("point_value_fen", ""))
    effective_in = read_month(typed.get("effective_in", ""))
    reason = typed.get("reason", "")[:_REASON_CHARS]
    given = {
        "redemption_rate": rate is not None,
        "point_value_fen": value is not None,
        "effective_in": effective_in is not None,
        "reason": bool(reason),
    }
    faults = [name for name, is_given in given.items() if not is_given]
    if faults or rate is None or value is None or effective_in is None:
        return _page(typed=typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_terms(
                session,
                redemption_rate=rate / 100,
                point_value_fen=value * 100,
                effective_in=effective_in,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note_asked(session, asked, reason)
            approval_id = asked.approval_id
    except BadEstimateTerms as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _page(typed=typed, faults=wrong), 422
    except LoyaltyError as error:
        return _page(typed=typed, problem=say(error)), 409
    return sent(approval_id)


def _decimal(said: str) -> Fraction | None:
    """Return a number as it is written; None: it is none."""
    if len(said) > _CHARS_MAX:
        return None
    try:
        written = Decimal(said)
    except InvalidOperation:
        return None
    return Fraction(written) if written.is_finite() else None


def _page(
    *,
    typed: dict[str, str] | None = None,
    faults: list[str] | None = None,
    problem: str = "",
) -> str:
    at = now()
    with current_database().unit_of_work() as session:
        found = versions(session)
        waits = open_approvals(session, at=at, action=CHANGE_TERMS)
    month = business_date().replace(day=1)
    holding = next((one for one in found if one.valid_from <= month), None)
    return render_template(
        "console/estimates/terms.html",
        versions=found,
        holding=holding,
        waiting=waits[0].approval_id if waits else None,
        typed=typed or {"effective_in": f"{month:%Y-%m}"},
        faults=faults or [],
        problem=problem,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )

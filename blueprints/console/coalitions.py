"""Coalitions whose points bills give in place of our own: on which terms."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.models import COALITION
from loyalty.alliance.queries import partners
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.prepaid import coalitions as terms
from loyalty.prepaid import queries
from loyalty.prepaid.errors import BadCoalition
from loyalty.prepaid.models import CoalitionTerms
from loyalty.staff.rules import Permission

_BRANDS = ("worldwind", "newspacetime", "up", "ruyitong")
_DIGITS_MAX = 6
_REASON_CHARS = 300
_COUNTS = (
    *("points_num", "points_den", "price_thousand_fen", "worth_thousand_fen"),
    "honors_thousand_fen",
)


@bp.get("/coalitions")
@requires(Permission.READ)
def coalitions() -> ResponseReturnValue:
    """Show on which terms bills give coalitions' points, the newest first."""
    return _page()


@bp.get("/coalitions.xlsx")
@requires(Permission.READ)
def coalitions_xlsx() -> ResponseReturnValue:
    """Return the terms as a workbook."""
    with current_database().unit_of_work() as session:
        found = queries.coalitions(session)
    columns: list[Column[CoalitionTerms]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("起用", "From"), lambda one: one.valid_from, "day"),
        Column(speak("品牌", "Brands"), lambda one: _brands(one.brands), width=28),
        Column(
            speak("每元积分", "Points per yuan"),
            lambda one: f"{one.points_num}/{one.points_den}",
        ),
        Column(
            term("item_field", "price_thousand_fen"),
            lambda one: one.price_thousand_fen,
            "yuan",
        ),
        Column(
            term("item_field", "worth_thousand_fen"),
            lambda one: one.worth_thousand_fen,
            "yuan",
        ),
        Column(
            term("item_field", "honors_thousand_fen"),
            lambda one: one.honors_thousand_fen,
            "yuan",
        ),
        Column(speak("结算", "Billing"), lambda one: term("billing", one.billing)),
    ]
    return workbook(
        name="coalitions",
        title=speak("联盟方积分", "Coalitions' points"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.post("/coalitions")
@requires(Permission.FINANCE_MAKE)
def ask_coalition() -> ResponseReturnValue:
    """Ask for bills to give a coalition's points; another person decides."""
    form = request.form
    counts = {name: _count(name) for name in _COUNTS}
    valid_from = _day("valid_from")
    reason = form.get("reason", "").strip()[:_REASON_CHARS]
    given = {name: count is not None for name, count in counts.items()}
    given |= {"valid_from": valid_from is not None, "reason": bool(reason)}
    if valid_from is None or not all(given.values()):
        return _page(faults=[name for name, is_given in given.items() if not is_given])
    wanted = terms.Wanted(
        partner=form.get("partner", ""),
        valid_from=valid_from,
        brands=form.getlist("brands"),
        billing=form.get("billing", ""),
        **{name: count for name, count in counts.items() if count is not None},
    )
    try:
        with current_database().unit_of_work() as session:
            asked = terms.ask_terms(
                session,
                wanted=wanted,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="prepaid.ask_coalition",
                object_=f"partner:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadCoalition as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _page(faults=wrong)
    except LoyaltyError as error:
        return _page(problem=say(error), status=409)
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _page(
    *, faults: list[str] | None = None, problem: str = "", status: int | None = None
) -> tuple[str, int]:
    with current_database().unit_of_work() as session:
        found = queries.coalitions(session)
        named = {
            one.partner: issuer_name(one.partner, one.name)
            for one in partners(session)
            if one.kind == COALITION
        }
    page = render_template(
        "console/exchange/coalitions.html",
        terms=found,
        names=named,
        partners=sorted(named.items()),
        brands=_BRANDS,
        brands_of=_brands,
        ways=[(one, term("billing", one)) for one in terms.BILLINGS],
        typed=request.form,
        problem=problem,
        faults=faults or [],
        fault_words=speak("请核对这一项。", "Please check this."),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )
    return page, status or (422 if faults else 200)


def _brands(brands: list[str]) -> str:
    return speak("、", ", ").join(term("brand", one) for one in brands) or "–"


def _count(name: str) -> int | None:
    """Return a whole number of the form; None: it is none."""
    said = request.form.get(name, "").strip()
    is_count = said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX
    return int(said) if is_count else None


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None

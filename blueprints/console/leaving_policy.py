"""What leaving means: the versions, and the next one, asked for and decided by two."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.approvals.queries import open_approvals
from loyalty.churn.errors import BadChurnTerms, NoChurnTerms, UnknownChurnTerms
from loyalty.churn.governance import CHANGE, ask_terms, in_force, versions
from loyalty.churn.terms import (
    ALWAYS_BACK,
    DAYS,
    FREEZES,
    RETURNING,
    SCOPES,
    Fault,
    ReasonTerms,
    Terms,
)
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.rules.models import BENEFITS, CHURN_REASONS
from loyalty.staff.rules import Permission

_REASON_CHARS, _DIGITS_MAX = 300, 5
_PLACES = tuple(str(place) for place in range(1, len(BENEFITS) + 1))


@dataclass(frozen=True, slots=True)
class _Row:
    """One reason of one version, as a line of the workbook."""

    terms: Terms
    policy: ReasonTerms


@bp.get("/leaving-policy")
@requires(Permission.READ)
def leaving_policy() -> ResponseReturnValue:
    """Show what leaving means today, and the versions before and to come."""
    at = now()
    with current_database().unit_of_work() as session:
        found = versions(session)
        asked = open_approvals(session, at=at, action=CHANGE)
    holding = in_force(found, on=at.date())
    return render_template(
        "console/leavings/policy.html",
        versions=found,
        holding=holding,
        shown=holding,
        benefits=BENEFITS,
        days=DAYS,
        first_day=date.min,
        waiting=asked[0].approval_id if asked else None,
        may_make=Permission.CATALOGUE_MAKE in this_staff().permissions,
    )


@bp.get("/leaving-policy/<int:version>")
@requires(Permission.READ)
def leaving_policy_version(version: int) -> ResponseReturnValue:
    """Show what one version says."""
    at = now()
    with current_database().unit_of_work() as session:
        found = versions(session)
    shown = next((terms for terms in found if terms.version == version), None)
    if shown is None:
        raise UnknownChurnTerms(version=version)
    return render_template(
        "console/leavings/version.html",
        shown=shown,
        holding=in_force(found, on=at.date()),
        benefits=BENEFITS,
        days=DAYS,
        first_day=date.min,
    )


@bp.get("/leaving-policy.xlsx")
@requires(Permission.READ)
def leaving_policy_xlsx() -> ResponseReturnValue:
    """Return all versions as a workbook, a line for each reason."""
    with current_database().unit_of_work() as session:
        found = versions(session)
    columns: list[Column[_Row]] = [
        Column(speak("版本", "Version"), lambda one: one.terms.version, "number"),
        Column(
            speak("生效日期", "Holds from"),
            lambda one: _told_day(one.terms.starts_on),
            "day",
        ),
        Column(speak("原因", "Why"), lambda one: _reason_words(one.policy.reason)),
        Column(
            term("churn_field", "scope"),
            lambda one: term("churn_scope", one.policy.scope),
        ),
        *(_days_column(name) for name in DAYS),
        Column(
            term("churn_field", "may_redeem"),
            lambda one: (
                speak("是", "yes") if one.policy.may_redeem else speak("否", "no")
            ),
        ),
        Column(
            term("churn_field", "voids"),
            lambda one: _benefit_words(one.policy.voids),
            width=60,
        ),
        Column(
            term("churn_field", "comes_back"),
            lambda one: _benefit_words(one.policy.comes_back),
            width=60,
        ),
    ]
    return workbook(
        name="leaving-policy",
        title=speak("离网规则", "Policy of leaving"),
        columns=columns,
        rows=[_Row(terms, policy) for terms in found for policy in terms.policies],
        filters={},
    )


@bp.get("/leaving-policy/new")
@requires(Permission.CATALOGUE_MAKE)
def new_leaving_policy() -> ResponseReturnValue:
    """Show the form of the next version, as the newest one is."""
    with current_database().unit_of_work() as session:
        found = versions(session)
    if not found:
        raise NoChurnTerms
    return _form(_typed(found[0]))


@bp.post("/leaving-policy")
@requires(Permission.CATALOGUE_MAKE)
def ask_leaving_policy() -> ResponseReturnValue:
    """Ask for a next version; another person decides."""
    typed = MultiDict(
        (name, said.strip()) for name, said in request.form.items(multi=True)
    )
    wanted, faults = _read(typed)
    reason = typed.get("why", "")[:_REASON_CHARS]
    if not reason:
        faults.append(Fault("", "why", "no_why"))
    if wanted is None or faults:
        return _form(typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            asked = ask_terms(
                session,
                wanted=wanted,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="churn.policy.asked",
                object_=f"churn:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadChurnTerms as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(typed, faults=[Fault(*fault) for fault in wrong]), 422
    except LoyaltyError as error:
        return _form(typed, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _typed(terms: Terms) -> MultiDict[str, str]:
    """Return what the form of a version says before anything was changed."""
    typed: MultiDict[str, str] = MultiDict(
        {"bank_answers_within_days": str(terms.bank_answers_within_days)}
    )
    typed.setlist("freezes", [":".join(freeze) for freeze in terms.freezes])
    typed.setlist("for", [policy.reason for policy in terms.policies])
    for policy in terms.policies:
        key = policy.reason
        typed[f"{key}.scope"] = policy.scope
        typed[f"{key}.may_redeem"] = "on" if policy.may_redeem else ""
        for name in DAYS:
            typed[f"{key}.{name}"] = str(getattr(policy, name))
        for place, benefit in enumerate(policy.voids, start=1):
            typed[f"{key}.voids.{benefit}"] = str(place)
        for benefit in policy.comes_back:
            typed[f"{key}.back.{benefit}"] = "on"
    return typed


def _read(typed: MultiDict[str, str]) -> tuple[Terms | None, list[Fault]]:
    """Return what the form says, and what of it cannot be read."""
    faults: list[Fault] = []
    bank_days = _number(typed, "", "bank_answers_within_days", faults)
    policies = [_of_reason(typed, reason, faults) for reason in typed.getlist("for")]
    try:
        starts_on = date.fromisoformat(typed.get("starts_on", ""))
    except ValueError:
        faults.append(Fault("", "starts_on", "no_day"))
        return None, faults
    freezes = tuple(
        (event, reason)
        for event, _, reason in (
            freeze.partition(":") for freeze in typed.getlist("freezes")
        )
    )
    return Terms(0, starts_on, bank_days, freezes, tuple(policies)), faults


def _of_reason(
    typed: MultiDict[str, str], reason: str, faults: list[Fault]
) -> ReasonTerms:
    voids = _voids(typed, reason, faults)
    back = f"{reason}.back."
    ticked = {name.removeprefix(back) for name in typed if name.startswith(back)}
    ticked |= {benefit for benefit in ALWAYS_BACK if benefit in voids}
    return ReasonTerms(
        reason=reason,
        scope=typed.get(f"{reason}.scope", ""),
        notice_days=_number(typed, reason, "notice_days", faults),
        grace_days=_number(typed, reason, "grace_days", faults),
        may_redeem=typed.get(f"{reason}.may_redeem") == "on",
        reinstate_within_days=_number(typed, reason, "reinstate_within_days", faults),
        voids=voids,
        comes_back=(
            *(benefit for benefit in voids if benefit in ticked),
            *sorted(ticked - {*voids}),
        ),
    )


def _voids(
    typed: MultiDict[str, str], reason: str, faults: list[Fault]
) -> tuple[str, ...]:
    """Return what ends in the order of the places that were given."""
    start = f"{reason}.voids."
    by_place: dict[int, str] = {}
    for name, said in typed.items():
        if not name.startswith(start) or not said:
            continue
        benefit = name.removeprefix(start)
        if said not in _PLACES:
            faults.append(Fault(reason, benefit, "no_place"))
        elif int(said) in by_place:
            faults.append(Fault(reason, benefit, "same_place"))
        else:
            by_place[int(said)] = benefit
    return tuple(by_place[place] for place in sorted(by_place))


def _number(
    typed: Mapping[str, str], reason: str, name: str, faults: list[Fault]
) -> int:
    said = typed.get(f"{reason}.{name}" if reason else name, "")
    if said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX:
        return int(said)
    faults.append(Fault(reason, name, "not_days"))
    return 0


def _form(
    typed: MultiDict[str, str], *, faults: list[Fault] | None = None, problem: str = ""
) -> str:
    wrong = {
        (one.reason, one.name): term("churn_fault", one.why) for one in faults or ()
    }
    return render_template(
        "console/leavings/policy_form.html",
        typed=typed,
        wrong=wrong,
        faults=[_fault_words(one) for one in faults or ()],
        problem=problem,
        reasons=CHURN_REASONS,
        scopes=[(one, term("churn_scope", one)) for one in SCOPES],
        days=DAYS,
        benefits=BENEFITS,
        turns=[("", speak("保留", "Stays")), *((one, one) for one in _PLACES)],
        returning=RETURNING,
        always_back=ALWAYS_BACK,
        freezes=[":".join(freeze) for freeze in FREEZES],
    )


def _fault_words(fault: Fault) -> str:
    """Return a fault as a sentence that says where it is."""
    benefit = term("churn_benefit", fault.name)
    name = benefit if benefit != fault.name else term("churn_field", fault.name)
    where = [_reason_words(fault.reason)] if fault.reason else []
    where += [] if fault.name == "reason" else [name]
    return (
        speak("，", ", ").join(where)
        + speak("：", ": ")
        + term("churn_fault", fault.why)
    )


def _reason_words(reason: str) -> str:
    return term("churn_reason", reason)


def _benefit_words(benefits: tuple[str, ...]) -> str:
    return speak("、", ", ").join(term("churn_benefit", one) for one in benefits)


def _days_column(name: str) -> Column[_Row]:
    return Column(
        term("churn_field", name), lambda one: getattr(one.policy, name), "number"
    )


def _told_day(day: date) -> Any:
    """Return a day that a workbook can hold; None: it has always been so."""
    return None if day == date.min else day

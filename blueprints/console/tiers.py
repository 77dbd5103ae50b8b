"""Tiers: the policy, a member's history, tiers given by hand, and members' appeals."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database, tier_story
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import open_approvals
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.points.queries import UnknownMember
from loyalty.staff.rules import Permission
from loyalty.tiers import operations, queries
from loyalty.tiers.errors import BadTierPolicy, NoTierPolicy
from loyalty.tiers.models import TierDecision
from loyalty.tiers.policy import CHANGE, as_json, ask_policy, wanted_policy
from loyalty.tiers.rules import Measure, Period, Policy

_REASON_CHARS = 300
_DIGITS_MAX = 12
_NUMBERS = ("months", "grace_days", "late_days", "notice_days")
_FLAGS = ("soft_landing", "never_downgrade")
_OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "member": ("stands",),
    "refusal": ("kept", "lowered"),
}


@bp.get("/tiers")
@requires(Permission.READ)
def tiers() -> ResponseReturnValue:
    """Show the policy that holds, those before and to come, and the latest reviews."""
    at = now()
    with current_database().unit_of_work() as session:
        found = queries.policies(session)
        holding = queries.policy_in_force(session, on=at.date())
        done = queries.reviews(session)
        asked = open_approvals(session, at=at, action=CHANGE)
    return render_template(
        "console/tiers/policy.html",
        policies=found,
        holding=holding,
        rules=tier_story.policy_words(holding) if holding else [],
        facts=list(as_json(holding).items()) if holding else [],
        amount=tier_story.amount,
        reviews=done,
        waiting=asked[0].approval_id if asked else None,
        may_make=Permission.TIER_MAKE in this_staff().permissions,
    )


@bp.get("/tiers.xlsx")
@requires(Permission.READ)
def tiers_xlsx() -> ResponseReturnValue:
    """Return the versions of the policy as a workbook."""
    with current_database().unit_of_work() as session:
        found = queries.policies(session)
    names = list(as_json(found[0])) if found else []
    columns: list[Column[Policy]] = [
        Column(speak("版本", "Version"), lambda one: one.version, "number"),
        *(_column(name) for name in names),
    ]
    return workbook(
        name="tiers",
        title=speak("等级规则", "Policy of tiers"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/tiers/new")
@requires(Permission.TIER_MAKE)
def new_tiers() -> ResponseReturnValue:
    """Show the form of the next version, as the newest one is."""
    with current_database().unit_of_work() as session:
        newest = _newest(queries.policies(session))
    typed = {name: str(said) for name, said in as_json(newest).items()}
    typed |= {name: "on" if getattr(newest, name) else "" for name in _FLAGS}
    return _form(newest, typed | {"valid_from": ""})


@bp.post("/tiers")
@requires(Permission.TIER_MAKE)
def ask_tiers() -> ResponseReturnValue:
    """Ask for a next version; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    with current_database().unit_of_work() as session:
        newest = _newest(queries.policies(session))
    said, faults = _read(newest, typed)
    reason = typed.get("reason", "")[:_REASON_CHARS]
    if not reason:
        faults.append("reason")
    if faults:
        return _form(newest, typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            asked = ask_policy(
                session,
                wanted=wanted_policy(newest, said),
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            _note(session, asked, "tier.policy.asked", reason)
            approval_id = asked.approval_id
    except BadTierPolicy as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(newest, typed, faults=wrong), 422
    except LoyaltyError as error:
        return _form(newest, typed, problem=say(error)), 409
    return _sent(approval_id)


@bp.get("/tiers/appeals")
@requires(Permission.READ)
def tier_appeals() -> ResponseReturnValue:
    """List what a person has to look at, the oldest first."""
    with current_database().unit_of_work() as session:
        found = queries.open_appeals(session)
        named = queries.references(session, member_ids=[one.member_id for one in found])
    return render_template("console/tiers/appeals.html", appeals=found, named=named)


@bp.get("/members/<int:member_id>/tier")
@requires(Permission.READ)
def member_tier(member_id: int) -> ResponseReturnValue:
    """Show all that was decided about a member's tier, and what it rests on."""
    return _member_page(member_id)


@bp.get("/members/<int:member_id>/tier.xlsx")
@requires(Permission.READ)
def member_tier_xlsx(member_id: int) -> ResponseReturnValue:
    """Return the decisions as a workbook."""
    with current_database().unit_of_work() as session:
        member_ref = _reference(session, member_id)
        found = queries.history(session, member_id=member_id)
    columns: list[Column[TierDecision]] = [
        Column(speak("编号", "Number"), lambda one: one.decision_id, "number"),
        Column(speak("评定", "Decision"), lambda one: term("tier_decision", one.kind)),
        Column(speak("原等级", "Tier before"), lambda one: term("tier", one.was)),
        Column(speak("等级", "Tier"), lambda one: term("tier", one.tier)),
        Column(speak("开始", "From"), lambda one: one.starts_on, "day"),
        Column(speak("截止", "Until"), lambda one: one.until, "day"),
        Column(speak("规则版本", "Version"), lambda one: one.version, "number"),
        Column(speak("数值", "Figure"), lambda one: one.figure, "number"),
        Column(speak("起算", "Counted from"), lambda one: one.counted_from, "day"),
        Column(speak("止算", "Counted to"), lambda one: one.counted_to, "day"),
        Column(speak("由谁", "By"), lambda one: one.actor),
        Column(speak("理由", "Why"), lambda one: one.reason, width=40),
        Column(speak("时间", "At"), lambda one: one.decided_at, "moment"),
    ]
    return workbook(
        name="member-tier",
        title=speak("等级历史", "History of a tier"),
        columns=columns,
        rows=found,
        filters={speak("会员", "Member"): member_ref},
    )


@bp.post("/members/<int:member_id>/tier/grant")
@requires(Permission.TIER_MAKE)
def ask_tier(member_id: int) -> ResponseReturnValue:
    """Ask that a member be given a tier; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    reason = typed.get("reason", "")[:_REASON_CHARS]
    try:
        until = date.fromisoformat(typed.get("until", ""))
    except ValueError:
        until = None
    if until is None or not reason:
        faults = ([] if until else ["until"]) + ([] if reason else ["reason"])
        return _member_page(member_id, typed=typed, faults=faults), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_grant(
                session,
                member_id=member_id,
                tier=typed.get("tier", ""),
                until=until,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            _note(session, asked, "tier.grant.asked", reason)
            approval_id = asked.approval_id
    except LoyaltyError as error:
        return _member_page(member_id, problem=say(error), typed=typed), 409
    return _sent(approval_id)


@bp.post("/members/<int:member_id>/tier/answer")
@requires(Permission.TIER_MAKE)
def answer_appeal(member_id: int) -> ResponseReturnValue:
    """Answer what a member asked, or decide what no machine may."""
    typed = {name: said.strip() for name, said in request.form.items()}
    origin, outcome = typed.get("origin", ""), typed.get("outcome", "")
    said = typed.get("note", "")[:_REASON_CHARS]
    if outcome not in _OUTCOMES.get(origin, ()) or not said:
        return _member_page(member_id, typed=typed, faults=["note"]), 422
    try:
        with current_database().unit_of_work() as session:
            operations.answer(
                session,
                member_id=member_id,
                origin=origin,
                outcome=outcome,
                note=said,
                actor=f"staff:{this_staff().login}",
                at=now(),
            )
            note(
                session,
                action="tier.appeal.answered",
                object_=f"member:{member_id}",
                after={"origin": origin, "outcome": outcome},
                reason=said,
            )
    except LoyaltyError as error:
        return _member_page(member_id, problem=say(error), typed=typed), 409
    flash(speak("已答复，会员会看到。", "Answered; the member will see it."), "done")
    return redirect(url_for("console.member_tier", member_id=member_id), 303)


def _reference(session: Session, member_id: int) -> str:
    """Return what a member is called outside.

    Raises `UnknownMember`.
    """
    found = queries.references(session, member_ids=[member_id])
    if member_id not in found:
        raise UnknownMember(member_ref=str(member_id))
    return found[member_id]


def _newest(found: Sequence[Policy]) -> Policy:
    """Return the newest of the policies.

    Raises `NoTierPolicy`.
    """
    if not found:
        raise NoTierPolicy
    return found[0]


def _note(session: Session, asked: Approval, action: str, reason: str) -> None:
    note(
        session,
        action=action,
        object_=f"tier:{asked.subject}",
        before=asked.before,
        after=asked.after,
        reason=reason,
        approval_id=asked.approval_id,
    )


def _sent(approval_id: int) -> ResponseReturnValue:
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _column(name: str) -> Column[Policy]:
    kind = "number" if name in _NUMBERS or name.startswith("needed_") else "text"
    return Column(
        term("item_field", name),
        lambda one: as_json(one)[name],
        kind,  # type: ignore[arg-type]  # one of Excel's kinds
    )


def _read(newest: Policy, typed: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return what the form says, and the names of what cannot be read."""
    said: dict[str, Any] = {name: typed.get(name) == "on" for name in _FLAGS}
    faults = []
    for name in (*_NUMBERS, *(f"needed_{rung.tier}" for rung in newest.rungs)):
        digits = typed.get(name, "")
        if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX:
            said[name] = int(digits)
        else:
            faults.append(name)
    for name, kind in (("measure", Measure), ("period", Period)):
        said[name] = typed.get(name, "")
        if said[name] not in tuple(kind):
            faults.append(name)
    try:
        said["valid_from"] = date.fromisoformat(typed.get("valid_from", ""))
    except ValueError:
        faults.append("valid_from")
    return said, faults


def _form(
    newest: Policy,
    typed: Mapping[str, str],
    *,
    faults: list[str] | None = None,
    problem: str = "",
) -> str:
    return render_template(
        "console/tiers/form.html",
        typed=typed,
        faults=faults or [],
        problem=problem,
        fault_words=speak("这一项不合理。", "This makes no sense."),
        numbers=_NUMBERS,
        flags=_FLAGS,
        needed=[f"needed_{rung.tier}" for rung in newest.rungs],
        measures=[(one.value, term("tier_measure", one)) for one in Measure],
        periods=[(one.value, term("tier_period", one)) for one in Period],
    )


def _member_page(
    member_id: int,
    *,
    problem: str = "",
    typed: Mapping[str, str] | None = None,
    faults: list[str] | None = None,
) -> str:
    at = now()
    on = at.date()
    with current_database().unit_of_work() as session:
        member_ref = _reference(session, member_id)
        stands = queries.standing(session, member_id=member_id, on=on)
        policy = queries.policy_in_force(session, on=on)
        by_version = {one.version: one for one in queries.policies(session)}
        decisions = queries.history(session, member_id=member_id)
        facts: dict[str, Any] = {
            "outlook": queries.outlook(session, stands, member_id=member_id, on=on),
            "periods": queries.periods(session, member_id=member_id),
            "grants": queries.grants_of(session, member_id=member_id),
            "appeals": queries.appeals_of(session, member_id=member_id),
            "refuses": queries.refuses_machines(session, member_id=member_id),
        }
        asked = [
            one.approval_id
            for one in open_approvals(session, at=at, action=operations.GRANT)
            if one.subject == str(member_id)
        ]
    return render_template(
        "console/tiers/member.html",
        member_id=member_id,
        member_ref=member_ref,
        stands=stands,
        policy=policy,
        amount=lambda figure: tier_story.amount(policy, figure),
        decisions=[(one, tier_story.explain(one, by_version)) for one in decisions],
        tiers=[
            (rung.tier, term("tier", rung.tier))
            for rung in (policy.rungs if policy else ())
        ],
        waiting=asked[0] if asked else None,
        outcomes=_OUTCOMES,
        may_make=Permission.TIER_MAKE in this_staff().permissions,
        problem=problem,
        typed=typed or {},
        faults=faults or [],
        **facts,
    )

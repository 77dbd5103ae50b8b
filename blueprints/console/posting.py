"""Posting rules and the chart: what holds, and the next of it, by two people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.choosing import read_month
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.approvals.models import Approval
from loyalty.approvals.queries import open_approvals
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.journal.errors import BadPostingRules, NoPostingRules
from loyalty.journal.governance import (
    CHANGE,
    Wanted,
    ask_mapping,
    ask_rules,
    mappings,
    versions,
)
from loyalty.journal.measures import VIEWS
from loyalty.journal.notation import means, name_of, written
from loyalty.journal.queries import accounts
from loyalty.journal.rules import LIABLE, SWITCHES
from loyalty.rules.models import PostingRules
from loyalty.staff.rules import Permission

_REASON_CHARS: Final = 300
_ACCOUNT_CHARS: Final = 40
_LINES_CHARS: Final = 60_000


@bp.get("/posting-rules")
@requires(Permission.READ)
def posting_rules() -> ResponseReturnValue:
    """Show the rules in force, the versions, and the chart with its mapping."""
    with current_database().unit_of_work() as session:
        found = versions(session)
        chart = accounts(session)
        mapped = {(one.account, one.view): one for one in mappings(session)}
        waits = open_approvals(session, at=now(), action=CHANGE)
    return render_template(
        "console/journal/rules.html",
        versions=found,
        holding=_holding(found),
        chart=chart,
        mapped=mapped,
        views=VIEWS,
        switches=SWITCHES,
        fundings=LIABLE,
        name_of=name_of,
        means=means,
        waiting=waits[0].approval_id if waits else None,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )


@bp.get("/posting-rules.xlsx")
@requires(Permission.READ)
def posting_rules_xlsx() -> ResponseReturnValue:
    """Return the rules of all versions as a workbook."""
    with current_database().unit_of_work() as session:
        found = versions(session)
    columns: list[Column[tuple[PostingRules, dict[str, Any]]]] = [
        Column(speak("版本", "Version"), lambda one: one[0].version, "number"),
        Column(
            speak("自哪个月起", "From the month"), lambda one: one[0].valid_from, "day"
        ),
        Column(speak("口径", "View"), lambda one: term("money_view", one[1]["view"])),
        Column(
            speak("事项", "Event"),
            lambda one: term("money_event", one[1]["event"]),
            width=28,
        ),
        Column(speak("规则", "Rule"), lambda one: name_of(one[1]), width=40),
        Column(speak("记什么", "Means"), lambda one: means(one[1]), width=70),
    ]
    return workbook(
        name="posting-rules",
        title=speak("记账规则", "Posting rules"),
        columns=columns,
        rows=[(one, rule) for one in found for rule in one.document["rule"]],
        filters={},
    )


@bp.get("/posting-rules/new")
@requires(Permission.FINANCE_MAKE)
def new_posting_rules() -> ResponseReturnValue:
    """Show the form of the next version, as the newest one is."""
    with current_database().unit_of_work() as session:
        newest = _newest(session)
    document = newest.document
    typed = {
        "valid_from": f"{business_date():%Y-%m}",
        "statutory": newest.statutory,
        "principals": " ".join(document["principals"]),
        "lines": written(document["rule"]),
        **{name: "on" for name in SWITCHES if document["switches"].get(name)},
        **{f"liability.{name}": document["liability"][name] for name in LIABLE},
    }
    return _form(typed)


@bp.post("/posting-rules")
@requires(Permission.FINANCE_MAKE)
def ask_posting_rules() -> ResponseReturnValue:
    """Ask for the next version; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    valid_from = read_month(typed.get("valid_from", ""))
    reason = typed.get("reason", "")[:_REASON_CHARS]
    lines = typed.get("lines", "")
    given = {
        "valid_from": valid_from is not None,
        "reason": bool(reason),
        "lines": 0 < len(lines) <= _LINES_CHARS,
    }
    faults = [name for name, is_given in given.items() if not is_given]
    if faults or valid_from is None:
        return _form(typed, faults=faults), 422
    wanted = Wanted(
        valid_from=valid_from,
        statutory=typed.get("statutory", ""),
        switches={name: name in typed for name in SWITCHES},
        liability={name: typed.get(f"liability.{name}", "") for name in LIABLE},
        principals=typed.get("principals", "").split(),
        lines=lines,
    )
    try:
        with current_database().unit_of_work() as session:
            asked = ask_rules(
                session,
                wanted=wanted,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            _note(session, asked, reason)
            approval_id = asked.approval_id
    except BadPostingRules as error:
        wrong = error.facts["faults"]
        assert isinstance(wrong, list)
        return _form(typed, problem=say(error), wrong=wrong), 422
    except LoyaltyError as error:
        return _form(typed, problem=say(error)), 409
    return _sent(approval_id)


@bp.post("/posting-rules/accounts")
@requires(Permission.FINANCE_MAKE)
def ask_account_mapping() -> ResponseReturnValue:
    """Ask for an account to be called otherwise in exports; another person decides."""
    typed = {name: said.strip() for name, said in request.form.items()}
    gl_account = typed.get("gl_account", "")[:_ACCOUNT_CHARS]
    reason = typed.get("reason", "")[:_REASON_CHARS]
    if not gl_account or not reason:
        flash(
            speak("请写明总账科目和理由。", "Please give the account and say why."),
            "harm",
        )
        return redirect(url_for("console.posting_rules"), 303)
    try:
        with current_database().unit_of_work() as session:
            asked = ask_mapping(
                session,
                account=typed.get("account", ""),
                view=typed.get("view", ""),
                gl_account=gl_account,
                cost_center=typed.get("cost_center", "")[:_ACCOUNT_CHARS] or None,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            _note(session, asked, reason)
            approval_id = asked.approval_id
    except LoyaltyError as error:
        flash(say(error), "harm")
        return redirect(url_for("console.posting_rules"), 303)
    return _sent(approval_id)


def _form(
    typed: Mapping[str, str],
    *,
    faults: Sequence[str] = (),
    problem: str = "",
    wrong: Sequence[str] = (),
) -> str:
    with current_database().unit_of_work() as session:
        chart = accounts(session)
    return render_template(
        "console/journal/rules_form.html",
        typed=typed,
        faults=faults,
        problem=problem,
        wrong=wrong,
        chart=chart,
        switches=SWITCHES,
        fundings=LIABLE,
        views=VIEWS,
    )


def _newest(session: Session) -> PostingRules:
    found = versions(session)
    if not found:
        raise NoPostingRules(period=business_date().replace(day=1))
    return found[0]


def _holding(found: Sequence[PostingRules]) -> PostingRules | None:
    month = business_date().replace(day=1)
    return next((one for one in found if one.valid_from <= month), None)


def _note(session: Session, asked: Approval, reason: str) -> None:
    note(
        session,
        action=f"{asked.action}.asked",
        object_=f"posting:{asked.subject}",
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

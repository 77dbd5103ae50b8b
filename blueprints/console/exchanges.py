"""Exchanges for staff: where each stands, what is late, what two sides dispute."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database, services
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.approvals.models import Approval
from loyalty.clock import now
from loyalty.errors import LoyaltyError, Missing
from loyalty.exchange import deciding, delivery, linking, queries
from loyalty.exchange.queries import ExchangeView
from loyalty.exchange.rules import STATES
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission
from partners.ports import Outcome

_REASON_CHARS, _NUMBER_CHARS = 300, 64
_ANSWERS = {"confirmed": Outcome.CONFIRMED, "declined": Outcome.DECLINED}
_LATE = "late"


@bp.get("/exchanges")
@requires(Permission.READ)
def all_exchanges() -> ResponseReturnValue:
    """List exchanges by state; `late`: the partner's time is over."""
    at = now()
    chosen = _chosen()
    with current_database().unit_of_work() as session:
        counts = queries.counts(session, at=at)
        found = _listed(chosen, at)
    return render_template(
        "console/exchange/exchanges.html", exchanges=found, chosen=chosen, counts=counts
    )


@bp.get("/exchanges.xlsx")
@requires(Permission.READ)
def all_exchanges_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    chosen = _chosen()
    columns: list[Column[ExchangeView]] = [
        Column(speak("单号", "Number"), lambda one: one.exchange_ref, width=36),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("方向", "Way"), lambda one: term("direction", one.direction)),
        Column(speak("给出", "Given"), lambda one: one.units_out, "number"),
        Column(speak("得到", "Got"), lambda one: one.units_in, "number"),
        Column(speak("手续费", "Fee"), lambda one: one.fee_points, "number"),
        Column(speak("金额", "Money"), lambda one: one.money_fen, "yuan"),
        Column(speak("其中服务", "Of it service"), lambda one: one.service_fen, "yuan"),
        Column(speak("汇率版本", "Rate"), lambda one: one.rate_version, "number"),
        Column(
            speak("状态", "State"),
            lambda one: state_words(f"exchange_{one.state}").words,
        ),
        Column(speak("申请时间", "Asked at"), lambda one: one.requested_at, "moment"),
        Column(speak("状态时间", "Since"), lambda one: one.state_at, "moment"),
    ]
    return workbook(
        name="exchanges",
        title=speak("互换单", "Exchanges"),
        columns=columns,
        rows=_listed(chosen, now()),
        filters={speak("状态", "State"): chosen},
    )


@bp.get("/exchanges/<int:member_id>/<exchange_ref>")
@requires(Permission.READ)
def exchange_of(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Show an exchange with every question that was put, and what can be done."""
    return _page(member_id, exchange_ref)


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/ask-back")
@requires(Permission.FINANCE_MAKE)
def ask_exchange_back(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Have the partner asked to take back what it did too late."""
    try:
        with current_database().unit_of_work() as session:
            deciding.ask_back(
                session,
                member_id=member_id,
                exchange_ref=exchange_ref,
                actor=f"staff:{this_staff().staff_id}",
                at=now(),
            )
            note(
                session, action="exchange.ask_back", object_=f"exchange:{exchange_ref}"
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(member_id, exchange_ref, problem=say(error)), 409
    flash(speak("已安排，对方答复后更新。", "It will be asked for shortly."), "done")
    return redirect(_to(member_id, exchange_ref), 303)


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/ask-again")
@requires(Permission.FINANCE_MAKE)
def ask_exchange_again(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Ask the partner now how an exchange stands, without a pause."""
    kit, at = services(), now()
    with kit.database.unit_of_work() as session:
        before = queries.exchange(
            session, member_id=member_id, exchange_ref=exchange_ref
        )
        note(session, action="exchange.ask_again", object_=f"exchange:{exchange_ref}")
    after = delivery.advance(
        kit.database,
        kit.connections.airline(before.partner),
        kit.keyring,
        member_id=member_id,
        exchange_ref=exchange_ref,
        at=at,
        is_urged=True,
    )
    if len(after.attempts) > len(before.attempts):
        flash(speak("已问过对方，答复如下。", "They were asked; see below."), "done")
    else:
        flash(
            speak(
                "现在没有可问的，或对方暂时联系不上。",
                "There is nothing to ask now, or they cannot be reached.",
            ),
            "warm",
        )
    return redirect(_to(member_id, exchange_ref), 303)


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/settle")
@requires(Permission.FINANCE_MAKE)
def settle_exchange(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Ask to settle by what was learned at the partner; another person decides."""
    outcome = _ANSWERS.get(request.form.get("outcome", ""))
    number = request.form.get("partner_number", "").strip()[:_NUMBER_CHARS]
    if outcome is None:
        fault = {"outcome": speak("请选择对方的结果。", "Please choose one.")}
        return _page(member_id, exchange_ref, faults=fault), 422
    if outcome is Outcome.CONFIRMED and not number:
        fault = {
            "partner_number": speak("请填对方的编号。", "Please give their number.")
        }
        return _page(member_id, exchange_ref, faults=fault), 422
    return _asked(
        member_id,
        exchange_ref,
        field="settle_reason",
        ask=partial(
            deciding.ask_settlement, outcome=outcome, partner_ref=number or None
        ),
    )


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/take-back")
@requires(Permission.FINANCE_MAKE)
def take_exchange_back(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Ask to have taken back what was credited; another person decides."""
    return _asked(
        member_id, exchange_ref, field="back_reason", ask=deciding.ask_take_back
    )


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/write-off")
@requires(Permission.FINANCE_MAKE)
def write_exchange_off(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Ask to bear what both sides have; another person decides."""
    return _asked(member_id, exchange_ref, field="reason", ask=deciding.ask_write_off)


def _asked(
    member_id: int, exchange_ref: str, *, field: str, ask: Callable[..., Approval]
) -> ResponseReturnValue:
    """Ask for a second person, with the reason that stands in a field of the form."""
    reason = request.form.get(field, "").strip()[:_REASON_CHARS]
    if not reason:
        fault = {field: speak("请写明理由。", "Please say why.")}
        return _page(member_id, exchange_ref, faults=fault), 422
    try:
        with current_database().unit_of_work() as session:
            asked = ask(
                session,
                member_id=member_id,
                exchange_ref=exchange_ref,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            topic, _, what = asked.action.partition(".")
            note(
                session,
                action=f"{topic}.ask_{what}",
                object_=f"exchange:{exchange_ref}",
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(member_id, exchange_ref, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


@bp.get("/accounts")
@requires(Permission.REVIEW)
def accounts_to_review() -> ResponseReturnValue:
    """List numbers whose owner's name a person has to compare."""
    with current_database().unit_of_work() as session:
        found = linking.to_review(session, keyring=services().keyring)
    return render_template("console/exchange/accounts.html", accounts=found)


@bp.post("/accounts/<int:member_id>/<partner>/<int:nth>")
@requires(Permission.REVIEW)
def review_account(member_id: int, partner: str, nth: int) -> ResponseReturnValue:
    """Say whether the name at a number is the member's own."""
    is_own = request.form.get("act") == "accept"
    try:
        with current_database().unit_of_work() as session:
            row = linking.decide(
                session,
                member_id=member_id,
                partner=partner,
                nth=nth,
                ok=is_own,
                at=now(),
            )
            note(
                session,
                action="exchange.review_account",
                object_=f"account:{member_id}/{partner}/{nth}",
                after={"state": row.state},
            )
    except LoyaltyError as error:
        flash(say(error), "warm")
    else:
        flash(state_words(f"account_{row.state}").words, "done")
    return redirect(url_for("console.accounts_to_review"), 303)


def _chosen() -> str:
    asked = request.args.get("state", "")
    return asked if asked in (*STATES, _LATE) else ""


def _listed(chosen: str, at: datetime) -> list[ExchangeView]:
    with current_database().unit_of_work() as session:
        if chosen == _LATE:
            return queries.listed(session, late_at=at)
        return queries.listed(session, state=chosen or None)


def _page(
    member_id: int,
    exchange_ref: str,
    *,
    problem: str = "",
    faults: Mapping[str, str] | None = None,
) -> str:
    at = now()
    with current_database().unit_of_work() as session:
        shown = queries.exchange(
            session, member_id=member_id, exchange_ref=exchange_ref
        )
        people = names(session)
    return render_template(
        "console/exchange/exchange.html",
        by={event.actor: _who(event.actor, people) for event in shown.events},
        exchange=shown,
        partner=issuer_name(shown.partner, shown.partner_name),
        is_late=shown.is_open and shown.deadline <= at,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        faults=faults or {},
        typed=request.form,
    )


def _who(actor: str, people: Mapping[int, str]) -> str:
    """Return who did something, by name where it was one of us."""
    kind, _, number = actor.partition(":")
    if kind == "staff" and number.isdigit():
        return people.get(int(number), actor)
    return term("exchange_actor", kind)


def _to(member_id: int, exchange_ref: str) -> str:
    return url_for(
        "console.exchange_of", member_id=member_id, exchange_ref=exchange_ref
    )

"""Exchanges for staff: where each stands, what is late, what two sides dispute."""

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database, services
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.clock import now
from loyalty.errors import LoyaltyError, Missing
from loyalty.exchange import linking, operations, queries
from loyalty.exchange.queries import ExchangeView
from loyalty.exchange.rules import STATES
from loyalty.staff.rules import Permission

_REASON_CHARS = 300
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
            operations.ask_back(
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


@bp.post("/exchanges/<int:member_id>/<exchange_ref>/write-off")
@requires(Permission.FINANCE_MAKE)
def write_exchange_off(member_id: int, exchange_ref: str) -> ResponseReturnValue:
    """Ask to bear what both sides have; another person decides."""
    reason = request.form.get("reason", "").strip()[:_REASON_CHARS]
    if not reason:
        fault = speak("请写明理由。", "Please say why.")
        return _page(member_id, exchange_ref, fault=fault), 422
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_write_off(
                session,
                member_id=member_id,
                exchange_ref=exchange_ref,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="exchange.ask_write_off",
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
    member_id: int, exchange_ref: str, *, problem: str = "", fault: str = ""
) -> str:
    with current_database().unit_of_work() as session:
        shown = queries.exchange(
            session, member_id=member_id, exchange_ref=exchange_ref
        )
    return render_template(
        "console/exchange/exchange.html",
        exchange=shown,
        partner=issuer_name(shown.partner, shown.partner_name),
        is_late=shown.is_open and shown.deadline < now(),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
    )


def _to(member_id: int, exchange_ref: str) -> str:
    return url_for(
        "console.exchange_of", member_id=member_id, exchange_ref=exchange_ref
    )

"""What is netted with partners, and what was paid of it or written off."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError, Missing
from loyalty.settlement import netting, reading
from loyalty.settlement.models import NetSettlement
from loyalty.staff.rules import Permission


@bp.get("/settlements")
@requires(Permission.READ)
def all_settlements() -> ResponseReturnValue:
    """List what was netted, and the agreed statements that wait for it."""
    return _list_page()


@bp.get("/settlements.xlsx")
@requires(Permission.READ)
def all_settlements_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    with current_database().unit_of_work() as session:
        found = reading.settlements(session)
    columns: list[Column[NetSettlement]] = [
        Column(speak("编号", "Number"), lambda one: one.settlement_id, "number"),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("轧差日", "Netted on"), lambda one: one.netted_on, "day"),
        Column(speak("付款日", "To be paid on"), lambda one: one.call_on, "day"),
        Column(speak("应收", "They owe us"), lambda one: one.receivable_fen, "yuan"),
        Column(speak("应付", "We owe them"), lambda one: one.payable_fen, "yuan"),
        Column(speak("净额", "Net"), lambda one: one.net_fen, "yuan"),
        Column(speak("已付", "Paid"), lambda one: one.paid_fen, "yuan"),
        Column(speak("未结", "Open"), lambda one: one.open_fen, "yuan"),
    ]
    return workbook(
        name="settlements",
        title=speak("轧差结算", "Settlements"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.post("/settlements")
@requires(Permission.FINANCE_MAKE)
def net_statements() -> ResponseReturnValue:
    """Net all that is agreed with a partner."""
    partner = form.words("partner")
    try:
        with current_database().unit_of_work() as session:
            made = netting.net(
                session, partner=partner, call_on=None, actor=_actor(), at=now()
            )
            note(
                session,
                action="settlement.net",
                object_=f"settlement:{made.settlement_id}",
                after={"partner": partner, "net_fen": made.net_fen},
            )
            settlement_id = made.settlement_id
    except LoyaltyError as error:
        return _list_page(problem=say(error)), 409
    flash(speak("已轧差。", "It is netted."), "done")
    return redirect(url_for("console.settlement", settlement_id=settlement_id), 303)


@bp.get("/settlements/<int:settlement_id>")
@requires(Permission.READ)
def settlement(settlement_id: int) -> ResponseReturnValue:
    """Show what was netted, each payment, and what is open."""
    return _page(settlement_id)


@bp.post("/settlements/<int:settlement_id>/payments")
@requires(Permission.FINANCE_MAKE)
def record_settlement_payment(settlement_id: int) -> ResponseReturnValue:
    """Write down what was paid, by the bank's reference."""
    amount, on = form.fen("amount_yuan"), form.day("paid_on")
    bank_ref = form.words("bank_ref", form.REF_CHARS)
    given = {
        "amount_yuan": amount is not None and amount > 0,
        "paid_on": on is not None,
        "bank_ref": bool(bank_ref),
    }
    if amount is None or on is None or not all(given.values()):
        wrong = [name for name, is_given in given.items() if not is_given]
        return _page(settlement_id, faults=wrong), 422
    try:
        with current_database().unit_of_work() as session:
            found = reading.settlement(session, settlement_id=settlement_id)
            paid = netting.record_payment(
                session,
                settlement_id=settlement_id,
                fen=amount if found.net_fen > 0 else -amount,
                paid_on=on,
                bank_ref=bank_ref,
                actor=_actor(),
                at=now(),
            )
            note(
                session,
                action="settlement.record_payment",
                object_=f"settlement:{settlement_id}",
                after={
                    "fen": paid.fen,
                    "paid_on": on.isoformat(),
                    "bank_ref": bank_ref,
                },
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(settlement_id, problem=say(error)), 409
    flash(speak("付款已登记。", "The payment is written down."), "done")
    return redirect(url_for("console.settlement", settlement_id=settlement_id), 303)


@bp.post("/settlements/<int:settlement_id>/write-off")
@requires(Permission.FINANCE_MAKE)
def write_settlement_off(settlement_id: int) -> ResponseReturnValue:
    """Ask to expect no more than was paid; another person decides."""
    reason = form.words("reason")
    if not reason:
        return _page(settlement_id, faults=["reason"]), 422
    try:
        with current_database().unit_of_work() as session:
            asked = netting.ask_write_off(
                session,
                settlement_id=settlement_id,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="settlement.ask_write_off",
                object_=f"settlement:{settlement_id}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(settlement_id, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _actor() -> str:
    return f"staff:{this_staff().staff_id}"


def _list_page(*, problem: str = "") -> str:
    with current_database().unit_of_work() as session:
        found = reading.settlements(session)
        agreed = reading.statements(session, state="agreed")
    return render_template(
        "console/settling/settlements.html",
        settlements=found,
        agreed=agreed,
        names=form.partner_names(),
        today=business_date(),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
    )


def _page(
    settlement_id: int, *, problem: str = "", faults: list[str] | None = None
) -> str:
    with current_database().unit_of_work() as session:
        found = reading.settlement(session, settlement_id=settlement_id)
        statements = reading.netted(session, settlement_id=settlement_id)
        payments = reading.payments(session, settlement_id=settlement_id)
    return render_template(
        "console/settling/settlement.html",
        settlement=found,
        statements=statements,
        payments=payments,
        partner=form.partner_names().get(found.partner, found.partner),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        typed=request.form,
        today=business_date(),
        faults=faults or [],
        problem=problem,
    )

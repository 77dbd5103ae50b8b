"""What the payment provider paid out, of what it consists, and what differs."""

from datetime import date, timedelta
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.choosing import chosen_month
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, state_words, term
from loyalty.breaks.models import StatementBreak
from loyalty.breaks.queries import breaks
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError, Missing
from loyalty.matching import provider_queries as queries
from loyalty.matching.provider_arrivals import note_arrival
from loyalty.matching.provider_matching import SUBJECT
from loyalty.matching.provider_queries import LineView, PayoutView
from loyalty.staff.rules import Permission

_BREAKS_MAX: Final = 200


@bp.get("/payouts")
@requires(Permission.READ)
def payouts() -> ResponseReturnValue:
    """Show a month's payouts and days, what waits to be paid out, and what differs."""
    period = chosen_month()
    last = _last(period)
    with current_database().unit_of_work() as session:
        return render_template(
            "console/payouts/list.html",
            period=period,
            payouts=queries.payouts(session, first=period, last=last),
            days=queries.by_day(session, first=period, last=last),
            ages=queries.not_paid_out(session, today=business_date()),
            breaks=breaks(session, is_open=True, subject=SUBJECT, limit=_BREAKS_MAX),
            about=about,
        )


@bp.get("/payouts.xlsx")
@requires(Permission.READ)
def payouts_xlsx() -> ResponseReturnValue:
    """Return a month's payouts as a workbook."""
    period = chosen_month()
    with current_database().unit_of_work() as session:
        found = queries.payouts(session, first=period, last=_last(period))
    columns: list[Column[PayoutView]] = [
        Column(speak("到账单号", "Payout"), lambda one: one.payout_id, width=32),
        Column(speak("状态", "State"), lambda one: _state(one.state)),
        Column(speak("应到账日", "Arrives on"), lambda one: one.arrives_on, "day"),
        Column(speak("入账日", "Booked on"), lambda one: one.effective_on, "day"),
        Column(speak("笔数", "Movements"), lambda one: one.lines, "number"),
        Column(speak("收款", "Charged"), lambda one: one.charged_fen, "yuan"),
        Column(speak("退款和拒付", "Given back"), lambda one: one.returned_fen, "yuan"),
        Column(speak("手续费", "Fees"), lambda one: -one.fee_fen, "yuan"),
        Column(speak("其他", "Other"), lambda one: one.other_fen, "yuan"),
        Column(speak("明细合计", "Together"), lambda one: one.lines_fen, "yuan"),
        Column(speak("到账金额", "Paid out"), lambda one: one.amount_fen, "yuan"),
        Column(
            speak("银行实到日", "At the bank on"), lambda one: one.arrived_on, "day"
        ),
        Column(speak("银行实到", "At the bank"), lambda one: one.arrived_fen, "yuan"),
        Column(speak("银行流水号", "Bank's number"), lambda one: one.bank_ref),
    ]
    return workbook(
        name="payouts",
        title=speak("Stripe 到账", "Stripe payouts"),
        columns=columns,
        rows=found,
        filters={"period": f"{period:%Y-%m}"},
    )


@bp.get("/payouts/<payout_id>")
@requires(Permission.READ)
def payout(payout_id: str) -> ResponseReturnValue:
    """Show one payout: each movement beside the order or purchase it belongs to."""
    return _one(payout_id)


@bp.get("/payouts/<payout_id>/lines.xlsx")
@requires(Permission.READ)
def payout_xlsx(payout_id: str) -> ResponseReturnValue:
    """Return what a payout consists of as a workbook."""
    with current_database().unit_of_work() as session:
        shown = queries.payout(session, payout_id=payout_id)
        found = queries.lines(session, payout_id=payout_id)
    columns: list[Column[LineView]] = [
        Column(speak("日期", "Day"), lambda one: one.happened_on, "day"),
        Column(speak("类型", "What"), lambda one: term("movement", one.type)),
        Column(speak("对应", "For"), _purpose),
        Column(speak("编号", "Number"), lambda one: one.purpose_ref, width=36),
        Column(speak("会员", "Member"), lambda one: one.member_ref),
        Column(speak("我方金额", "Ours"), lambda one: one.ours_fen, "yuan"),
        Column(speak("对方金额", "Theirs"), lambda one: one.amount_fen, "yuan"),
        Column(speak("手续费", "Fee"), lambda one: -one.fee_fen, "yuan"),
        Column(speak("净额", "Net"), lambda one: one.net_fen, "yuan"),
        Column(
            speak("对方编号", "Their number"), lambda one: one.transaction_id, width=32
        ),
    ]
    return workbook(
        name=f"payout-{shown.payout_id}",
        title=speak("到账明细", "Payout lines"),
        columns=columns,
        rows=found,
        filters={"payout": shown.payout_id},
    )


@bp.post("/payouts/<payout_id>/arrival")
@requires(Permission.FINANCE_MAKE)
def note_payout_arrival(payout_id: str) -> ResponseReturnValue:
    """Write down what the bank's statement has of a payout."""
    amount, on, bank_ref = (
        form.fen("amount_yuan"),
        form.day("on"),
        form.words("bank_ref"),
    )
    faults = [
        name
        for name, is_wrong in {
            "amount_yuan": amount is None or amount < 0,
            "on": on is None,
            "bank_ref": not bank_ref,
        }.items()
        if is_wrong
    ]
    if faults or amount is None or on is None:
        return _one(payout_id, faults=faults)
    try:
        with current_database().unit_of_work() as session:
            noted = note_arrival(
                session,
                payout_id=payout_id,
                amount_fen=amount,
                arrived_on=on,
                bank_ref=bank_ref[: form.REF_CHARS],
                actor=f"staff:{this_staff().staff_id}",
                at=now(),
            )
            note(
                session,
                action="payout.arrival",
                object_=payout_id,
                after={
                    "amount_fen": noted.amount_fen,
                    "arrived_on": noted.arrived_on.isoformat(),
                    "bank_ref": noted.bank_ref,
                },
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _one(payout_id, problem=say(error))
    flash(speak("已登记银行到账。", "What arrived is written down."), "done")
    return redirect(url_for("console.payout", payout_id=payout_id), 303)


def about(one: StatementBreak) -> str:
    """Return what a difference is about, as a person says it."""
    named, _, event = one.reference.rpartition(" ")
    return f"{named} {term('policy_event', event)}"


def _one(
    payout_id: str, *, faults: list[str] | None = None, problem: str = ""
) -> ResponseReturnValue:
    with current_database().unit_of_work() as session:
        shown = queries.payout(session, payout_id=payout_id)
        page = render_template(
            "console/payouts/one.html",
            shown=shown,
            lines=queries.lines(session, payout_id=payout_id),
            may_note=Permission.FINANCE_MAKE in this_staff().permissions,
            typed=request.form,
            faults=faults or [],
            problem=problem,
            today=business_date(),
            purpose=_purpose,
        )
    return page, 422 if faults or problem else 200


def _purpose(one: LineView) -> str:
    return term("payment_purpose", one.purpose) if one.purpose else ""


def _state(state: str) -> str:
    return state_words(f"payout_{state}").words


def _last(period: date) -> date:
    return (period + timedelta(days=31)).replace(day=1) - timedelta(days=1)

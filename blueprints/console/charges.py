"""Fees, partners' purchases and corrections: asked for by one, agreed by another."""

from collections.abc import Callable
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.approvals.models import Approval
from loyalty.catalogue.queries import all_items
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError
from loyalty.settlement import charging, reading
from loyalty.settlement.errors import BadCharge
from loyalty.settlement.models import PartnerAdjustment, PartnerFee, PartnerPurchase
from loyalty.settlement.rules import FEE_CAUSES
from loyalty.staff.rules import Permission

_FIELDS: Final = {"fen": "amount_yuan", "price_fen": "price_yuan"}


@bp.get("/charges")
@requires(Permission.READ)
def charges() -> ResponseReturnValue:
    """Show what was charged, sold and corrected, and the forms that ask for more."""
    return _page()


@bp.get("/charges/fees.xlsx")
@requires(Permission.READ)
def fees_xlsx() -> ResponseReturnValue:
    """Return all fees as a workbook."""
    with current_database().unit_of_work() as session:
        found = reading.fees(session)
    columns: list[Column[PartnerFee]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("缘由", "Cause"), lambda one: term("fee_cause", one.cause)),
        Column(speak("关于", "About"), lambda one: one.about, width=30),
        Column(speak("以积分计", "In points"), lambda one: one.points, "number"),
        Column(speak("金额", "Money"), lambda one: one.fen, "yuan"),
        Column(speak("入账日", "Booked on"), lambda one: one.charged_on, "day"),
        Column(speak("发生日", "Happened on"), lambda one: one.original_on, "day"),
        Column(speak("审批", "Approval"), lambda one: one.approval_id, "number"),
        Column(speak("理由", "Why"), lambda one: one.reason, width=40),
    ]
    return workbook(
        name="fees",
        title=speak("差错费", "Fees"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/charges/purchases.xlsx")
@requires(Permission.READ)
def purchases_xlsx() -> ResponseReturnValue:
    """Return all purchases of partners as a workbook."""
    with current_database().unit_of_work() as session:
        found = reading.purchases(session)
    columns: list[Column[PartnerPurchase]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("对方订单号", "Their order"), lambda one: one.order_ref),
        Column(speak("商品", "Item"), lambda one: one.item_code),
        Column(speak("数量", "Quantity"), lambda one: one.quantity, "number"),
        Column(speak("单价", "Price"), lambda one: one.price_fen, "yuan"),
        Column(speak("收入", "Revenue"), lambda one: one.fen, "yuan"),
        Column(speak("入账日", "Booked on"), lambda one: one.ordered_on, "day"),
        Column(speak("发生日", "Happened on"), lambda one: one.original_on, "day"),
        Column(speak("审批", "Approval"), lambda one: one.approval_id, "number"),
    ]
    return workbook(
        name="purchases",
        title=speak("伙伴采购", "Purchases of partners"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/charges/adjustments.xlsx")
@requires(Permission.READ)
def partner_adjustments_xlsx() -> ResponseReturnValue:
    """Return all corrections as a workbook."""
    with current_database().unit_of_work() as session:
        found = reading.adjustments(session)
    columns: list[Column[PartnerAdjustment]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("关于", "About"), lambda one: one.about, width=30),
        Column(speak("金额", "Money"), lambda one: one.fen, "yuan"),
        Column(speak("入账日", "Booked on"), lambda one: one.adjusted_on, "day"),
        Column(speak("发生日", "Happened on"), lambda one: one.original_on, "day"),
        Column(speak("审批", "Approval"), lambda one: one.approval_id, "number"),
        Column(speak("理由", "Why"), lambda one: one.reason, width=40),
    ]
    return workbook(
        name="adjustments",
        title=speak("结算调整", "Corrections"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.post("/charges/fees")
@requires(Permission.FINANCE_MAKE)
def ask_fee() -> ResponseReturnValue:
    """Ask to charge a partner for lines that came late or wrong."""
    on, reason = form.day("on"), form.words("reason")
    amount, points = form.fen("amount_yuan"), form.count("points")
    wrong = [
        name
        for name, is_wrong in (
            ("amount_yuan", amount is None and bool(form.words("amount_yuan"))),
            ("points", points is None and bool(form.words("points"))),
            ("on", on is None),
            ("reason", not reason),
        )
        if is_wrong
    ]
    if wrong or on is None:
        return _page("fee", faults=wrong), 422
    return _asked(
        "fee",
        lambda session: charging.ask_fee(
            session,
            partner=form.words("partner"),
            cause=form.words("cause"),
            about=form.words("about", form.REF_CHARS),
            fen=amount,
            points=points,
            on=on,
            reason=reason,
            maker=this_staff().staff_id,
            at=now(),
        ),
    )


@bp.post("/charges/purchases")
@requires(Permission.FINANCE_MAKE)
def ask_purchase() -> ResponseReturnValue:
    """Ask to sell a partner a standard product of ours."""
    on, reason = form.day("on"), form.words("reason")
    quantity, price = form.count("quantity"), form.fen("price_yuan")
    wrong = [
        name
        for name, is_wrong in (
            ("quantity", quantity is None),
            ("price_yuan", price is None and bool(form.words("price_yuan"))),
            ("on", on is None),
            ("reason", not reason),
        )
        if is_wrong
    ]
    if wrong or on is None or quantity is None:
        return _page("purchase", faults=wrong), 422
    return _asked(
        "purchase",
        lambda session: charging.ask_purchase(
            session,
            partner=form.words("partner"),
            order_ref=form.words("order_ref", form.REF_CHARS),
            item_code=form.words("item_code"),
            quantity=quantity,
            price_fen=price,
            on=on,
            reason=reason,
            maker=this_staff().staff_id,
            at=now(),
        ),
    )


@bp.post("/charges/adjustments")
@requires(Permission.FINANCE_MAKE)
def ask_partner_adjustment() -> ResponseReturnValue:
    """Ask to correct what a partner owes."""
    on, reason, amount = form.day("on"), form.words("reason"), form.fen("amount_yuan")
    given = {
        "amount_yuan": amount is not None,
        "on": on is not None,
        "reason": bool(reason),
    }
    if on is None or amount is None or not reason:
        wrong = [name for name, is_given in given.items() if not is_given]
        return _page("adjustment", faults=wrong), 422
    return _asked(
        "adjustment",
        lambda session: charging.ask_adjustment(
            session,
            partner=form.words("partner"),
            about=form.words("about", form.REF_CHARS),
            fen=amount,
            on=on,
            reason=reason,
            maker=this_staff().staff_id,
            at=now(),
        ),
    )


def _asked(which: str, ask: Callable[[Session], Approval]) -> ResponseReturnValue:
    """Ask for a second person, and lead to what was asked."""
    try:
        with current_database().unit_of_work() as session:
            asked = ask(session)
            note(
                session,
                action=f"settlement.ask_{which}",
                object_=f"settlement:{asked.subject}",
                after=asked.after,
                reason=asked.reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadCharge as error:
        faults = error.facts["faults"]
        assert isinstance(faults, list)
        wrong = [_FIELDS.get(one, one) for one in map(str, faults)]
        return _page(which, faults=wrong), 422
    except LoyaltyError as error:
        return _page(which, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def _page(
    which: str = "", *, problem: str = "", faults: list[str] | None = None
) -> str:
    names = form.partner_names()
    with current_database().unit_of_work() as session:
        fees = reading.fees(session)
        purchases = reading.purchases(session)
        adjustments = reading.adjustments(session)
        items = [
            (one.item_code, speak(one.title_zh, one.title_en))
            for one in all_items(session)
            if one.family == "TELECOM" and one.partner is None
        ]
    return render_template(
        "console/settling/charges.html",
        fees=fees,
        purchases=purchases,
        adjustments=adjustments,
        names=names,
        partners=sorted(names.items()),
        items=items,
        causes=[(one, term("fee_cause", one)) for one in FEE_CAUSES],
        which=which,
        typed=request.form,
        today=business_date(),
        faults=faults or [],
        problem=problem,
        fault_words=speak("请核对这一项。", "Please check this."),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )

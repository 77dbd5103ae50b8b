"""Money that came and nobody can explain: written down, and cleared by two people."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.matching import months_page, partner_names
from blueprints.console.noting import note
from blueprints.console.settling_form import REF_CHARS, day, fen, words
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.clock import now
from loyalty.errors import LoyaltyError, Missing
from loyalty.feeds import mending
from loyalty.matching import open_items, receiving
from loyalty.matching.errors import BadReceipt
from loyalty.staff.rules import Permission


@bp.post("/matching/suspense")
@requires(Permission.FINANCE_MAKE)
def receive_money() -> ResponseReturnValue:
    """Write down what came to the bank from a partner, and is for nothing known."""
    sum_fen, came_on = fen("yuan"), day("on")
    bank_ref = words("bank_ref", REF_CHARS)
    try:
        if sum_fen is None or came_on is None:
            raise BadReceipt(
                faults=[
                    name
                    for name, said in (("fen", sum_fen), ("on", came_on))
                    if said is None
                ]
            )
        with current_database().unit_of_work() as session:
            booked = receiving.receive(
                session,
                partner=words("partner"),
                bank_ref=bank_ref,
                fen=sum_fen,
                on=came_on,
                reason=words("reason"),
                at=now(),
            )
            note(
                session,
                action="matching.receive",
                object_=f"partner:{booked.partner}",
                after={"bank_ref": bank_ref, "fen": sum_fen},
                reason=booked.reason,
            )
            partner = booked.partner
    except LoyaltyError as error:
        return months_page(problem=say(error)), 409
    flash(speak("已登记挂账。", "It waits in suspense."), "done")
    return redirect(_place(partner, bank_ref), 303)


@bp.get("/matching/suspense/<partner>/<path:bank_ref>")
@requires(Permission.READ)
def suspended_money(partner: str, bank_ref: str) -> ResponseReturnValue:
    """Show money that came, and where it may belong."""
    return _page(partner, bank_ref)


@bp.post("/matching/suspense/<partner>/<path:bank_ref>")
@requires(Permission.FINANCE_MAKE)
def clear_receipt(partner: str, bank_ref: str) -> ResponseReturnValue:
    """Ask for money to come to where it belongs; another person decides."""
    way, reason, about = words("act"), words("reason"), f"bank:{bank_ref}"
    if not reason:
        fault = speak("请写明理由。", "Please say why.")
        return _page(partner, bank_ref, fault=fault), 422
    try:
        with current_database().unit_of_work() as session:
            asked = receiving.ask_clearing(
                session,
                partner=partner,
                about=about,
                way=way,
                foretold=mending.clearing_entries(
                    session, partner=partner, about=about, way=way, at=now()
                ),
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="matching.clear",
                object_=f"partner:{partner}",
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(partner, bank_ref, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=asked.approval_id), 303)


def _page(partner: str, bank_ref: str, *, problem: str = "", fault: str = "") -> str:
    about = f"bank:{bank_ref}"
    with current_database().unit_of_work() as session:
        booked = open_items.bookings_about(session, partner=partner, about=about)
        if not booked:
            abort(404)
        waiting = sum(
            one.fen for one in booked if one.cause in ("received", "suspense")
        )
        posts = {
            way: mending.clearing_entries(
                session, partner=partner, about=about, way=way, at=now()
            )
            for way in (receiving.WAYS if waiting else ())
        }
        name = partner_names(session).get(partner, partner)
    return render_template(
        "console/matching/receipt.html",
        partner=partner,
        bank_ref=bank_ref,
        name=name,
        booked=booked,
        waiting=waiting,
        posts=posts,
        ways=[(way, term("clearing", way)) for way in posts],
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        typed=request.form,
    )


def _place(partner: str, bank_ref: str) -> str:
    return url_for("console.suspended_money", partner=partner, bank_ref=bank_ref)

"""One break: both sides beside each other, who sees to it, and how it is to end."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.noting import note
from blueprints.console.settling_form import count, words
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.queries import partners
from loyalty.clock import now
from loyalty.errors import LoyaltyError, Missing
from loyalty.feeds import mending
from loyalty.feeds.formats import ACTIVITIES
from loyalty.matching import open_items, resolving
from loyalty.matching.rules import ASK, BASES, SUSPENSE, Terms
from loyalty.matching.terms import ask_terms
from loyalty.staff.queries import names as staff_names
from loyalty.staff.rules import Permission

_NOTE_CHARS = 300
_HALF_HOURS, _HOURS_MAX, _NONSENSE = ("00", "30"), 99, -1
_MEND = ("account_ref", "activity", "amount", "mcc")


@bp.get("/matching/breaks/<int:break_id>")
@requires(Permission.READ)
def one_break(break_id: int) -> ResponseReturnValue:
    """Show a break, and what may end it."""
    return _page(break_id)


@bp.post("/matching/breaks/<int:break_id>")
@requires(Permission.FINANCE_MAKE)
def see_to_break(break_id: int) -> ResponseReturnValue:
    """Take a break on, put it to the partner, or ask for it to be settled."""
    act = request.form.get("act", "")
    reason = request.form.get("reason", "").strip()[:_NOTE_CHARS]
    if act != "take_on" and not reason:
        fault = speak("请写明理由。", "Please say why.")
        return _page(break_id, fault=fault), 422
    try:
        return _done(break_id, act, reason)
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(break_id, problem=say(error)), 409


def _done(break_id: int, act: str, reason: str) -> ResponseReturnValue:
    who, at = this_staff().staff_id, now()
    asked = None
    with current_database().unit_of_work() as session:
        if act == "take_on":
            resolving.take_on(session, break_id=break_id, owner=who)
        elif act == ASK:
            resolving.ask_partner(session, break_id=break_id, note=reason, at=at)
        else:
            asked = mending.ask_settlement(
                session,
                break_id=break_id,
                resolution=act,
                mend=_mend(act),
                reason=reason,
                maker=who,
                at=at,
            )
        note(
            session,
            action=f"matching.{act}",
            object_=f"break:{break_id}",
            after=asked.after if asked is not None else None,
            reason=reason or None,
            approval_id=asked.approval_id if asked is not None else None,
        )
    if asked is None:
        flash(speak("已记下。", "It is written down."), "done")
        return redirect(url_for("console.one_break", break_id=break_id), 303)
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=asked.approval_id), 303)


def _mend(act: str) -> dict[str, str]:
    """Return what posting the missing needs; nothing else needs anything."""
    if act != "post_missing" or "account_ref" not in request.form:
        return {}
    return {name: request.form.get(name, "").strip()[:64] for name in _MEND}


def _page(break_id: int, *, problem: str = "", fault: str = "") -> str:
    with current_database().unit_of_work() as session:
        found = open_items.break_of(session, break_id=break_id)
        line = open_items.told(session, found=found)
        names = {one.partner: one.name for one in partners(session)}
        people = staff_names(session)
        posts = {
            way: mending.entries(session, found=found, resolution=way)
            for way in resolving.offered(found)
            if way != ASK
        }
        # Nothing waits where no money is settled.
        ways = [
            way for way in resolving.offered(found) if way != SUSPENSE or posts[way]
        ]
        booked = open_items.bookings_of(session, break_id=break_id)
    return render_template(
        "console/matching/break.html",
        one=found,
        line=line,
        partner=issuer_name(found.partner, names.get(found.partner)),
        people=people,
        ways=[(way, term("resolution", way)) for way in ways],
        posts=posts,
        booked=booked,
        activities=[(one, term("match_activity", one)) for one in ACTIVITIES],
        # What went by itself is over; what was decided may be decided anew.
        may_make=bool(ways)
        and (found.closed_at is None or found.resolution is not None)
        and Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        typed=request.form,
    )


@bp.get("/matching/terms")
@requires(Permission.READ)
def match_terms() -> ResponseReturnValue:
    """Show the form that asks for a partner's lines to be compared in another way."""
    return _terms_page()


@bp.post("/matching/terms")
@requires(Permission.FINANCE_MAKE)
def ask_match_terms() -> ResponseReturnValue:
    """Ask for terms of matching; another person decides."""
    form = request.form
    reason = form.get("reason", "").strip()[:_NOTE_CHARS]
    if not reason:
        return _terms_page(fault=speak("请写明理由。", "Please say why.")), 422
    wanted = Terms(
        date_basis=form.get("date_basis", ""),
        cut_off_minutes=_minutes(words("cut_off")),
        time_zone=form.get("time_zone", "").strip(),
        tolerance_fen=_or_nonsense(count("tolerance_fen")),
        days_apart=_or_nonsense(count("days_apart")),
    )
    try:
        with current_database().unit_of_work() as session:
            asked = ask_terms(
                session,
                partner=form.get("partner", ""),
                wanted=wanted,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="matching.ask_terms",
                object_=f"partner:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
    except LoyaltyError as error:
        return _terms_page(problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=asked.approval_id), 303)


def _minutes(said: str) -> int:
    """Return a time of day in minutes, such as 24:00; 0: it is none."""
    hour, _, minute = said.partition(":")
    if not (hour.isascii() and hour.isdecimal() and minute in _HALF_HOURS):
        return 0
    return min(int(hour), _HOURS_MAX) * 60 + int(minute)


def _or_nonsense(said: int | None) -> int:
    """Return a number, or one that is refused by its name."""
    return _NONSENSE if said is None else said


def _terms_page(*, problem: str = "", fault: str = "") -> str:
    with current_database().unit_of_work() as session:
        names = [
            (one.partner, issuer_name(one.partner, one.name))
            for one in partners(session)
        ]
        known = open_items.terms_known(session)
    return render_template(
        "console/matching/terms.html",
        known=known,
        partners=names,
        names=dict(names),
        bases=[(one, term("date_basis", one)) for one in BASES],
        usual=Terms(),
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        typed=request.values,
    )

"""The register of what was changed by hand (R11), and each change by itself."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Final
from uuid import uuid4

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database, services
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.adjustments import operations, queries
from loyalty.adjustments.errors import BadAdjustment
from loyalty.adjustments.queries import Change, Row
from loyalty.adjustments.rules import WORDS_MAX
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError, Missing
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

_SHOWN: Final = 500
_PER_MILLE: Final = 1_000


@bp.get("/adjustments")
@requires(Permission.READ)
def adjustments() -> ResponseReturnValue:
    """Show the register of a month, or what waits for somebody to agree."""
    at, period, reason = now(), _period(), request.args.get("reason") or None
    waits = request.args.get("show") == "waiting"
    with current_database().unit_of_work() as session:
        found = queries.register(
            session,
            first=period,
            last=_last_day(period),
            reason=reason,
            without_files=True,
            limit=_SHOWN,
        )
        waiting = queries.waiting(session, at=at)
        known = queries.reasons(session)
        people = names(session)
    return render_template(
        "console/adjustments/register.html",
        register=found,
        waiting=waiting,
        waits=waits,
        period=period,
        reason=reason or "",
        reasons=[("", speak("全部原因", "All reasons"))]
        + [(one.reason, speak(one.title_zh, one.title_en)) for one in known],
        people=people,
        percent=percent,
    )


@bp.get("/adjustments.xlsx")
@requires(Permission.READ)
def adjustments_xlsx() -> ResponseReturnValue:
    """Return the register of a month as a workbook."""
    period, reason = _period(), request.args.get("reason") or None
    with current_database().unit_of_work() as session:
        found = queries.register(
            session, first=period, last=_last_day(period), reason=reason
        )
    columns: list[Column[Row]] = [
        Column(speak("入账日", "Day"), lambda one: one.effective_on, "day"),
        Column(speak("编号", "Number"), lambda one: one.adjustment_ref),
        Column(speak("会员", "Member"), lambda one: one.member_ref),
        Column(speak("原因", "Reason"), lambda one: speak(one.title_zh, one.title_en)),
        Column(speak("积分种类", "Unit"), lambda one: term("unit", one.unit)),
        Column(speak("积分", "Points"), lambda one: one.points, "number"),
        Column(speak("价值（元）", "Worth, yuan"), lambda one: one.value_fen, "yuan"),
        Column(speak("占比", "Share"), lambda one: percent(one.share)),
        Column(
            speak("会计处理", "In money"), lambda one: term("adjust_money", one.money)
        ),
        Column(speak("申请人", "Asked by"), lambda one: one.asked_by),
        Column(speak("审批人", "Approved by"), lambda one: one.approved_by),
        Column(speak("财务复核", "Released by"), lambda one: one.released_by),
        Column(speak("说明", "Why"), lambda one: one.words, width=40),
        Column(speak("凭证指纹", "Evidence"), lambda one: one.sha256, width=40),
        Column(speak("撤销", "Undoes"), lambda one: one.reverses),
        Column(speak("分录", "Entry"), lambda one: one.entry_id, width=40),
    ]
    return workbook(
        name=f"adjustments-{period:%Y-%m}",
        title=speak("人工调整登记簿", "Register of adjustments"),
        columns=columns,
        rows=found.rows,
        filters={
            speak("月份", "Month"): f"{period:%Y-%m}",
            speak("原因", "Reason"): reason or "",
        },
    )


@bp.get("/adjustments/<int:member_id>/<adjustment_ref>")
@requires(Permission.READ)
def adjustment(member_id: int, adjustment_ref: str) -> ResponseReturnValue:
    """Show one change: who asked, what for, what was shown, and what it becomes."""
    return _page(member_id, adjustment_ref)


@bp.get("/adjustments/<int:member_id>/<adjustment_ref>/evidence")
@requires(Permission.READ)
def evidence(member_id: int, adjustment_ref: str) -> ResponseReturnValue:
    """Send what was shown for a request; who looks at it is written down."""
    with current_database().unit_of_work() as session:
        about, content = queries.open_evidence(
            session,
            member_id=member_id,
            adjustment_ref=adjustment_ref,
            keyring=services().keyring,
        )
        note(
            session,
            action="adjustment.evidence",
            object_=f"member:{member_id}",
            after={"adjustment": adjustment_ref, "sha256": about.sha256},
        )
    # To be saved, never shown by the browser: somebody else made it.
    return Response(
        content,
        mimetype="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename=evidence-{adjustment_ref}"
            f".{about.media_type.rpartition('/')[2].replace('plain', 'txt')}",
            "Cache-Control": "no-store",
        },
    )


@bp.post("/adjustments/<int:member_id>/<adjustment_ref>/undo")
@requires(Permission.ADJUST_MAKE)
def undo_adjustment(member_id: int, adjustment_ref: str) -> ResponseReturnValue:
    """Ask that a change be undone; it takes as many people as any other."""
    words = request.form.get("words", "").strip()[:WORDS_MAX]
    try:
        with current_database().unit_of_work() as session:
            asked = operations.ask_undoing(
                session,
                member_id=member_id,
                adjustment_ref=request.form.get("undo_ref", "")[:12] or _new_ref(),
                of=adjustment_ref,
                words=words,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="adjustment.asked",
                object_=f"member:{member_id}",
                before=asked.before,
                after=asked.after,
                reason=words,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except BadAdjustment:
        fault = speak("请写明理由。", "Please say why.")
        return _page(member_id, adjustment_ref, fault=fault), 422
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(member_id, adjustment_ref, problem=say(error), said=words), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


def percent(share: Fraction | None) -> str:
    """Return a share in percent with one decimal, rounded half up; '–': of nothing."""
    if share is None:
        return "–"
    numerator, denominator = share.as_integer_ratio()
    tenths = (2 * _PER_MILLE * numerator + denominator) // (2 * denominator)
    return f"{tenths // 10}.{tenths % 10}%"


def _page(
    member_id: int,
    adjustment_ref: str,
    *,
    problem: str = "",
    fault: str = "",
    said: str = "",
) -> str:
    at, caller = now(), this_staff()
    with current_database().unit_of_work() as session:
        shown: Change = queries.change(
            session, member_id=member_id, adjustment_ref=adjustment_ref, at=at
        )
        about = queries.evidence_of(
            session, member_id=member_id, adjustment_ref=adjustment_ref
        )
        has = queries.standing(
            session, member_id=member_id, unit=shown.unit, on=at.date()
        )
        reason = queries.reason(session, shown.reason)
        people = names(session)
    is_open = shown.state in ("asked", "checked")
    return render_template(
        "console/adjustments/one.html",
        change=shown,
        reason=reason,
        evidence=about,
        people=people,
        has=has,
        then=has.after(shown.points) if is_open else None,
        undo_ref=_new_ref(),
        may_undo=shown.state == "posted"
        and shown.undone_by is None
        and shown.reverses is None
        and Permission.ADJUST_MAKE in caller.permissions,
        problem=problem,
        fault=fault,
        said=said,
    )


def _new_ref() -> str:
    return uuid4().hex[:12]


def _period() -> date:
    """Return the first day of the month that the address asks for, or of this one."""
    try:
        return date.fromisoformat(f"{request.args.get('period', '')}-01")
    except ValueError:
        return business_date().replace(day=1)


def _last_day(period: date) -> date:
    after = (period + timedelta(days=31)).replace(day=1)
    return after - timedelta(days=1)

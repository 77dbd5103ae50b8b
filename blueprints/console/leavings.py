"""Leavings for staff: what each ends, what waits for whom, and what is an alarm."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database, services
from blueprints.console import bp, leaving_story
from blueprints.console.excel import Column, workbook
from blueprints.console.leaving_story import Told
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, state_words, term
from loyalty.churn import delivery, queries
from loyalty.churn.by_hand import ByHand, settle_card
from loyalty.churn.queries import SHOWN, LeavingLine, VoidedLot
from loyalty.clock import now
from loyalty.errors import LoyaltyError, Missing
from loyalty.rules.models import CHURN_REASONS
from loyalty.staff.rules import Permission

_PAGE, _EXPORT = 50, 10_000
_NOTE_CHARS, _DIGITS_MAX = 300, 18


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; '': to nothing."""

    reason: str
    show: str

    @classmethod
    def of_request(cls) -> "Filters":
        """Return what the address asks for; what makes no sense narrows nothing."""
        reason, show = (request.args.get(name, "") for name in ("reason", "show"))
        return cls(
            reason if reason in CHURN_REASONS else "", show if show in SHOWN else ""
        )

    def as_address(self) -> dict[str, Any]:
        """Return what of this an address needs."""
        said = {"reason": self.reason, "show": self.show}
        return {name: value for name, value in said.items() if value}


@bp.get("/leavings")
@requires(Permission.READ)
def leavings() -> ResponseReturnValue:
    """List who left the network, the newest first."""
    filters = Filters.of_request()
    found = _read(filters, limit=_PAGE + 1)
    older = None
    if len(found) > _PAGE:
        last = found[_PAGE - 1]
        mark = f"{last.member_id}/{last.departure_ref}"
        older = url_for("console.leavings", before=mark, **filters.as_address())
    with current_database().unit_of_work() as session:
        alarms = queries.alarms(session)
    return render_template(
        "console/leavings/list.html",
        leavings=found[:_PAGE],
        filters=filters,
        shown=SHOWN,
        reasons=[(one, term("churn_reason", one)) for one in CHURN_REASONS],
        alarms=alarms,
        older=older,
    )


@bp.get("/leavings.xlsx")
@requires(Permission.READ)
def leavings_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook, up to 10,000 rows."""
    filters = Filters.of_request()
    columns: list[Column[LeavingLine]] = [
        Column(speak("会员", "Member"), lambda one: one.member_ref),
        Column(speak("事件", "Event"), lambda one: one.departure_ref, width=28),
        Column(speak("离网日期", "Left on"), lambda one: one.left_on, "day"),
        Column(speak("原因", "Why"), lambda one: term("churn_reason", one.reason)),
        Column(speak("规则版本", "Policy"), lambda one: one.policy_version, "number"),
        Column(speak("作废日期", "Void on"), lambda one: one.void_on, "day"),
        Column(speak("作废积分", "Points void"), lambda one: one.voided, "number"),
        Column(speak("未了结", "Open steps"), lambda one: one.steps_open, "number"),
        Column(speak("警报", "Alarms"), lambda one: one.alarms, "number"),
        Column(
            speak("最晚恢复", "May return until"),
            lambda one: one.reinstate_until,
            "day",
        ),
        Column(speak("恢复日期", "Back on"), lambda one: one.reinstated_on, "day"),
        Column(
            speak("状态", "State"),
            lambda one: state_words(f"leaving_{one.state}").words,
        ),
    ]
    return workbook(
        name="leavings",
        title=speak("离网", "Leavings"),
        columns=columns,
        rows=_read(filters, limit=_EXPORT),
        filters={
            speak("原因", "Why"): term("churn_reason", filters.reason),
            speak("范围", "Which"): filters.show
            and state_words(f"leaving_{filters.show}").words,
        },
    )


@bp.get("/leavings/<int:member_id>/<path:departure_ref>")
@requires(Permission.READ)
def leaving(member_id: int, departure_ref: str) -> ResponseReturnValue:
    """Show a leaving as a timeline, in the order of its policy."""
    return _page(member_id, departure_ref)


@bp.get("/leavings/<int:member_id>/<path:departure_ref>.xlsx")
@requires(Permission.READ)
def leaving_xlsx(member_id: int, departure_ref: str) -> ResponseReturnValue:
    """Return the timeline as a workbook; `table=lots`: the lots that became void."""
    with current_database().unit_of_work() as session:
        shown = queries.leaving(
            session, member_id=member_id, departure_ref=departure_ref
        )
    filters = {
        speak("会员", "Member"): shown.line.member_ref,
        speak("事件", "Event"): departure_ref,
    }
    if request.args.get("table") == "lots":
        return workbook(
            name="leaving-lots",
            title=speak("作废的积分", "Points that are void"),
            columns=_lot_columns(),
            rows=shown.lots,
            filters=filters,
        )
    columns: list[Column[Told]] = [
        Column(speak("权益", "Benefit"), lambda one: one.title, width=28),
        Column(
            speak("对象", "Which"), _of_step(lambda told: told.subject or ""), width=28
        ),
        Column(speak("状态", "State"), lambda one: state_words(one.state).words),
        Column(speak("等待", "Waits for"), _of_step(leaving_story.waits_words)),
        Column(
            speak("已办次数", "Attempts"),
            _of_step(lambda told: told.attempts),
            "number",
        ),
        Column(
            speak("下次", "Next"),
            _of_step(lambda told: told.due_at if told.is_open else None),
            "moment",
        ),
        Column(speak("办结", "Ended at"), lambda one: one.at, "moment"),
        Column(
            speak("结果", "Outcome"),
            lambda one: speak("；", "; ").join(one.sentences),
            width=60,
        ),
    ]
    return workbook(
        name="leaving",
        title=speak("离网经过", "A leaving"),
        columns=columns,
        rows=leaving_story.timeline(shown),
        filters=filters,
    )


@bp.post("/leavings/<int:member_id>/<path:departure_ref>")
@requires(Permission.REVIEW)
def take_up_step(member_id: int, departure_ref: str) -> ResponseReturnValue:
    """Take a step up now, or settle by hand one that is an alarm."""
    if request.form.get("act") == "go_on":
        return _go_on(member_id, departure_ref)
    return _settle(member_id, departure_ref)


def _go_on(member_id: int, departure_ref: str) -> ResponseReturnValue:
    kit = services()
    key = {
        "member_id": member_id,
        "departure_ref": departure_ref,
        "benefit": request.form.get("benefit", ""),
        "subject": request.form.get("subject", ""),
    }
    with kit.database.unit_of_work() as session:
        shown = queries.leaving(
            session, member_id=member_id, departure_ref=departure_ref
        )
        known = {
            (step.benefit, step.subject)
            for stage in shown.stages
            for step in stage.steps
        }
        if (key["benefit"], key["subject"]) not in known:
            problem = speak(
                "没有这一步，请刷新。", "There is no such step. Reload, please."
            )
            return _page(member_id, departure_ref, problem=problem), 404
        note(
            session,
            action="leaving.go_on",
            object_=_object(member_id, departure_ref),
            after={"benefit": key["benefit"], "step": key["subject"]},
        )
    try:
        state = delivery.go_on(
            kit.database, kit.connections, kit.keyring, at=now(), **key
        )
    except LoyaltyError as error:
        return _page(member_id, departure_ref, problem=say(error)), 409
    if state is None:
        flash(
            speak("这一步已经办结。", "This had come to its end already."),
            "warm",
        )
    else:
        flash(
            speak("已办：", "Taken up: ") + state_words(f"churn_{state}").words,
            "harm" if state == "alarmed" else "done",
        )
    return redirect(_to(member_id, departure_ref), 303)


def _settle(member_id: int, departure_ref: str) -> ResponseReturnValue:
    subject = request.form.get("subject", "")
    said = request.form.get("note", "").strip()[:_NOTE_CHARS]
    outcome = request.form.get("outcome", "")
    if outcome not in tuple(ByHand):
        fault = speak("请选择银行那边的结果。", "Please choose what the bank has done.")
        return _page(member_id, departure_ref, fault=("outcome", subject, fault)), 422
    if not said:
        fault = speak("请写明依据。", "Please say how we know.")
        return _page(member_id, departure_ref, fault=("note", subject, fault)), 422
    try:
        with current_database().unit_of_work() as session:
            state = settle_card(
                session,
                member_id=member_id,
                departure_ref=departure_ref,
                subject=subject,
                outcome=ByHand(outcome),
                note=said,
                actor=f"staff:{this_staff().staff_id}",
                at=now(),
            )
            note(
                session,
                action="leaving.settle_card",
                object_=_object(member_id, departure_ref),
                before={"state": "alarmed"},
                after={"state": state, "by_hand": outcome, "step": subject},
                reason=said,
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(member_id, departure_ref, problem=say(error)), 409
    flash(speak("已了结并记录。", "Settled, and written down."), "done")
    return redirect(_to(member_id, departure_ref), 303)


def _read(filters: Filters, *, limit: int) -> list[LeavingLine]:
    with current_database().unit_of_work() as session:
        return queries.leavings(
            session,
            reason=filters.reason or None,
            shown=filters.show,
            before=_before(),
            limit=limit,
        )


def _before() -> tuple[int, str] | None:
    """Return the place that the address names; None: the beginning."""
    member, _, ref = request.args.get("before", "").partition("/")
    if member.isascii() and member.isdecimal() and len(member) <= _DIGITS_MAX:
        return int(member), ref
    return None


def _of_step(
    of: Callable[[queries.StepView], object],
) -> Callable[[Told], object]:
    """Return what takes something of a line's step; nothing where there is none."""
    return lambda told: None if told.step is None else of(told.step)


def _lot_columns() -> list[Column[VoidedLot]]:
    return [
        Column(speak("积分", "Points"), lambda lot: term("unit", lot.unit)),
        Column(
            speak("来自", "From"),
            lambda lot: lot.issuer and issuer_name(lot.issuer, lot.issuer_name),
        ),
        Column(speak("获得月份", "Earned in"), lambda lot: lot.earned_in, "day"),
        Column(speak("到期", "Last day"), lambda lot: lot.expires_on, "day"),
        Column(speak("数量", "Units"), lambda lot: lot.units, "number"),
    ]


def _page(
    member_id: int,
    departure_ref: str,
    *,
    problem: str = "",
    fault: tuple[str, str, str] = ("", "", ""),
) -> str:
    """Show a leaving; `fault`: a field, of which step, and what is wrong with it."""
    at = now()
    with current_database().unit_of_work() as session:
        shown = queries.leaving(
            session, member_id=member_id, departure_ref=departure_ref
        )
    return render_template(
        "console/leavings/one.html",
        shown=shown,
        line=shown.line,
        steps=leaving_story.timeline(shown),
        subject_words=leaving_story.subject_words,
        may_return=shown.line.reinstated_on is None
        and shown.line.reinstate_until >= at.date(),
        may_act=Permission.REVIEW in this_staff().permissions,
        problem=problem,
        fault=dict(zip(("field", "subject", "words"), fault, strict=True)),
        typed=request.form,
    )


def _object(member_id: int, departure_ref: str) -> str:
    return f"leaving:{member_id}/{departure_ref}"


def _to(member_id: int, departure_ref: str) -> str:
    return url_for("console.leaving", member_id=member_id, departure_ref=departure_ref)

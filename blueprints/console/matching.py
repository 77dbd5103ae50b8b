"""The workbench: partners' months, what agrees, and what is left to do."""

from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.choosing import read_month
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.console.settling_form import fen
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, say, term
from loyalty.alliance.queries import partners
from loyalty.breaks.models import StatementBreak
from loyalty.clock import business_date, now
from loyalty.database import retrying
from loyalty.errors import LoyaltyError
from loyalty.matching import open_items, queries
from loyalty.matching.bookings import corrections, owed_by_us
from loyalty.matching.invoice_lines import InvoiceLine, read_lines
from loyalty.matching.invoices import enter_invoice, items_billed
from loyalty.matching.operations import match
from loyalty.matching.rules import AGES, KINDS
from loyalty.staff.rules import Permission

_LISTED, _EXPORTED = 200, 100_000
_INVOICE_CHARS, _FILE_BYTES = 64, 1_000_000


@bp.get("/matching")
@requires(Permission.READ)
def matching() -> ResponseReturnValue:
    """Show partners' months: what part agrees, what is open, and for how long."""
    return months_page()


def months_page(*, problem: str = "") -> str:
    """Return that page, with what was wrong with what was sent to it."""
    today = business_date()
    with current_database().unit_of_work() as session:
        return render_template(
            "console/matching/months.html",
            months=open_items.month_states(session, on=today),
            ageing=open_items.ageing(session, on=today),
            suspense=open_items.suspense(session, on=today),
            steps=_steps(),
            names=partner_names(session),
            may_make=Permission.FINANCE_MAKE in this_staff().permissions,
            problem=problem,
            typed=request.form,
        )


@bp.get("/matching.xlsx")
@requires(Permission.READ)
def matching_xlsx() -> ResponseReturnValue:
    """Return the ages of what is open as a workbook."""
    with current_database().unit_of_work() as session:
        found = open_items.ageing(session, on=business_date())
    columns: list[Column[open_items.Aged]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("差异", "Break"), lambda one: term("break", one.code)),
        *(_step(nth, words) for nth, words in enumerate(_steps())),
        Column(speak("相差金额", "Apart"), lambda one: one.fen, "yuan"),
        Column(speak("最早", "Oldest"), lambda one: one.oldest_on, "day"),
    ]
    return workbook(
        name="open-breaks",
        title=speak("未了结差异账龄", "Open breaks by age"),
        columns=columns,
        rows=found,
        filters={},
    )


@bp.get("/matching/months/<partner>/<period>")
@requires(Permission.READ)
def matched_month(partner: str, period: str) -> ResponseReturnValue:
    """Show a partner's month from all sides, and what is open in it."""
    return _page(partner, _month(period))


@bp.get("/matching/months/<partner>/<period>.xlsx")
@requires(Permission.READ)
def matched_month_xlsx(partner: str, period: str) -> ResponseReturnValue:
    """Return the breaks of a partner's month, both sides beside each other."""
    first, (code, is_open) = _month(period), _chosen()
    with current_database().unit_of_work() as session:
        found = open_items.breaks_of(
            session,
            partner=partner,
            period=first,
            code=code,
            is_open=is_open,
            limit=_EXPORTED,
        )
    columns: list[Column[StatementBreak]] = [
        Column(speak("哪一项", "Of what"), lambda one: one.reference, width=34),
        Column(speak("差异", "Break"), lambda one: term("break", one.code)),
        Column(speak("我方日期", "Our day"), lambda one: one.ours_on, "day"),
        Column(speak("对方日期", "Their day"), lambda one: one.theirs_on, "day"),
        Column(speak("我方数量", "Our units"), lambda one: one.ours_units, "number"),
        Column(
            speak("对方数量", "Their units"), lambda one: one.theirs_units, "number"
        ),
        Column(speak("我方金额", "Our money"), lambda one: one.ours_fen, "yuan"),
        Column(speak("对方金额", "Their money"), lambda one: one.theirs_fen, "yuan"),
        Column(speak("发现", "Found at"), lambda one: one.found_at, "moment"),
        Column(
            speak("了结方式", "How it ended"),
            lambda one: term("resolution", one.resolution) if one.resolution else None,
        ),
        Column(speak("说明", "Note"), lambda one: one.note, width=40),
    ]
    return workbook(
        name=f"breaks-{partner}-{period}",
        title=speak("对账差异", "Breaks"),
        columns=columns,
        rows=found,
        filters={
            speak("伙伴", "Partner"): partner,
            speak("月份", "Month"): period,
            speak("差异", "Break"): term("break", code) if code else "",
        },
    )


@bp.post("/matching/months/<partner>/<period>")
@requires(Permission.FINANCE_MAKE)
def match_month(partner: str, period: str) -> ResponseReturnValue:
    """Match a month now, or write down what the partner bills for it."""
    first = _month(period)
    try:
        if request.form.get("act") == "invoice":
            return _enter(partner, first)
        return _match(partner, first)
    except LoyaltyError as error:
        return _page(partner, first, problem=say(error)), 409


def _match(partner: str, period: date) -> ResponseReturnValue:
    actor, at = f"staff:{this_staff().staff_id}", now()

    def work(session: Session) -> int:
        done = match(session, partner=partner, period=period, actor=actor, at=at)
        note(
            session,
            action="matching.match",
            object_=f"partner:{partner}",
            after={"period": f"{period:%Y-%m}", "breaks": done.breaks},
        )
        return done.breaks

    breaks = retrying(current_database(), work)
    flash(
        speak(
            f"已对账，{breaks:,} 条差异待处理。",
            f"Matched; {breaks:,} breaks are open.",
        ),
        "done",
    )
    return redirect(_place(partner, period), 303)


def _enter(partner: str, period: date) -> ResponseReturnValue:
    """Take an invoice in: its total, and its parts where they are told."""
    form = request.form
    number = form.get("invoice_no", "").strip()[:_INVOICE_CHARS]
    total = fen("total_yuan")
    said = {kind: form.get(f"yuan.{kind}", "").strip() for kind in KINDS}
    parts = {kind: fen(f"yuan.{kind}") for kind, yuan in said.items() if yuan}
    faults = ["invoice_no"] if not number else []
    faults += ["total_yuan"] if total is None else []
    faults += [f"yuan.{kind}" for kind, part in parts.items() if part is None]
    if total is None or faults:
        return _page(partner, period, faults=faults), 422
    lines = read_lines(_told()) or [
        InvoiceLine(kind=kind, fen=part)
        for kind, part in parts.items()
        if part is not None
    ]
    with current_database().unit_of_work() as session:
        enter_invoice(
            session,
            partner=partner,
            invoice_no=number,
            period=period,
            total_fen=total,
            lines=lines,
            by=this_staff().staff_id,
            at=now(),
        )
        note(
            session,
            action="matching.enter_invoice",
            object_=f"partner:{partner}",
            after={
                "invoice_no": number,
                "total_fen": total,
                "invoice_lines": len(lines),
            },
        )
    flash(speak("发票已登记。", "The invoice is written down."), "done")
    return redirect(_place(partner, period), 303)


def _told() -> str:
    """Return the lines of an invoice as they were sent: a file, or written."""
    file = request.files.get("lines_file")
    if file and file.filename:
        return file.stream.read(_FILE_BYTES).decode("utf-8-sig", errors="replace")
    return request.form.get("lines", "")


def _page(
    partner: str,
    period: date,
    *,
    problem: str = "",
    faults: list[str] | None = None,
) -> str:
    code, is_open = _chosen()
    with current_database().unit_of_work() as session:
        names = partner_names(session)
        if partner not in names:
            abort(404)
        codes = queries.open_codes(session, partner=partner, period=period)
        return render_template(
            "console/matching/month.html",
            partner=partner,
            period=period,
            code=code,
            is_open=is_open,
            names=names,
            sides=queries.sides(session, partner=partner, period=period),
            agreed=queries.agreed_lines(session, partner=partner, period=period),
            corrected=corrections(session, partner=partner, period=period),
            items=items_billed(session, partner=partner, period=period),
            codes=codes,
            kinds=KINDS,
            billable=owed_by_us(session, partner),
            breaks=open_items.breaks_of(
                session,
                partner=partner,
                period=period,
                code=code,
                is_open=is_open,
                limit=_LISTED,
            ),
            terms=queries.terms_of(session, partner=partner),
            may_make=Permission.FINANCE_MAKE in this_staff().permissions,
            problem=problem,
            faults=faults or [],
            fault_words=speak("请核对这一项。", "Please check this."),
            typed=request.form,
        )


def _month(said: str) -> date:
    """Return the month that an address names; there is no page for what is none."""
    return read_month(said) or abort(404)


def _chosen() -> tuple[str | None, bool]:
    """Return the code that is looked for, and whether open ones are wanted."""
    return request.args.get("code") or None, request.args.get("show") != "closed"


def _place(partner: str, period: date) -> str:
    return url_for("console.matched_month", partner=partner, period=f"{period:%Y-%m}")


def _step(nth: int, words: str) -> Column[open_items.Aged]:
    return Column(words, lambda one: one.steps[nth], "number")


def _steps() -> list[str]:
    """Return how the steps of ages read."""
    ends = [*(first - 1 for first in AGES[1:]), None]
    return [
        speak(f"{first} 天以上", f"{first} days and more")
        if last is None
        else speak(f"{first}–{last} 天", f"{first}–{last} days")
        for first, last in zip(AGES, ends, strict=True)
    ]


def partner_names(session: Session) -> dict[str, str]:
    """Return what each partner is called here."""
    return {
        one.partner: issuer_name(one.partner, one.name) for one in partners(session)
    }

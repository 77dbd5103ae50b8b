"""Statements: drawn up, submitted, agreed, and every line down to the books."""

from datetime import date

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console import settling_form as form
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.settlement_papers import statement_csv, statement_paper
from blueprints.wording import say, state_words, term
from loyalty.clock import business_date, now
from loyalty.errors import LoyaltyError, Missing
from loyalty.settlement import drawing, reading, statements
from loyalty.settlement.models import SettlementStatement, StatementLine
from loyalty.settlement.rules import LINE_KINDS, STATEMENT_STATES, month_of
from loyalty.staff.rules import Permission

_PAGE = 100


@bp.get("/statements")
@requires(Permission.READ)
def all_statements() -> ResponseReturnValue:
    """List statements by state and partner; `waiting`: who has something on none."""
    return _list_page()


@bp.get("/statements.xlsx")
@requires(Permission.READ)
def all_statements_xlsx() -> ResponseReturnValue:
    """Return the same list as a workbook."""
    state, partner = _chosen()
    with current_database().unit_of_work() as session:
        found = reading.statements(
            session, state=state or None, partner=partner or None
        )
    columns: list[Column[SettlementStatement]] = [
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("账期", "Month"), lambda one: f"{one.period:%Y-%m}"),
        Column(speak("第几份", "Number"), lambda one: one.nth, "number"),
        Column(speak("首日", "From"), lambda one: one.first_on, "day"),
        Column(speak("末日", "To"), lambda one: one.last_on, "day"),
        Column(speak("笔数", "Lines"), lambda one: one.lines, "number"),
        Column(speak("期初未结", "Unpaid before"), lambda one: one.opening_fen, "yuan"),
        Column(speak("应收", "They owe us"), lambda one: one.receivable_fen, "yuan"),
        Column(speak("应付", "We owe them"), lambda one: one.payable_fen, "yuan"),
        Column(speak("调整", "Adjusted"), lambda one: one.adjusted_fen, "yuan"),
        Column(speak("异议", "Disputed"), lambda one: one.disputed_fen, "yuan"),
        Column(speak("净额", "Net due"), lambda one: one.due_fen, "yuan"),
        Column(
            speak("状态", "State"),
            lambda one: state_words(f"statement_{one.state}").words,
        ),
        Column(speak("签发", "Issued at"), lambda one: one.issued_at, "moment"),
    ]
    return workbook(
        name="statements",
        title=speak("结算单", "Statements"),
        columns=columns,
        rows=found,
        filters={speak("状态", "State"): state, speak("伙伴", "Partner"): partner},
    )


@bp.post("/statements")
@requires(Permission.FINANCE_MAKE)
def draw_statement() -> ResponseReturnValue:
    """Draw up the statement of a partner for the period that a day lies in."""
    partner, on = form.words("partner"), form.day("day")
    faults = {
        "partner": partner not in form.partner_names(),
        "day": on is None,
    }
    wrong = [name for name, is_wrong in faults.items() if is_wrong]
    if wrong or on is None:
        return _list_page(faults=wrong), 422
    try:
        with current_database().unit_of_work() as session:
            draft = drawing.draw_up(
                session, partner=partner, day=on, actor=_actor(), at=now()
            )
            note(
                session,
                action="settlement.draw_up",
                object_=f"statement:{draft.statement_id}",
                after={"partner": partner, "lines": draft.lines},
            )
            statement_id = draft.statement_id
    except LoyaltyError as error:
        return _list_page(problem=say(error)), 409
    flash(speak("已出草稿。", "The draft is drawn up."), "done")
    return redirect(url_for("console.statement", statement_id=statement_id), 303)


@bp.get("/statements/<int:statement_id>")
@requires(Permission.READ)
def statement(statement_id: int) -> ResponseReturnValue:
    """Show a statement with its sums and lines, its history, and what can be done."""
    return _page(statement_id)


@bp.get("/statements/<int:statement_id>/lines.xlsx")
@requires(Permission.READ)
def statement_lines_xlsx(statement_id: int) -> ResponseReturnValue:
    """Return the lines of a statement as a workbook."""
    with current_database().unit_of_work() as session:
        found = reading.statement(session, statement_id=statement_id)
        lines = reading.lines(session, statement_id=statement_id, limit=None)
    columns: list[Column[StatementLine]] = [
        Column(speak("行号", "Line"), lambda one: one.line_no, "number"),
        Column(speak("种类", "Kind"), lambda one: term("statement_kind", one.kind)),
        Column(speak("流水", "Event"), lambda one: one.event_ref, width=36),
        Column(speak("关于", "About"), lambda one: one.about),
        Column(speak("入账日", "Booked on"), lambda one: one.effective_on, "day"),
        Column(speak("发生日", "Happened on"), lambda one: one.occurred_on, "day"),
        Column(speak("价格版本", "Rate"), lambda one: one.rate_version),
        Column(speak("单位", "Unit"), lambda one: one.unit),
        Column(speak("数量", "Units"), lambda one: one.units, "number"),
        Column(
            speak("单价（分）", "Price in fen"),
            lambda one: f"{one.price_num}/{one.price_den}",
        ),
        Column(speak("比例（%）", "Percent"), lambda one: one.billing_pct, "number"),
        Column(speak("其中服务", "Of it service"), lambda one: one.fee_fen, "yuan"),
        Column(speak("金额", "Money"), lambda one: one.fen, "yuan"),
    ]
    return workbook(
        name=f"statement-{found.partner}-{found.period:%Y-%m}-{found.nth}",
        title=speak("结算单明细", "Lines of a statement"),
        columns=columns,
        rows=lines,
        filters={speak("伙伴", "Partner"): found.partner},
    )


@bp.get("/statements/<int:statement_id>.csv")
@requires(Permission.READ)
def statement_as_csv(statement_id: int) -> ResponseReturnValue:
    """Return a statement's lines as the partner gets them."""
    with current_database().unit_of_work() as session:
        found = reading.statement(session, statement_id=statement_id)
        lines = reading.lines(session, statement_id=statement_id, limit=None)
        return _file(found, "csv", "text/csv", statement_csv(lines))


@bp.get("/statements/<int:statement_id>.pdf")
@requires(Permission.READ)
def statement_as_pdf(statement_id: int) -> ResponseReturnValue:
    """Return a statement as the partner gets it on paper."""
    with current_database().unit_of_work() as session:
        found = reading.statement(session, statement_id=statement_id)
        paper = statement_paper(
            found,
            name=form.partner_names().get(found.partner, found.partner),
            sums=reading.sums(session, statement_id=statement_id),
            drawn_at=now(),
        )
        return _file(found, "pdf", "application/pdf", paper)


@bp.post("/statements/<int:statement_id>/submit")
@requires(Permission.FINANCE_MAKE)
def submit_statement(statement_id: int) -> ResponseReturnValue:
    """Ask for a draft to be issued; another person decides."""
    reason = form.words("reason")
    if not reason:
        fault = speak("请写明核对过什么。", "Please say what was checked.")
        return _page(statement_id, fault=fault), 422
    try:
        with current_database().unit_of_work() as session:
            asked = statements.ask_issue(
                session,
                statement_id=statement_id,
                reason=reason,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="settlement.ask_issue",
                object_=f"statement:{statement_id}",
                after=asked.after,
                reason=reason,
                approval_id=asked.approval_id,
            )
            approval_id = asked.approval_id
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(statement_id, problem=say(error)), 409
    flash(
        speak("申请已提交，等待另一位同事审批。", "Sent; another person decides now."),
        "done",
    )
    return redirect(url_for("console.approval", approval_id=approval_id), 303)


@bp.post("/statements/<int:statement_id>/agree")
@requires(Permission.FINANCE_MAKE)
def agree_statement(statement_id: int) -> ResponseReturnValue:
    """Write down that a partner has agreed to a statement, and how it said so."""
    reason = form.words("agreed_how")
    if not reason:
        fault = speak("请写明对方怎样确认的。", "Please say how they agreed.")
        return _page(statement_id, agreed_fault=fault), 422
    try:
        with current_database().unit_of_work() as session:
            found = statements.agree(
                session, statement_id=statement_id, actor=_actor(), at=now()
            )
            note(
                session,
                action="settlement.agree",
                object_=f"statement:{statement_id}",
                after={"state": found.state},
                reason=reason,
            )
    except Missing:
        raise
    except LoyaltyError as error:
        return _page(statement_id, problem=say(error)), 409
    flash(speak("已确认。", "It is agreed."), "done")
    return redirect(url_for("console.statement", statement_id=statement_id), 303)


@bp.get("/statements/<int:statement_id>/lines/<int:line_no>")
@requires(Permission.READ)
def statement_line(statement_id: int, line_no: int) -> ResponseReturnValue:
    """Show how a line was priced, and the transfers of the books behind it."""
    with current_database().unit_of_work() as session:
        found = reading.statement(session, statement_id=statement_id)
        line = reading.line(session, statement_id=statement_id, line_no=line_no)
        behind = reading.behind(session, of=line)
    return render_template(
        "console/settling/line.html",
        statement=found,
        line=line,
        behind=behind,
        partner=form.partner_names().get(found.partner, found.partner),
        is_late=is_late(line, found),
        about=about,
    )


def is_late(line: StatementLine, found: SettlementStatement) -> bool:
    """Whether a line belongs to a time before its statement's own."""
    return line.occurred_on < found.first_on


def about(line: StatementLine) -> str:
    """Return what a line is about, as a person says it."""
    if line.kind == "fee":
        return term("fee_cause", line.about)
    if line.kind == "dispute":
        return term("break", line.about)
    if line.kind in ("honored", "honor_returned"):
        return term("entry_kind", line.about)
    return term("club_cost", line.about) if line.kind == "club_cost" else line.about


def _actor() -> str:
    return f"staff:{this_staff().staff_id}"


def _chosen() -> tuple[str, str]:
    state = request.args.get("state", "")
    return (
        state if state in STATEMENT_STATES else "",
        request.args.get("partner", ""),
    )


def _file(
    found: SettlementStatement, ending: str, mimetype: str, body: bytes
) -> Response:
    name = f"statement-{found.partner}-{found.period:%Y-%m}-{found.nth}.{ending}"
    return Response(
        body,
        mimetype=mimetype,
        headers={
            "Content-Disposition": f"attachment; filename={name}",
            "Cache-Control": "no-store",
        },
    )


def _list_page(*, faults: list[str] | None = None, problem: str = "") -> str:
    state, partner = _chosen()
    names = form.partner_names()
    today = business_date()
    with current_database().unit_of_work() as session:
        found = reading.statements(
            session, state=state or None, partner=partner or None
        )
        # Looked for when it is asked for: all that ever happened is gone through.
        waiting = (
            drawing.to_draw(session, through=_last_month_end(today))
            if request.args.get("show") == "waiting"
            else None
        )
    return render_template(
        "console/settling/statements.html",
        statements=found,
        waiting=waiting,
        chosen=state,
        partner=partner,
        states=STATEMENT_STATES,
        names=names,
        partners=sorted(names.items()),
        typed=request.form,
        last_day=_last_month_end(today),
        faults=faults or [],
        problem=problem,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
    )


def _last_month_end(today: date) -> date:
    return date.fromordinal(month_of(today).toordinal() - 1)


def _page(
    statement_id: int, *, problem: str = "", fault: str = "", agreed_fault: str = ""
) -> str:
    kind = request.args.get("kind", "")
    kind = kind if kind in LINE_KINDS else ""
    after = request.args.get("after", 0, type=int)
    with current_database().unit_of_work() as session:
        found = reading.statement(session, statement_id=statement_id)
        sums = reading.sums(session, statement_id=statement_id)
        lines = reading.lines(
            session,
            statement_id=statement_id,
            kind=kind or None,
            after=after,
            limit=_PAGE + 1,
        )
        history = reading.history(session, statement_id=statement_id)
    return render_template(
        "console/settling/statement.html",
        statement=found,
        partner=form.partner_names().get(found.partner, found.partner),
        sums=sums,
        kinds=list(dict.fromkeys(one.kind for one in sums)),
        kind=kind,
        lines=lines[:_PAGE],
        more_after=lines[_PAGE - 1].line_no if len(lines) > _PAGE else None,
        is_late=is_late,
        about=about,
        history=history,
        may_make=Permission.FINANCE_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        agreed_fault=agreed_fault,
    )

"""The money journal: balances, entries with what is behind them, and the bridge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.choosing import chosen_month, read_month
from blueprints.console.excel import Column, workbook
from blueprints.language import speak
from blueprints.sessions import requires
from blueprints.wording import term
from loyalty.finance.cohorts import Cohort
from loyalty.journal.bridge import Step, bridge
from loyalty.journal.deriving import rules_in_force
from loyalty.journal.export import FORMS, export
from loyalty.journal.measures import VIEWS
from loyalty.journal.models import JournalRun
from loyalty.journal.queries import accounts, month, run_of, trial_balance
from loyalty.journal.sources import sources
from loyalty.journal.values import Entry
from loyalty.rules.models import MoneyAccount
from loyalty.staff.rules import Permission

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class EventSum:
    """What one kind of event comes to in a month."""

    event: str
    entries: int
    events: int
    fen: int  # on either side


@bp.get("/journal")
@requires(Permission.READ)
def journal() -> ResponseReturnValue:
    """Show a month in one view: what each event comes to, and every balance."""
    period, view = chosen_month(), _view()
    with current_database().unit_of_work() as session:
        entries = month(session, period=period, view=view)
        balances = trial_balance(session, period=period, view=view)
        chart = _chart(session)
        run = _known(run_of(session, period=period))
        rules = rules_in_force(session, period=period)
    return render_template(
        "console/journal/month.html",
        period=period,
        view=view,
        views=VIEWS,
        events=_by_event(entries),
        balances=balances,
        chart=chart,
        run=run,
        rules=rules,
        forms=FORMS,
        debit_fen=sum(one.debit_fen for one in entries),
        credit_fen=sum(one.credit_fen for one in entries),
    )


@bp.get("/journal/entries")
@requires(Permission.READ)
def journal_entries() -> ResponseReturnValue:
    """Show the entries of a month, all or those of one event or account, by pages."""
    period, view = chosen_month(), _view()
    page = max(1, request.args.get("page", 1, type=int))
    with current_database().unit_of_work() as session:
        found = _chosen(month(session, period=period, view=view))
        chart = _chart(session)
    shown = found[(page - 1) * _PAGE : page * _PAGE]
    return render_template(
        "console/journal/entries.html",
        period=period,
        view=view,
        views=VIEWS,
        entries=shown,
        count=len(found),
        debit_fen=sum(one.debit_fen for one in found),
        credit_fen=sum(one.credit_fen for one in found),
        event=request.args.get("event", ""),
        account=request.args.get("account", ""),
        chart=chart,
        newer=_page(page - 1) if page > 1 else None,
        older=_page(page + 1) if page * _PAGE < len(found) else None,
    )


@bp.get("/journal/entries.xlsx")
@requires(Permission.READ)
def journal_entries_xlsx() -> ResponseReturnValue:
    """Return the same entries, all of them, as a workbook."""
    period, view = chosen_month(), _view()
    with current_database().unit_of_work() as session:
        found = _chosen(month(session, period=period, view=view))
        chart = _chart(session)
    columns: list[Column[Entry]] = [
        Column(speak("分录号", "Entry"), lambda one: one.journal_no, "number"),
        Column(speak("行", "Line"), lambda one: one.line, "number"),
        Column(speak("日期", "Day"), lambda one: one.dated_on, "day"),
        Column(speak("事项", "Event"), lambda one: term("money_event", one.event)),
        Column(speak("科目", "Account"), lambda one: one.account),
        Column(
            speak("名称", "Called"), lambda one: _title(chart, one.account), width=32
        ),
        Column(speak("借方", "Debit"), lambda one: one.debit_fen, "yuan"),
        Column(speak("贷方", "Credit"), lambda one: one.credit_fen, "yuan"),
        Column(speak("伙伴", "Partner"), lambda one: one.partner),
        Column(speak("商品", "Item"), lambda one: one.item),
        Column(speak("单位", "Unit"), lambda one: one.unit),
        Column(speak("获得月份", "Earned in"), lambda one: one.earned_in, "day"),
        Column(speak("出资方", "Funded by"), lambda one: one.funding),
        Column(speak("积分", "Points"), lambda one: one.points, "number"),
        Column(speak("笔数", "Events"), lambda one: one.event_count, "number"),
    ]
    return workbook(
        name=f"journal-{period:%Y-%m}-{view}",
        title=speak("资金分录", "Money journal"),
        columns=columns,
        rows=found,
        filters={
            speak("月份", "Month"): f"{period:%Y-%m}",
            speak("口径", "View"): term("money_view", view),
        },
    )


@bp.get("/journal/sources")
@requires(Permission.READ)
def journal_sources() -> ResponseReturnValue:
    """Show what is behind an event of a month, of one cohort if the address says so."""
    period, event = chosen_month(), request.args.get("event", "")
    page = max(1, request.args.get("page", 1, type=int))
    with current_database().unit_of_work() as session:
        found = sources(
            session,
            period=period,
            event=event,
            cohort=_cohort(),
            limit=_PAGE,
            offset=(page - 1) * _PAGE,
        )
    return render_template(
        "console/journal/sources.html",
        period=period,
        event=event,
        cohort=_cohort(),
        found=found,
        newer=_page(page - 1) if page > 1 else None,
        older=_page(page + 1) if page * _PAGE < found.count else None,
    )


@bp.get("/journal/bridge")
@requires(Permission.READ)
def journal_bridge() -> ResponseReturnValue:
    """Show what leads from the profit of one view to that of the other."""
    period = chosen_month()
    with current_database().unit_of_work() as session:
        steps = bridge(session, period=period)
        run = _known(run_of(session, period=period))
    return render_template(
        "console/journal/bridge.html",
        period=period,
        steps=steps,
        run=run,
        total=_total(steps),
    )


@bp.get("/journal/bridge.xlsx")
@requires(Permission.READ)
def journal_bridge_xlsx() -> ResponseReturnValue:
    """Return the bridge as a workbook."""
    period = chosen_month()
    with current_database().unit_of_work() as session:
        steps = bridge(session, period=period)
    columns: list[Column[Step]] = [
        Column(speak("事项", "Event"), lambda one: term("money_event", one.event)),
        Column(
            speak("利润（成本预提）", "Profit, accrual of cost"),
            lambda one: one.profit_c_fen,
            "yuan",
        ),
        Column(
            speak("利润（收入递延）", "Profit, deferral"),
            lambda one: one.profit_d_fen,
            "yuan",
        ),
        Column(speak("利润差", "Difference"), lambda one: one.profit_fen, "yuan"),
        Column(
            speak("负债（成本预提）", "Owed, accrual of cost"),
            lambda one: one.owed_c_fen,
            "yuan",
        ),
        Column(
            speak("负债（收入递延）", "Owed, deferral"),
            lambda one: one.owed_d_fen,
            "yuan",
        ),
        Column(speak("负债差", "Difference owed"), lambda one: one.owed_fen, "yuan"),
    ]
    return workbook(
        name=f"bridge-{period:%Y-%m}",
        title=speak("两种口径的桥", "Bridge between the views"),
        columns=columns,
        rows=steps,
        filters={speak("月份", "Month"): f"{period:%Y-%m}"},
    )


@bp.get("/journal/export")
@requires(Permission.READ)
def journal_export() -> ResponseReturnValue:
    """Return the kept journal of a month as a file for a general ledger (R7)."""
    asked = request.args.get("form", "")
    with current_database().unit_of_work() as session:
        made = export(
            session,
            period=chosen_month(),
            view=_view(),
            form=asked if asked in FORMS else FORMS[0],
        )
    return Response(
        made.body.encode(),
        mimetype="text/csv" if made.form == "csv" else "text/plain",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''"
            f"{quote(made.file_name)}",
            "Cache-Control": "no-store",
        },
    )


def _view() -> str:
    """Return the view that the address asks for; deferral, where it asks for none."""
    asked = request.args.get("view", "")
    return asked if asked in VIEWS else "D"


def _cohort() -> Cohort | None:
    unit, funding = request.args.get("unit"), request.args.get("funding")
    earned_in = read_month(request.args.get("earned_in", ""))
    if not unit or not funding or earned_in is None:
        return None
    return Cohort(unit, earned_in, funding)


def _chosen(entries: Iterable[Entry]) -> list[Entry]:
    event, account = request.args.get("event"), request.args.get("account")
    return [
        one
        for one in entries
        if (not event or one.event == event) and (not account or one.account == account)
    ]


def _page(number: int) -> str:
    assert request.endpoint is not None
    asked: dict[str, Any] = {**request.args, "page": number}
    return url_for(request.endpoint, **asked)


def _chart(session: Session) -> dict[str, MoneyAccount]:
    return {one.account: one for one in accounts(session)}


def _title(chart: Mapping[str, MoneyAccount], account: str) -> str:
    one = chart[account]
    return speak(one.title_zh, one.title_en)


def _known(run: JournalRun | None) -> dict[str, object] | None:
    """Return what a page says of a run; None: nothing is kept."""
    if run is None:
        return None
    return {
        "nth": run.nth,
        "kept_at": run.kept_at,
        "rules_version": run.rules_version,
        "source_hash": run.source_hash,
    }


def _by_event(entries: Iterable[Entry]) -> list[EventSum]:
    found: dict[str, list[int]] = {}
    for entry in entries:
        sums = found.setdefault(entry.event, [0, 0, 0])
        if entry.line == 1:
            sums[0] += 1
            sums[1] += entry.event_count
        sums[2] += entry.debit_fen
    return [EventSum(event, *found[event]) for event in sorted(found)]


def _total(steps: Iterable[Step]) -> Step:
    """Return the sum of all steps."""
    total = Step("", 0, 0, 0, 0)
    for one in steps:
        total = Step(
            "",
            total.profit_c_fen + one.profit_c_fen,
            total.profit_d_fen + one.profit_d_fen,
            total.owed_c_fen + one.owed_c_fen,
            total.owed_d_fen + one.owed_d_fen,
        )
    return total

"""Reports for finance: each with its filters, its files, and the facts behind it."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column as SheetColumn
from blueprints.console.excel import as_download, workbook
from blueprints.figures import (
    NUMBERS,
    asked,
    filter_words,
    formula,
    last_line,
    said,
    written,
)
from blueprints.formatting import month
from blueprints.language import speak
from blueprints.report_charts import draw
from blueprints.report_closes import differences, standing
from blueprints.report_papers import report_paper
from blueprints.report_workbooks import control_lines, report_workbook
from blueprints.sessions import requires, this_staff
from blueprints.wording import issuer_name, term
from loyalty.clock import business_date, now
from loyalty.closing.queries import report_kept
from loyalty.reports.errors import MonthUnreadable, UnknownFacts
from loyalty.reports.producing import choice, facts_of, listed, produce
from loyalty.reports.queries import Choices, choices
from loyalty.reports.register import REPORTS, report_named
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    Column,
    Definition,
    Listed,
    Report,
    Table,
    Value,
)
from loyalty.staff.rules import Permission

_PAGE, _EXPORTED = 100, 100_000
_WHERE: Final = "w."  # before the name of a key in an address
_MONTH: Final = re.compile(r"(?:19|[2-8]\d)\d{2}-(?:0[1-9]|1[0-2])")
_ROWS_SHOWN: Final = 500
# Kinds and terms that are short: broken, a month reads as two.
_WHOLE: Final = frozenset(
    {"month", "day", "moment", "code", "unit", "partner", "funding_kind"}
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a page: its words, and where they lead."""

    words: str
    href: str | None
    is_number: bool
    is_whole: bool = False  # its words stand on one line


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as a page has it."""

    name: str
    title: str
    heads: Sequence[Cell]
    lines: Sequence[Sequence[Cell]]
    last: Sequence[Cell] | None
    charts: Sequence[tuple[str, Markup]]
    hidden: int  # rows that only the files have


@bp.get("/reports")
@requires(Permission.READ)
def reports() -> ResponseReturnValue:
    """List the reports there are, and how each counts."""
    return render_template(
        "console/reports/list.html", reports=REPORTS.values(), formula=formula
    )


@bp.get("/reports/<report>")
@requires(Permission.READ)
def report(report: str) -> ResponseReturnValue:
    """Show a report of a month."""
    definition = report_named(report)
    made, found = _made(definition)
    return render_template(
        "console/reports/one.html",
        report=made,
        title=speak(*definition.title),
        formula=formula(definition),
        tables=[_shown(made, table) for table in made.tables],
        filters=_filters(definition, made.scope, found),
        months=[(f"{one:%Y-%m}", month(one)) for one in _months(found, made.scope)],
        asked=made.scope.asked,
        control=control_lines(made)[2:],
        standing=standing(made),
        changed=differences(made, goes_on=False),
        went_on=differences(made, goes_on=True),
    )


@bp.get("/reports/<report>/workbook.xlsx")
@requires(Permission.READ)
def report_xlsx(report: str) -> ResponseReturnValue:
    """Return a report as a workbook."""
    made, _ = _made(report_named(report))
    return as_download(report_workbook(made), name=_file(made))


@bp.get("/reports/<report>/paper.pdf")
@requires(Permission.READ)
def report_pdf(report: str) -> ResponseReturnValue:
    """Return a report as a paper."""
    made, _ = _made(report_named(report))
    return _download(report_paper(made), "application/pdf", f"{_file(made)}.pdf")


@bp.get("/reports/<report>/tables/<table>.csv")
@requires(Permission.READ)
def report_csv(report: str, table: str) -> ResponseReturnValue:
    """Return a table of a report as CSV: codes, ISO days, yuan with a point."""
    made, _ = _made(report_named(report))
    for each in made.tables:
        if each.shape.name == table:
            body = table_csv(each)
            name = f"{_file(made)}-{table}.csv"
            return _download(body.encode("utf-8-sig"), "text/csv", name)
    raise UnknownFacts(facts=table)


@bp.get("/reports/<report>/facts/<facts>")
@requires(Permission.READ)
def report_facts(report: str, facts: str) -> ResponseReturnValue:
    """List the facts behind a figure, page by page."""
    definition = report_named(report)
    page = max(1, request.args.get("page", 1, type=int))
    found = _listed(definition, facts, limit=_PAGE, page=page)
    of = found.facts
    return render_template(
        "console/reports/facts.html",
        definition=definition,
        title=speak(*definition.title),
        name=speak(*of.words),
        facts=facts,
        found=found,
        total=said(_measure(found), found.total),
        measure=speak(*_measure(found).words),
        heads=[_head(column) for column in of.columns],
        lines=[_line(of.columns, row) for row in found.rows],
        chosen=_chosen(definition),
        page=page,
        pages=max(1, -(-found.count // _PAGE)),
    )


@bp.get("/reports/<report>/facts/<facts>/workbook.xlsx")
@requires(Permission.READ)
def report_facts_xlsx(report: str, facts: str) -> ResponseReturnValue:
    """Return all the facts behind a figure as a workbook."""
    definition = report_named(report)
    found = _listed(definition, facts, limit=_EXPORTED)
    of = found.facts
    return workbook(
        name=f"{definition.name}-{_scope(definition).period:%Y-%m}-{facts}",
        title=speak(*of.words),
        columns=[_sheet_column(at, column) for at, column in enumerate(of.columns)],
        rows=found.rows,
        filters={
            speak("报表", "Report"): f"{definition.number} {speak(*definition.title)}",
            **dict(_chosen(definition)),
            speak("总数", "Count of all"): str(found.count),
            speak("合计", "Total"): said(_measure(found), found.total),
        },
    )


def table_csv(table: Table) -> str:
    """Return a table as CSV, its last line included."""
    body = io.StringIO()
    rows = csv.writer(body, lineterminator="\r\n")
    columns = table.shape.columns
    rows.writerow([column.name for column in columns])
    for row in table.rows:
        rows.writerow([written(c, v) for c, v in zip(columns, row, strict=True)])
    return body.getvalue()


def _made(definition: Definition) -> tuple[Report, Choices]:
    with current_database().unit_of_work() as session:
        found = choices(session, today=business_date())
        made = produce(
            session,
            definition=definition,
            scope=_scope(definition),
            by=this_staff().login,
            at=now(),
            kept=report_kept(
                session,
                period=_scope(definition).period,
                report=definition.name,
            ),
        )
    return made, found


def _scope(definition: Definition) -> Scope:
    """Return what was asked for: the last month that is over, unless another one was.

    Raises `MonthUnreadable`.
    """
    period = request.args.get("period")
    if period is not None and not _MONTH.fullmatch(period):
        raise MonthUnreadable(period=period)
    last = (business_date().replace(day=1) - timedelta(days=1)).replace(day=1)
    narrowed: Mapping[str, Any] = {
        each.value: request.args.get(each.value) or None for each in definition.filters
    }
    return Scope(
        period=last if period is None else date.fromisoformat(f"{period}-01"),
        **narrowed,
    )


def _where() -> dict[str, str]:
    return {
        name.removeprefix(_WHERE): said_
        for name, said_ in request.args.items()
        if name.startswith(_WHERE)
    }


def _listed(definition: Definition, facts: str, *, limit: int, page: int = 1) -> Listed:
    """Return a page of the facts that the address chooses."""
    with current_database().unit_of_work() as session:
        return listed(
            session,
            facts=facts_of(definition, facts),
            scope=_scope(definition),
            where=_where(),
            measure=request.args.get("measure"),
            offset=(page - 1) * limit,
            limit=limit,
        )


def _chosen(definition: Definition) -> list[tuple[str, str]]:
    """Return which facts an address chooses, in words."""
    return [
        *asked(definition, _scope(definition)),
        *((_key_words(key), _key_said(key, one)) for key, one in _where().items()),
    ]


def _shown(made: Report, table: Table) -> Shown:
    columns = table.shape.columns
    heads = [_head(column) for column in columns]
    lines = [
        [_cell(made, table, c, v, row) for c, v in zip(columns, row, strict=True)]
        for row in table.rows[:_ROWS_SHOWN]
    ]
    last = None
    if table.totals is not None:
        values = zip(columns, table.totals, strict=True)
        cells = [_cell(made, table, c, v, None) for c, v in values]
        last = [
            replace(cell, words=words)
            for cell, words in zip(cells, last_line(table), strict=True)
        ]
    if table.shape.is_turned:
        turned = [heads, *lines, *([last] if last else [])]
        heads, *lines = (
            [replace(line[0], is_number=False), *line[1:]]
            for line in zip(*turned, strict=True)
        )
        last = None
    return Shown(
        name=table.shape.name,
        title=speak(*table.shape.words),
        heads=heads,
        lines=lines,
        last=last,
        charts=[
            (speak(*chart.words), picture)
            for chart in made.definition.charts
            if chart.table == table.shape.name and (picture := draw(chart, table))
        ],
        hidden=max(0, len(table.rows) - _ROWS_SHOWN),
    )


def _head(column: Column) -> Cell:
    return Cell(speak(*column.words), None, is_number=column.kind in NUMBERS)


def _cell(
    made: Report,
    table: Table,
    column: Column,
    value: Value,
    row: Sequence[Value] | None,
) -> Cell:
    """Return a cell that leads to what stands behind it: facts, or another month."""
    href, name = None, made.definition.name
    question: dict[str, Any] = {**made.scope.asked}
    if column.name == "month" and isinstance(value, date):
        question["period"] = f"{value:%Y-%m}"
        href = url_for("console.report", report=name, **question)
    elif (behind := choice(made, table, column, row)) is not None and value is not None:
        source, where = behind
        question.update({f"{_WHERE}{key}": one for key, one in where.items()})
        if source.measure is not None:
            question["measure"] = source.measure
        href = url_for(
            "console.report_facts", report=name, facts=source.facts, **question
        )
    return Cell(
        said(column, value),
        href,
        is_number=column.kind in NUMBERS,
        is_whole=column.kind in _WHOLE or column.terms in _WHOLE,
    )


def _line(columns: Sequence[Column], row: Sequence[Value]) -> list[Cell]:
    return [
        Cell(said(column, value), None, is_number=column.kind in NUMBERS)
        for column, value in zip(columns, row, strict=True)
    ]


def _filters(
    definition: Definition, scope: Scope, found: Choices
) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """Return each filter: its name, its words, what there is to choose, the chosen."""
    everything = ("", speak("全部", "All"))
    filters = []
    for each in definition.filters:
        name = each.value
        options = [
            (code, issuer_name(code, known))
            for code, known in (
                one if isinstance(one, tuple) else (one, term(name, one))
                for one in getattr(found, name)
            )
        ]
        chosen = getattr(scope, name) or ""
        filters.append((name, filter_words(name), [everything, *options], chosen))
    return filters


def _months(found: Choices, scope: Scope) -> list[date]:
    return sorted({*found.months, scope.period}, reverse=True)


def _measure(found: Listed) -> Column:
    for column in found.facts.columns:
        if column.name == found.measure:
            return column
    return Column(found.measure, (found.measure, found.measure), "number")


def _key_words(key: str) -> str:
    return term("report_key", key)


def _key_said(key: str, value: str) -> str:
    kinds = {
        "to_expiry": "age_to_expiry",
        "since": "age_since",
        "part": "liability_part",
        "view": "money_view",
        "segment": "value_segment",
        "reason": "break",
        "source": "funding_kind",
        "age": "open_age",
        "step": "open_step",
    }
    if key == "kind":
        for kind in ("open_kind", "statement_kind", "funding_kind"):
            if (known := term(kind, value)) != value:
                return known
    return term(kinds.get(key, key), value)


def _sheet_column(at: int, column: Column) -> SheetColumn[tuple[Value, ...]]:
    kinds: Mapping[str, Any] = {
        "fen": "yuan",
        "points": "number",
        "number": "number",
        "month": "day",
        "day": "day",
        "moment": "moment",
    }
    kind = kinds.get(column.kind, "text")

    def of(row: tuple[Value, ...]) -> object:
        value = row[at]
        return said(column, value) if kind == "text" and value is not None else value

    return SheetColumn(speak(*column.words), of, kind)


def _file(made: Report) -> str:
    return f"{made.definition.number}-{made.definition.name}-{made.scope.period:%Y-%m}"


def _download(body: bytes, mimetype: str, name: str) -> Response:
    return Response(
        body,
        mimetype=mimetype,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )

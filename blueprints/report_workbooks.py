"""Reports as Excel workbooks, with formulas for whatever follows from other cells.

Each table has a sheet of its own; the last one says what was asked, how the report
counts, and by what a copy of it can be known again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from blueprints.figures import NUMBERS, asked, formula, rounded, said
from blueprints.language import speak
from blueprints.report_closes import standing
from loyalty.reports.shape import Column, Kind, Report, Table, Value
from loyalty.settings import TIME_ZONE

_FORMATS: Final[Mapping[Kind, str]] = {
    "number": "#,##0",
    "points": "#,##0",
    "fen": "#,##0.00",
    "price": "0.0000",
    "percent": "0.0%",
    "times": '0.0"×"',
    "decimal": "#,##0.0",
    "yuan": "#,##0.00",
    "rate": "0.00%",
    "gap": "0.00%",
    "hundredths": "#,##0.00",
    "month": "yyyy-mm",
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm:ss",
}
_WIDE: Final[Mapping[Kind, int]] = {"text": 22, "code": 22, "moment": 20}
_WIDTH: Final = 15
_MONEY: Final = frozenset({"fen", "yuan", "price"})
_A4: Final = 9  # as Excel counts papers
_LINE, _LINE_CHARS = 15, 84  # a line of the control sheet: its height, and its length
_DIGITS: Final = 12  # of a quotient that Excel has not computed yet
_TITLE_CHARS: Final = 31  # Excel's own limit
_CELL_CHARS: Final = 32_767


@dataclass(frozen=True, slots=True)
class _Look:
    """How cells look."""

    head: Format
    figure_head: Format
    plain: Mapping[str, Format]
    last: Mapping[str, Format]


def report_workbook(report: Report) -> bytes:
    """Return a report as a workbook, in the language of the request."""
    told = BytesIO()
    book = xlsxwriter.Workbook(told, {"in_memory": True, "strings_to_urls": False})
    # As evidence goes: the same report is the same file.
    book.set_properties(
        {
            "title": speak(*report.definition.title),
            "comments": report.data_hash,
            "created": report.drawn_at.astimezone(TIME_ZONE).replace(tzinfo=None),
        }
    )
    kinds = {"text": "@", "code": "@", **_FORMATS}
    head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
    look = _Look(
        head=book.add_format(head),
        figure_head=book.add_format(head | {"align": "right"}),
        plain={kind: book.add_format({"num_format": f}) for kind, f in kinds.items()},
        last={
            kind: book.add_format({"num_format": f, "bold": True, "top": 1})
            for kind, f in kinds.items()
        },
    )
    totals = []
    for table in report.tables:
        name = _tab(speak(*table.shape.words))
        sheet = book.add_worksheet(name)
        _print(sheet, report)
        _fill(sheet, table, look)
        totals.append((name, table))
    about = book.add_worksheet(_tab(speak("说明", "About")))
    _print(about, report)
    _control(about, report, totals, look)
    book.close()
    return told.getvalue()


def _fill(sheet: Worksheet, table: Table, look: _Look) -> None:
    columns = table.shape.columns
    for at, column in enumerate(columns):
        sheet.set_column(at, at, _WIDE.get(column.kind, _WIDTH))
        form = look.figure_head if column.kind in NUMBERS else look.head
        sheet.write_string(0, at, _titled(column), form)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    for nth, row in enumerate(table.rows, start=1):
        for at, (column, value) in enumerate(zip(columns, row, strict=True)):
            follows = _follows(columns, column, nth)
            _cell(sheet, (nth, at), column, value, look.plain[column.kind], follows)
    if table.rows and columns:
        sheet.autofilter(0, 0, len(table.rows), len(columns) - 1)
    if table.totals is not None:
        _last(sheet, table, look.last)


def _print(sheet: Worksheet, report: Report) -> None:
    """Let a sheet be printed so that a page can be told from another report's."""
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    month = f"{report.scope.period:%Y-%m}"
    sheet.set_header(f"&L{_title(report)} {month}&R&A")
    sheet.set_footer(f"&L{report.data_hash[:16]}&R&P / &N")


def _titled(column: Column) -> str:
    """Return what a column is called; its cells have no sign of the currency."""
    words = speak(*column.words)
    return words + speak("（元）", " (yuan)") if column.kind in _MONEY else words


def _last(sheet: Worksheet, table: Table, formats: Mapping[str, Format]) -> None:
    """Write the last line: sums, and the quotients of sums."""
    columns, nth = table.shape.columns, len(table.rows) + 1
    assert table.totals is not None
    for at, (column, value) in enumerate(zip(columns, table.totals, strict=True)):
        follows = None
        if column.adds and table.rows:
            top, end = xl_rowcol_to_cell(1, at), xl_rowcol_to_cell(nth - 1, at)
            follows = f"=SUM({top}:{end})"
        elif column.ratio is not None:
            follows = _follows(columns, column, nth)
        _cell(sheet, (nth, at), column, value, formats[column.kind], follows)
    if not columns[0].adds:
        sheet.write_string(nth, 0, speak("合计", "All"), formats["text"])


def _follows(columns: Sequence[Column], column: Column, nth: int) -> str | None:
    """Return the formula by which a cell follows from others; None: it is data."""
    where = {each.name: xl_rowcol_to_cell(nth, at) for at, each in enumerate(columns)}
    if column.ratio is not None:
        of, to = column.ratio
        return f'=IF(N({where[to]})=0,"",{where[of]}/{where[to]})'
    if column.sums:
        return "=" + "".join(f"{part[0]}{where[part[1:]]}" for part in column.sums)
    return None


def _cell(  # noqa: PLR0917 - a cell is all this
    sheet: Worksheet,
    where: tuple[int, int],
    column: Column,
    value: Value,
    form: Format,
    follows: str | None,
) -> None:
    if value is None:
        if follows is None:
            sheet.write_blank(*where, None, form)
        else:
            sheet.write_formula(*where, follows, form, "")
    elif isinstance(value, datetime):
        local = value.astimezone(TIME_ZONE).replace(tzinfo=None)
        sheet.write_datetime(*where, local, form)
    elif isinstance(value, date):
        sheet.write_datetime(*where, value, form)
    elif isinstance(value, str | tuple):
        # Text is never taken for a formula.
        sheet.write_string(*where, said(column, value)[:_CELL_CHARS], form)
    elif follows is not None:
        sheet.write_formula(*where, follows, form, _number(column, value))
    else:
        sheet.write_number(*where, _number(column, value), form)


def _number(column: Column, value: int | Fraction) -> Decimal:
    exact = Fraction(value) / (100 if column.kind == "fen" else 1)
    return rounded(exact, _DIGITS)


def _control(
    sheet: Worksheet,
    report: Report,
    totals: Sequence[tuple[str, Table]],
    look: _Look,
) -> None:
    """Write what a copy can be traced by; its totals point at those of the tables."""
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 90)
    wrapped = look.plain["text"]
    wrapped.set_text_wrap()
    lines = control_lines(report)
    for at, (name, words) in enumerate(lines):
        sheet.write_string(at, 0, name, look.head)
        sheet.write_string(at, 1, words, wrapped)
        # Not every program finds the height of lines that are broken by itself.
        sheet.set_row(at, _LINE * -(-_broad(words) // _LINE_CHARS))
    at = len(lines)
    for name, table in totals:
        sheet.write_string(at, 0, speak("行数：", "Rows: ") + name, look.head)
        sheet.write_number(at, 1, len(table.rows), look.plain["number"])
        at += 1
        if table.totals is None:
            continue
        for column, value in zip(table.shape.columns, table.totals, strict=True):
            if not column.adds or not isinstance(value, int | Fraction):
                continue
            nth = table.shape.columns.index(column)
            cell = xl_rowcol_to_cell(len(table.rows) + 1, nth)
            quoted = name.replace("'", "''")
            sheet.write_string(
                at, 0, f"{speak('合计：', 'Total: ')}{speak(*column.words)}", look.head
            )
            sheet.write_formula(
                at,
                1,
                f"='{quoted}'!{cell}",
                look.plain[column.kind],
                _number(column, value),
            )
            at += 1


def control_lines(report: Report) -> list[tuple[str, str]]:
    """Return what makes a report evidence: what was asked, by whom, of which code."""
    at = report.drawn_at.astimezone(TIME_ZONE)
    return [
        (speak("报表", "Report"), _title(report)),
        (speak("口径", "Definition"), formula(report.definition)),
        *asked(report.definition, report.scope),
        (speak("数据截至", "As of"), report.scope.last_day.isoformat()),
        (speak("关账核对", "Beside the close"), standing(report)),
        (speak("生成时间", "Made at"), at.isoformat(sep=" ", timespec="seconds")),
        (speak("生成人", "Made by"), report.drawn_by),
        (speak("行数", "Rows"), str(report.row_count)),
        (speak("程序版本", "Code version"), report.code_version),
        (speak("数据指纹", "Hash of the data"), f"SHA-256 {report.data_hash}"),
    ]


def _broad(words: str) -> int:
    """Return how broad words are, in Latin letters; ideographs are twice as broad."""
    return sum(2 if ord(one) > 0x2E80 else 1 for one in words)  # noqa: PLR2004 - CJK


def _title(report: Report) -> str:
    return f"{report.definition.number} {speak(*report.definition.title)}"


def _tab(title: str) -> str:
    for forbidden in "[]:*?/\\":
        title = title.replace(forbidden, " ")
    return title[:_TITLE_CHARS]

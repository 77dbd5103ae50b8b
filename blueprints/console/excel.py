"""Tables of the console as Excel workbooks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import quote

import xlsxwriter
from flask import Response
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from blueprints.language import speak
from blueprints.sessions import this_staff
from loyalty.clock import now
from loyalty.settings import TIME_ZONE

T = TypeVar("T")

Kind = Literal["text", "number", "yuan", "day", "moment"]
Told = tuple[str, object, Kind]

_MIMETYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NUMBER_FORMATS: Final[Mapping[str, str]] = {
    "number": "#,##0",
    "yuan": "#,##0.00",
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm:ss",
}
_WIDTHS: Final[Mapping[str, int]] = {
    "text": 18,
    "number": 12,
    "yuan": 12,
    "day": 12,
    "moment": 20,
}
_CELL_CHARS_MAX: Final = 32_767  # Excel's own limit


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column: its heading, what it takes from a row, and how it reads.

    Money is given in fen and written in yuan, as a number one can add up.
    """

    title: str
    of: Callable[[T], object]
    kind: Kind = "text"
    width: int | None = None  # None: as is usual for the kind


def workbook(
    *,
    name: str,
    title: str,
    columns: Iterable[Column[T]],
    rows: Iterable[T],
    filters: Mapping[str, str],
) -> Response:
    """Return a table as a workbook to download.

    The second sheet says what was asked, how many rows there are, who took it
    and when, so that a printed copy can be traced.
    """
    told = BytesIO()
    book = xlsxwriter.Workbook(
        told, {"in_memory": True, "constant_memory": False, "strings_to_urls": False}
    )
    formats = {
        kind: book.add_format({"num_format": form, "valign": "top"})
        for kind, form in _NUMBER_FORMATS.items()
    }
    formats["text"] = book.add_format({"valign": "top", "text_wrap": True})
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    sheet = book.add_worksheet(sheet_name(title))
    written = _table(sheet, list(columns), rows, formats, head)
    about: list[Told] = [
        (speak("表名", "Table"), title, "text"),
        (speak("导出时间", "Made at"), now(), "moment"),
        (speak("导出人", "Made by"), this_staff().login, "text"),
        (speak("行数", "Rows"), written, "number"),
        *_asked(filters),
    ]
    _control(book.add_worksheet(speak("说明", "About this file")), about, formats, head)
    book.close()
    return as_download(told.getvalue(), name=name)


def as_download(told: bytes, *, name: str) -> Response:
    """Return a workbook as a file whose name says when it was taken."""
    at = now().astimezone(TIME_ZONE)
    file_name = quote(f"{name}-{at:%Y%m%d-%H%M}.xlsx")
    return Response(
        told,
        mimetype=_MIMETYPE,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{file_name}",
            "Cache-Control": "no-store",
        },
    )


def _table(
    sheet: Worksheet,
    columns: list[Column[T]],
    rows: Iterable[T],
    formats: Mapping[str, Format],
    head: Format,
) -> int:
    for at, column in enumerate(columns):
        width = column.width or _WIDTHS[column.kind]
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, column.title, head)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    written = 0
    for row in rows:
        written += 1
        for at, column in enumerate(columns):
            _cell(sheet, (written, at), column.of(row), column.kind, formats)
    if columns:
        sheet.autofilter(0, 0, written, len(columns) - 1)
    return written


def _cell(
    sheet: Worksheet,
    where: tuple[int, int],
    said: object,
    kind: Kind,
    formats: Mapping[str, Format],
) -> None:
    """Write a cell as what it is; text is never taken for a formula."""
    form = formats[kind]
    if said is None or said == "":
        sheet.write_blank(*where, None, form)
    elif isinstance(said, datetime):
        local = said.astimezone(TIME_ZONE).replace(tzinfo=None)
        sheet.write_datetime(*where, local, form)
    elif isinstance(said, date):
        sheet.write_datetime(*where, said, form)
    elif kind == "yuan" and isinstance(said, int):
        sheet.write_number(*where, Decimal(said) / 100, form)
    elif kind == "number" and isinstance(said, int):
        sheet.write_number(*where, said, form)
    else:
        sheet.write_string(*where, str(said)[:_CELL_CHARS_MAX], form)


def _asked(filters: Mapping[str, str]) -> list[Told]:
    """Return what was filtered for, or that nothing was."""
    asked: list[Told] = [
        (speak("筛选：", "Filter: ") + name, said, "text")
        for name, said in filters.items()
        if said
    ]
    return asked or [(speak("筛选", "Filter"), speak("无", "none"), "text")]


def _control(
    sheet: Worksheet, about: list[Told], formats: Mapping[str, Format], head: Format
) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 60)
    for at, (name, said, kind) in enumerate(about):
        sheet.write_string(at, 0, name, head)
        _cell(sheet, (at, 1), said, kind, formats)


def sheet_name(title: str) -> str:
    """Return a title as Excel allows it on a tab."""
    for forbidden in "[]:*?/\\":
        title = title.replace(forbidden, " ")
    return title[:31]

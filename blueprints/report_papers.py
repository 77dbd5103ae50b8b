"""Reports as PDF, on A4 laid across, to sign and to keep."""

from collections.abc import Sequence
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, Spacer

from blueprints.figures import NUMBERS, asked, formula, last_line, said
from blueprints.language import speak
from blueprints.papers import Styles, bound
from blueprints.report_workbooks import control_lines
from loyalty.reports.shape import Report, Table
from loyalty.settings import TIME_ZONE

_PAGE: Final = landscape(A4)
_MARGIN: Final = 14 * mm
_WIDE: Final = _PAGE[0] - 2 * _MARGIN - 12  # within the frame's own padding
_GAP, _SIZE, _LATIN = 4, 8, 0x2E80
_ROWS_MAX: Final = 2_000  # of each table; who needs more takes the workbook
_LINES: Final = colors.HexColor("#bbbbbb")


def report_paper(report: Report) -> bytes:
    """Draw a report, in the language of the request."""
    styles = Styles()
    title = f"{report.definition.number} {speak(*report.definition.title)}"
    story: list[Any] = [
        styles.paragraph(speak("积分联盟", "Jifen"), "small"),
        styles.paragraph(title, "title"),
        styles.paragraph(
            speak("，", ", ").join(
                f"{name} {words}"
                for name, words in asked(report.definition, report.scope)
            ),
            "body",
        ),
        styles.paragraph(formula(report.definition), "small"),
    ]
    for table in report.tables:
        story += [
            Spacer(1, 5 * mm),
            styles.paragraph(speak(*table.shape.words), "body"),
            Spacer(1, 1 * mm),
            _table(styles, table),
        ]
        if len(table.rows) > _ROWS_MAX:
            story.append(
                styles.paragraph(
                    speak(
                        f"只印前 {_ROWS_MAX} 行，全部见 Excel。",
                        f"The first {_ROWS_MAX} rows; the workbook has all.",
                    ),
                    "small",
                )
            )
    story.append(Spacer(1, 6 * mm))
    story += [
        styles.paragraph(f"{name}: {words}", "small")
        for name, words in control_lines(report)[2:]
    ]
    return bound(
        story,
        title=title,
        drawn_at=report.drawn_at,
        size=_PAGE,
        margin=_MARGIN,
        footer=f"{title}, {_drawn(report)}, {report.data_hash[:16]}",
    )


def _drawn(report: Report) -> str:
    return f"{report.drawn_at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"


def _table(styles: Styles, table: Table) -> Any:
    if not table.rows:
        return styles.paragraph(speak("没有数据。", "There is nothing."), "small")
    columns = table.shape.columns
    cells = [
        [speak(*column.words) for column in columns],
        *(
            [said(column, value) for column, value in zip(columns, row, strict=True)]
            for row in table.rows[:_ROWS_MAX]
        ),
    ]
    styled = [
        ["figure" if column.kind in NUMBERS else "small" for column in columns]
        for _ in cells
    ]
    if table.totals is not None:
        cells.append(last_line(table))
        styled.append(["total" if c.kind in NUMBERS else "sum" for c in columns])
    if table.shape.is_turned:
        cells, styled = _turned(cells), _turned(styled)
        styled = [["small", *("figure" for _ in line[1:])] for line in styled]
    drawn = LongTable(
        [
            [styles.paragraph(*one) for one in zip(*line, strict=True)]
            for line in zip(cells, styled, strict=True)
        ],
        colWidths=_widths(cells),
        repeatRows=1,
        hAlign="LEFT",
    )
    drawn.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, _LINES),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP),
        ]
    )
    return drawn


def _turned(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(line) for line in zip(*lines, strict=True)]


def _widths(cells: Sequence[Sequence[str]]) -> list[float]:
    """Return widths by what stands in the columns, so that figures are never cut."""
    wished = [
        max(_broad(line[at]) for line in cells) + 2 * _GAP
        for at in range(len(cells[0]))
    ]
    return [_WIDE * each / sum(wished) for each in wished]


def _broad(words: str) -> float:
    """Return about how broad words are, in points; ideographs are twice as broad."""
    return sum(_SIZE if ord(one) > _LATIN else _SIZE * 0.56 for one in words)

"""Reports as PDF, on A4 laid across, to sign and to keep."""

from io import BytesIO
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, SimpleDocTemplate, Spacer

from blueprints.figures import NUMBERS, asked, formula, said
from blueprints.formatting import moment
from blueprints.language import language, speak
from blueprints.papers import Styles, font
from blueprints.report_workbooks import control_lines
from loyalty.reports.shape import Report, Table

_PAGE: Final = landscape(A4)
_MARGIN: Final = 14 * mm
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
    written = BytesIO()
    footer = f"{title} · {moment(report.drawn_at)} · {report.data_hash[:16]}"

    def foot(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(font(), 8)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(_MARGIN, 8 * mm, footer)
        page = speak(f"第 {document.page} 页", f"Page {document.page}")
        canvas.drawRightString(_PAGE[0] - _MARGIN, 8 * mm, page)
        canvas.restoreState()

    SimpleDocTemplate(
        written,
        pagesize=_PAGE,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author=speak("积分联盟", "Jifen"),
        lang="zh-CN" if language() == "zh" else "en",
    ).build(story, onFirstPage=foot, onLaterPages=foot)
    return written.getvalue()


def _table(styles: Styles, table: Table) -> Any:
    if not table.rows:
        return styles.paragraph(speak("没有数据。", "There is nothing."), "small")
    columns = table.shape.columns
    lines = [*table.rows[:_ROWS_MAX], *([table.totals] if table.totals else [])]
    aligned = ["figure" if c.kind in NUMBERS else "small" for c in columns]
    cells = [
        [
            styles.paragraph(speak(*column.words), how)
            for column, how in zip(columns, aligned, strict=True)
        ],
        *(
            [
                styles.paragraph(said(column, value), how)
                for column, value, how in zip(columns, line, aligned, strict=True)
            ]
            for line in lines
        ),
    ]
    if table.totals is not None:
        cells[-1][0] = styles.paragraph(speak("合计", "All"), "small")
    if table.shape.is_turned:
        cells = [list(line) for line in zip(*cells, strict=True)]
    wide = (_PAGE[0] - 2 * _MARGIN) / len(cells[0])
    drawn = LongTable(cells, colWidths=[wide] * len(cells[0]), repeatRows=1)
    drawn.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, _LINES),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return drawn

"""Papers to keep and to print, as PDF, with the Chinese font that readers bring."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from blueprints.formatting import day, moment, number
from blueprints.language import language, speak
from blueprints.telling import Told
from loyalty.points.statement import (
    StatementEntry,
)

_CHINESE_FONT: Final = "STSong-Light"
_LATIN_FONT: Final = "Helvetica"
_MARGIN: Final = 18 * mm
_WIDTHS: Final = (28 * mm, 92 * mm, 26 * mm, 28 * mm)
_LOTS_SHOWN: Final = 3
_IDEOGRAPHS: Final = re.compile(r"[^\x00-\xff\u2013-\u2022\u2212]+")

pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE_FONT))


def statement_paper(
    *,
    name: str,
    member_ref: str,
    first: date | None,
    last: date,
    known_on: date | None,
    balance: int,
    entries: Sequence[tuple[StatementEntry, Told]],
    is_cut: bool,
    drawn_at: datetime,
) -> bytes:
    """Draw a statement on A4, in the language of the request."""
    styles = Styles()
    title = speak("积分明细", "Statement of points")
    period = _period(first, last)
    story: list[Any] = [
        styles.paragraph(speak("积分联盟", "Jifen"), "small"),
        styles.paragraph(title, "title"),
        styles.paragraph(f"{name}  {member_ref}", "body"),
        styles.paragraph(period, "body"),
        styles.paragraph(
            speak(
                f"{day(last)}可用余额：{number(balance)} 积分",
                f"Balance on {day(last)}: {number(balance)} points",
            ),
            "body",
        ),
    ]
    if known_on is not None:
        story.append(
            styles.paragraph(
                speak(f"按 {day(known_on)}所知", f"As known on {day(known_on)}"),
                "small",
            )
        )
    story += [Spacer(1, 6 * mm), _table(styles, entries)]
    if is_cut:
        story.append(
            styles.paragraph(
                speak(
                    f"只含最近的 {len(entries)} 笔，请缩短期间再下载其余部分。",
                    f"Only the latest {len(entries)} are here; ask for a shorter"
                    " period to get the others.",
                ),
                "small",
            )
        )
    return bound(story, title=title, drawn_at=drawn_at)


def bound(story: Sequence[Any], *, title: str, drawn_at: datetime) -> bytes:
    """Return what stands on a paper as A4 pages with their numbers."""
    footer = speak(f"打印于 {moment(drawn_at)}", f"Drawn {moment(drawn_at)}")
    written = BytesIO()
    paper = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author=speak("积分联盟", "Jifen"),
        lang="zh-CN" if language() == "zh" else "en",
    )

    def foot(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(font(), 8)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(_MARGIN, 10 * mm, footer)
        page = speak(f"第 {document.page} 页", f"Page {document.page}")
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, page)
        canvas.restoreState()

    paper.build(list(story), onFirstPage=foot, onLaterPages=foot)
    return written.getvalue()


def ruled(rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> LongTable:
    """Return a table with its heads on each page, and a thin line below each row."""
    table = LongTable(list(rows), colWidths=list(widths), repeatRows=1)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.HexColor("#bbbbbb")),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ]
    )
    return table


class Styles:
    """The few ways in which words stand on a paper."""

    def __init__(self) -> None:
        wrap = "CJK" if language() == "zh" else None
        common = {"fontName": font(), "wordWrap": wrap}
        self._styles = {
            "title": ParagraphStyle("title", fontSize=18, leading=26, **common),
            "body": ParagraphStyle("body", fontSize=10, leading=15, **common),
            "small": ParagraphStyle(
                "small", fontSize=8, leading=12, textColor="#555555", **common
            ),
            "number": ParagraphStyle(
                "number", fontSize=10, leading=15, alignment=TA_RIGHT, **common
            ),
            "figure": ParagraphStyle(
                "figure", fontSize=8, leading=12, alignment=TA_RIGHT, **common
            ),
        }

    def paragraph(self, words: str, style: str) -> Paragraph:
        """Return words that nobody can mistake for markup, ideographs in their font."""
        marked = _IDEOGRAPHS.sub(
            lambda found: f'<font name="{_CHINESE_FONT}">{found[0]}</font>',
            escape(words),
        )
        return Paragraph(marked, self._styles[style])


def font() -> str:
    """Return the font of the request's language."""
    return _CHINESE_FONT if language() == "zh" else _LATIN_FONT


def _period(first: date | None, last: date) -> str:
    if first is None:
        return speak(f"截至{day(last)}", f"Until {day(last)}")
    return speak(f"{day(first)}至{day(last)}", f"{day(first)} to {day(last)}")


def _table(
    styles: Styles, entries: Sequence[tuple[StatementEntry, Told]]
) -> LongTable | Paragraph:
    if not entries:
        return styles.paragraph(
            speak("这段时间没有变动。", "Nothing moved in this time."), "body"
        )
    heads = [
        styles.paragraph(speak("日期", "Day"), "small"),
        styles.paragraph(speak("内容", "What"), "small"),
        styles.paragraph(speak("变动", "Points"), "number"),
        styles.paragraph(speak("余额", "Balance"), "number"),
    ]
    rows = [
        [
            styles.paragraph(day(entry.effective_on), "body"),
            [
                styles.paragraph(told.title, "body"),
                *(styles.paragraph(line, "small") for line in told.sentences),
                *(styles.paragraph(line, "small") for line in _few(told.lots)),
            ],
            styles.paragraph(_signed(entry), "number"),
            styles.paragraph(number(entry.balance_after), "number"),
        ]
        for entry, told in entries
    ]
    return ruled([heads, *rows], _WIDTHS)


def _few(lots: Sequence[str]) -> Sequence[str]:
    """Return the first lots, and how many more there are."""
    more = len(lots) - _LOTS_SHOWN
    if more <= 0:
        return lots
    return [*lots[:_LOTS_SHOWN], speak(f"另有 {more} 批", f"and {more} more lots")]


def _signed(entry: StatementEntry) -> str:
    if entry.available:
        return f"{'+' if entry.available > 0 else ''}{number(entry.available)}"
    if entry.pending:
        sign = "+" if entry.pending > 0 else ""
        return f"({sign}{number(entry.pending)})"
    return "0"

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

from blueprints.formatting import day, number
from blueprints.language import language, speak
from blueprints.telling import Told
from loyalty.points.statement import (
    StatementEntry,
)
from loyalty.settings import TIME_ZONE

_CHINESE_FONT: Final = "STSong-Light"
_LATIN_FONT, _BOLD_FONT = "Helvetica", "Helvetica-Bold"
_MARGIN: Final = 18 * mm
_WIDTHS: Final = (28 * mm, 92 * mm, 26 * mm, 28 * mm)
_LOTS_SHOWN: Final = 3
_IDEOGRAPHS: Final = re.compile(r"[^\x00-\xff\u2013-\u2022]+")
# Neither font has a minus sign: left as it is, a debt would be printed as a claim.
_PRINTED: Final = str.maketrans({"\N{MINUS SIGN}": "\N{EN DASH}"})

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


def bound(
    story: Sequence[Any],
    *,
    title: str,
    drawn_at: datetime,
    size: tuple[float, float] = A4,
    margin: float = _MARGIN,
    footer: str | None = None,
) -> bytes:
    """Return what stands on a paper as pages with their numbers.

    `footer`: what stands below each; None: when it was drawn, with its year, for
    papers are kept.
    """
    drawn = f"{drawn_at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"
    below = footer or speak(f"打印于 {drawn}", f"Drawn {drawn}")
    written = BytesIO()
    styles = Styles()
    paper = SimpleDocTemplate(
        written,
        pagesize=size,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=title,
        author=speak("积分联盟", "Jifen"),
        lang="zh-CN" if language() == "zh" else "en",
    )

    def foot(canvas: Any, document: Any) -> None:
        page = speak(f"第 {document.page} 页", f"Page {document.page}")
        for words, style in ((below, "small"), (page, "figure")):
            line = styles.paragraph(words, style)
            line.wrapOn(canvas, size[0] - 2 * margin, margin)
            line.drawOn(canvas, margin, 8 * mm)

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
        common = {"fontName": _LATIN_FONT, "wordWrap": wrap}
        bold = {"fontName": _BOLD_FONT, "wordWrap": wrap}
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
            "sum": ParagraphStyle("sum", fontSize=8, leading=12, **bold),
            "total": ParagraphStyle(
                "total", fontSize=8, leading=12, alignment=TA_RIGHT, **bold
            ),
        }

    def paragraph(self, words: str, style: str) -> Paragraph:
        """Return words that nobody can mistake for markup, ideographs in their font."""
        marked = _IDEOGRAPHS.sub(
            lambda found: f'<font name="{_CHINESE_FONT}">{found[0]}</font>',
            escape(words.translate(_PRINTED)),
        )
        return Paragraph(marked, self._styles[style])


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

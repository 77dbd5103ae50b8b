"""Statements as partners get them: on paper, and as lines for their own machines."""

import csv
from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from typing import Any, Final

from reportlab.lib.units import mm
from reportlab.platypus import Spacer

from blueprints.formatting import day, month, number, yuan
from blueprints.language import speak
from blueprints.papers import Styles, bound, ruled
from blueprints.wording import state_words, term
from loyalty.settlement.models import SettlementStatement, StatementLine
from loyalty.settlement.reading import Sum

COLUMNS: Final = (
    "line",
    "kind",
    "event_ref",
    "about",
    "booked_on",
    "happened_on",
    "rate_version",
    "unit",
    "units",
    "price_fen_num",
    "price_fen_den",
    "billing_pct",
    "service_amount",
    "amount",
)
_BENEFIT: Final = "benefit:"
_SUM_WIDTHS: Final = (46 * mm, 30 * mm, 24 * mm, 32 * mm, 42 * mm)
_TOTAL_WIDTHS: Final = (132 * mm, 42 * mm)


def statement_csv(lines: Sequence[StatementLine]) -> bytes:
    """Return the lines of a statement as UTF-8 CSV; what the partner owes is positive.

    It names no member: an event is the partner's own, or ours by its reference.
    """
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in lines:
        writer.writerow(
            (
                one.line_no,
                one.kind,
                event_name(one),
                one.about,
                one.effective_on.isoformat(),
                one.occurred_on.isoformat(),
                one.rate_version or "",
                one.unit or "",
                one.units,
                one.price_num,
                one.price_den,
                one.billing_pct,
                amount(one.fee_fen),
                amount(one.fen),
            )
        )
    return written.getvalue().encode()


def event_name(line: StatementLine) -> str:
    """Return what a partner calls the event of a line; it tells no member of ours."""
    if line.kind == "club_cost":
        if line.event_ref.startswith(_BENEFIT):
            return line.event_ref.split(":", 2)[-1]
        return line.event_ref.removesuffix(f"-{line.member_id}")
    return f"{line.event_ref}/{line.sub_ref}" if line.sub_ref else line.event_ref


def amount(fen: int) -> str:
    """Write fen as yuan for machines: two decimals, and a sign below zero."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def statement_paper(
    statement: SettlementStatement,
    *,
    name: str,
    sums: Sequence[Sum],
    drawn_at: datetime,
) -> bytes:
    """Draw a statement on A4 in the language of the request."""
    styles = Styles()
    title = speak("结算单", "Settlement statement")
    story: list[Any] = [
        styles.paragraph(speak("积分联盟", "Jifen"), "small"),
        styles.paragraph(title, "title"),
        styles.paragraph(f"{name}  {statement.partner}", "body"),
        styles.paragraph(
            speak(
                f"{month(statement.period)}第 {statement.nth} 份："
                f"{day(statement.first_on)}至{day(statement.last_on)}",
                f"{month(statement.period)}, number {statement.nth}:"
                f" {day(statement.first_on)} to {day(statement.last_on)}",
            ),
            "body",
        ),
        styles.paragraph(_stands(statement), "body"),
        Spacer(1, 6 * mm),
        _sums(styles, sums),
        Spacer(1, 6 * mm),
        _totals(styles, statement),
        Spacer(1, 4 * mm),
        styles.paragraph(
            speak(
                f"金额为人民币，正数为贵方应付我方。共 {number(statement.lines)} 笔，"
                "每笔明细见同名 CSV 文件。",
                "Amounts are in yuan; what is above zero you pay us. There are"
                f" {number(statement.lines)} lines, each in the CSV file of that name.",
            ),
            "small",
        ),
    ]
    return bound(story, title=title, drawn_at=drawn_at)


def _stands(statement: SettlementStatement) -> str:
    state = state_words(f"statement_{statement.state}").words
    until = statement.disputable_until
    if until is None:
        return state
    return speak(
        f"{state}；{day(until)}前可提出异议，{day(statement.call_on)}前付款",
        f"{state}; may be disputed until {day(until)}, to be paid by"
        f" {day(statement.call_on)}",
    )


def _sums(styles: Styles, sums: Sequence[Sum]) -> Any:
    heads = [
        styles.paragraph(speak("种类", "Kind"), "small"),
        styles.paragraph(speak("单位、价格版本", "Unit, rate"), "small"),
        styles.paragraph(speak("笔数", "Lines"), "number"),
        styles.paragraph(speak("数量", "Units"), "number"),
        styles.paragraph(speak("金额", "Amount"), "number"),
    ]
    rows = [
        [
            styles.paragraph(term("statement_kind", one.kind), "body"),
            styles.paragraph(
                "  ".join(word for word in (_unit(one.unit), one.rate_version) if word),
                "small",
            ),
            styles.paragraph(number(one.lines), "number"),
            styles.paragraph(number(one.units) if one.unit else "", "number"),
            styles.paragraph(yuan(one.fen), "number"),
        ]
        for one in sums
    ]
    return ruled([heads, *rows], _SUM_WIDTHS)


def _unit(unit: str | None) -> str:
    if unit is None:
        return ""
    return term("settled_unit", unit) if unit == "item" else term("unit", unit)


def _totals(styles: Styles, statement: SettlementStatement) -> Any:
    told = (
        (speak("期初未结", "Unpaid before"), statement.opening_fen),
        (speak("应收", "You owe us"), statement.receivable_fen),
        (speak("应付", "We owe you"), -statement.payable_fen),
        (speak("调整", "Adjusted"), statement.adjusted_fen),
        (speak("异议", "Disputed"), statement.disputed_fen),
        (speak("净额", "Net due"), statement.due_fen),
    )
    rows = [
        [styles.paragraph(words, "body"), styles.paragraph(yuan(fen), "number")]
        for words, fen in told
    ]
    heads = [
        styles.paragraph(speak("合计", "Totals"), "small"),
        styles.paragraph(speak("金额", "Amount"), "number"),
    ]
    return ruled([heads, *rows], _TOTAL_WIDTHS)

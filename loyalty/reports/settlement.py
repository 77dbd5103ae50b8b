"""R6: what partners and we owe each other, statement by statement."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.reports.asking import ask
from loyalty.reports.scope import Scope, chosen
from loyalty.reports.shape import (
    Chart,
    Column,
    Definition,
    Facts,
    Filter,
    Rows,
    Shape,
    Source,
)
from loyalty.settlement.facts import UNBILLED
from loyalty.settlement.rules import GROUPS, PARTS

_PART_OF: Final = " ".join(
    f"WHEN l.kind IN ({', '.join(repr(kind) for kind in kinds)}) THEN '{part}'"
    for part, kinds in GROUPS.items()
)
_OF_MONTH: Final = f"""
    s.last_on BETWEEN :first_day AND :last_day AND {chosen("partner", "s.partner")}
"""

# What is payable reads above zero there, as in the sums of a statement.
_LINES: Final = f"""
    SELECT s.statement_id AS statement, l.partner, l.kind, CASE {_PART_OF} END AS part,
           l.line_no, l.effective_on, l.occurred_on, l.event_ref, l.about,
           l.rate_version, l.unit, l.units,
           CAST(l.price_num AS text) || '/' || CAST(l.price_den AS text) AS price,
           l.fee_fen, l.fen, m.member_ref, 1 AS lines,
           CASE WHEN l.kind IN ({", ".join(repr(kind) for kind in GROUPS["payable"])})
                THEN -l.fen ELSE l.fen END AS shown_fen
      FROM statement_line l JOIN settlement_statement s USING (statement_id)
      LEFT JOIN member m ON m.member_id = l.member_id
     WHERE {_OF_MONTH}
"""
LINES: Final = Facts(
    name="lines",
    words=("结算单明细", "Lines of statements"),
    relation=_LINES,
    columns=(
        Column("statement", ("结算单", "Statement"), "code"),
        Column("line_no", ("行", "Line"), "number"),
        Column("partner", ("伙伴", "Partner"), terms="partner"),
        Column("kind", ("事项", "Kind"), terms="statement_kind"),
        Column("event_ref", ("事项号", "Event"), "code"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("effective_on", ("记账日", "Day"), "day"),
        Column("occurred_on", ("发生日", "Happened on"), "day"),
        Column("rate_version", ("价格版本", "Rate"), "code"),
        Column("units", ("数量", "Units"), "number", adds=True),
        Column("price", ("价格（分/单位）", "Price (fen/units)"), "code"),
        Column("fee_fen", ("其中服务费", "Of it a fee"), "fen", adds=True),
        Column("fen", ("伙伴应付我方", "The partner owes us"), "fen", adds=True),
        Column("shown_fen", ("金额", "Amount"), "fen", adds=True),
        Column("lines", ("笔数", "Lines"), "number", adds=True),
    ),
    keys=("statement", "partner", "kind", "part"),
    measure="shown_fen",
    order="f.statement, f.line_no",
)

_UNBILLED: Final = f"""
    SELECT u.partner, u.kind, u.event_ref, u.about, u.effective_on, u.occurred_on,
           u.units, CAST(div(u.parts, {PARTS}) AS bigint) AS fen, 1 AS events, u.parts,
           m.member_ref
      FROM ({UNBILLED}) u LEFT JOIN member m ON m.member_id = u.member_id
     WHERE u.effective_on < :next_month AND {chosen("partner", "u.partner")}
"""
OPEN_EVENTS: Final = Facts(
    name="unbilled",
    words=("尚未入结算单的事项", "Events on no statement yet"),
    relation=_UNBILLED,
    columns=(
        Column("effective_on", ("记账日", "Day"), "day"),
        Column("partner", ("伙伴", "Partner"), terms="partner"),
        Column("kind", ("事项", "Kind"), terms="statement_kind"),
        Column("event_ref", ("事项号", "Event"), "code"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("units", ("数量", "Units"), "number", adds=True),
        Column("fen", ("金额（舍至分）", "Amount, cut to fen"), "fen"),
        Column("events", ("笔数", "Events"), "number", adds=True),
    ),
    keys=("partner", "kind"),
    measure="events",
    order="f.effective_on DESC, f.event_ref",
)

_STATEMENTS: Final = text(
    f"""
    SELECT CAST(s.statement_id AS text) AS statement, s.partner, s.first_on, s.last_on,
           s.state, s.opening_fen AS opening, s.receivable_fen AS receivable,
           s.payable_fen AS payable, s.adjusted_fen AS adjusted,
           s.disputed_fen AS disputed, s.due_fen AS due, s.lines
      FROM settlement_statement s WHERE {_OF_MONTH}
     ORDER BY s.partner, s.first_on, s.nth
    """
)
_KINDS: Final = text(
    f"""
    SELECT partner, kind, count(*) AS lines, CAST(sum(fee_fen) AS bigint) AS fee_fen,
           CAST(sum(fen) AS bigint) AS fen
      FROM ({_LINES}) l GROUP BY partner, kind ORDER BY partner, kind
    """
)
# Each sum is rounded once, halves upwards, as a statement rounds.
_WAITING: Final = text(
    f"""
    SELECT partner, kind, count(*) AS events,
           CAST(floor((2 * sum(parts) + {PARTS}) / (2 * {PARTS})) AS bigint) AS fen
      FROM ({_UNBILLED}) u GROUP BY partner, kind ORDER BY partner, kind
    """
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    return {
        "statements": ask(session, _STATEMENTS, scope),
        "kinds": ask(session, _KINDS, scope),
        "unbilled": ask(session, _WAITING, scope),
    }


def _part(name: str, words: tuple[str, str]) -> Column:
    return Column(name, words, "fen", adds=True, source=Source("lines", {"part": name}))


SETTLEMENT: Final = Definition(
    number="R6",
    name="settlement",
    title=("伙伴结算", "Settlement with partners"),
    formula_zh=(
        "应结 ＝ 以前未付 ＋ 应收（累积、换入、费用、伙伴采购）− 应付（兑换、换出、俱"
        "乐部） ± 调整 ± 异议；大于零为伙伴应付我方。按截止日在当月的结算单；未入单的"
        "事项另列。"
    ),
    formula_en=(
        "Due = unpaid before + receivable (accruals, exchanges in, fees, purchases) -"
        " payable (redemptions, exchanges out, clubs) ± adjustments ± disputes; above"
        " zero the partner owes us. Of statements that end in the month; what is on"
        " none yet stands apart."
    ),
    shapes=(
        Shape(
            name="statements",
            goes_on=True,
            words=("结算单", "Statements"),
            columns=(
                Column("statement", ("结算单", "Statement"), "code"),
                Column("partner", ("伙伴", "Partner"), terms="partner"),
                Column("first_on", ("自", "From"), "day"),
                Column("last_on", ("至", "To"), "day"),
                Column("state", ("状态", "State"), terms="state:statement"),
                Column("opening", ("以前未付", "Unpaid before"), "fen", adds=True),
                _part("receivable", ("应收", "Receivable")),
                _part("payable", ("应付", "Payable")),
                _part("adjusted", ("调整", "Adjusted")),
                _part("disputed", ("异议", "Disputed")),
                Column(
                    "due",
                    ("应结", "Net due"),
                    "fen",
                    adds=True,
                    sums=(
                        "+opening",
                        "+receivable",
                        "-payable",
                        "+adjusted",
                        "+disputed",
                    ),
                ),
                Column(
                    "lines",
                    ("笔数", "Lines"),
                    "number",
                    adds=True,
                    source=Source("lines", measure="lines"),
                ),
            ),
            keys=("statement",),
        ),
        Shape(
            name="kinds",
            goes_on=True,
            words=("按事项", "By kind"),
            columns=(
                Column("partner", ("伙伴", "Partner"), terms="partner"),
                Column("kind", ("事项", "Kind"), terms="statement_kind"),
                Column(
                    "lines",
                    ("笔数", "Lines"),
                    "number",
                    adds=True,
                    source=Source("lines", measure="lines"),
                ),
                Column(
                    "fee_fen",
                    ("其中服务费", "Of it a fee"),
                    "fen",
                    adds=True,
                    source=Source("lines", measure="fee_fen"),
                ),
                Column(
                    "fen",
                    ("伙伴应付我方", "The partner owes us"),
                    "fen",
                    adds=True,
                    source=Source("lines", measure="fen"),
                ),
            ),
            keys=("partner", "kind"),
        ),
        Shape(
            name="unbilled",
            goes_on=True,
            words=("尚未入单", "On no statement yet"),
            columns=(
                Column("partner", ("伙伴", "Partner"), terms="partner"),
                Column("kind", ("事项", "Kind"), terms="statement_kind"),
                Column(
                    "events",
                    ("笔数", "Events"),
                    "number",
                    adds=True,
                    source=Source("unbilled"),
                ),
                Column(
                    "fen", ("伙伴应付我方", "The partner owes us"), "fen", adds=True
                ),
            ),
            keys=("partner", "kind"),
        ),
    ),
    rows=_rows,
    facts=(LINES, OPEN_EVENTS),
    filters=(Filter.PARTNER,),
    charts=(
        Chart(
            words=("应结余额，按伙伴", "Net due by partner"),
            table="statements",
            label="partner",
            series=("due",),
            drawn="bars",
        ),
    ),
)

"""R7: the money journal of a month, account by account, in both views."""

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy.orm import Session

from loyalty.journal.queries import accounts, month, preview, trial_balance
from loyalty.journal.values import Entry
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    Column,
    Definition,
    Facts,
    Rows,
    Shape,
    Source,
)

_VIEWS: Final = ("D", "C")

ENTRY_COLUMNS: Final = (
    Column("journal_no", ("凭证号", "Journal"), "number"),
    Column("line", ("行", "Line"), "number"),
    Column("dated_on", ("记账日", "Day"), "day"),
    Column("event", ("事项", "Event"), terms="money_event"),
    Column("account", ("科目", "Account"), "code"),
    Column("measure", ("计量", "Measure"), terms="money_measure"),
    Column("partner", ("伙伴", "Partner"), terms="partner"),
    Column("family", ("产品族", "Family"), terms="family"),
    Column("item", ("商品", "Item"), "code"),
    Column("unit", ("单位", "Unit"), terms="unit"),
    Column("earned_in", ("累积月份", "Earned in"), "month"),
    Column("funding", ("资金来源", "Funding"), terms="funding"),
    Column("points", ("积分", "Points"), "points"),
    Column("event_count", ("笔数", "Events"), "number"),
)


def as_row(entry: Entry) -> dict[str, object]:
    """Return an entry as a row of a list."""
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _entries(session: Session, scope: Scope) -> Iterator[dict[str, object]]:
    for view in _VIEWS:
        for entry in month(session, period=scope.period, view=view):
            yield as_row(entry)


ENTRIES: Final = Facts(
    name="entries",
    words=("日记账分录", "Entries of the journal"),
    relation=_entries,
    columns=(
        Column("view", ("口径", "View"), terms="money_view"),
        *ENTRY_COLUMNS,
        Column("debit_fen", ("借方", "Debit"), "fen", adds=True),
        Column("credit_fen", ("贷方", "Credit"), "fen", adds=True),
    ),
    keys=("view", "account"),
    measure="debit_fen",
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    derived = preview(session, period=scope.period)  # once for both views
    titles = {one.account: (one.title_zh, one.title_en) for one in accounts(session)}
    return {
        f"accounts_{view.lower()}": [
            {
                "account": one.account,
                "title": titles[one.account],
                "opening": one.opening_fen,
                "debit": one.debit_fen,
                "credit": one.credit_fen,
                "closing": one.closing_fen,
            }
            for one in trial_balance(
                session, period=scope.period, view=view, derived=derived
            )
        ]
        for view in _VIEWS
    }


def _accounts(view: str, words: tuple[str, str]) -> Shape:
    def of(measure: str) -> Source:
        return Source("entries", {"view": view}, measure=measure)

    return Shape(
        name=f"accounts_{view.lower()}",
        words=words,
        columns=(
            Column("account", ("科目", "Account"), "code"),
            Column("title", ("名称", "Name")),
            Column(
                "opening", ("期初（借为正）", "Opening (debit +)"), "fen", adds=True
            ),
            Column(
                "debit", ("借方", "Debit"), "fen", adds=True, source=of("debit_fen")
            ),
            Column(
                "credit", ("贷方", "Credit"), "fen", adds=True, source=of("credit_fen")
            ),
            Column(
                "closing",
                ("期末", "Closing"),
                "fen",
                adds=True,
                sums=("+opening", "+debit", "-credit"),
            ),
        ),
        keys=("account",),
    )


JOURNAL: Final = Definition(
    number="R7",
    name="journal",
    title=("货币日记账", "Money journal"),
    formula_zh=(
        "由积分台账与业务事实按记账规则推导，两个口径各自平衡：借方合计 ＝ 贷方合计，"
        "期末 ＝ 期初 ＋ 借方 − 贷方，期初与期末合计为零。已结月份为当时所记，未结月"
        "份为试算。"
    ),
    formula_en=(
        "Derived from the points ledger and business facts by posting rules; each"
        " view balances: debits = credits, closing = opening + debit - credit, and"
        " openings and closings add up to nothing. As kept where the month is closed,"
        " as it stands now where it is open."
    ),
    shapes=(
        _accounts("D", ("收入递延口径（CAS 14）", "Deferral view (CAS 14)")),
        _accounts("C", ("成本预提口径", "Cost accrual view")),
    ),
    rows=_rows,
    facts=(ENTRIES,),
)

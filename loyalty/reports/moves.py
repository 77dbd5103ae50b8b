"""The facts most reports are sums of: what transfers did to the stock of points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.finance.moves import labelled
from loyalty.points.entries import CUP, UNI
from loyalty.reports.scope import Scope, belongs
from loyalty.reports.shape import Column, Facts, Words

UNIT_WORDS: Final[Mapping[str, Words]] = {
    CUP: ("联通积分", "Operator points"),
    UNI: ("联盟积分", "Alliance points"),
}
REDEEMED: Final = ("telecom", "product", "service", "merchant")
# Each flow as it reads in a roll-forward, in its order, with its sign there.
FLOWS: Final = {
    "issued": 1,
    "bought": 1,
    "clawed_back": -1,
    "telecom": -1,
    "product": -1,
    "service": -1,
    "merchant": -1,
    "exchanged_in": 1,
    "exchanged_out": -1,
    "expired": -1,
    "voided": -1,
    "forfeited": -1,
    "reinstated": 1,
    "adjusted": 1,
}

INFLOWS: Final = ("issued", "bought", "exchanged_in", "reinstated", "adjusted")
_AVAILABLE: Final = ("opening", *INFLOWS)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


_TRANSFERS: Final = f"""
    SELECT t.*, t.draws IS NULL AS is_loose, t.kind = 'opening' AS is_opening
      FROM ledger.transfer t
     WHERE t.effective_on < :next_month AND {belongs("t.member_id")}
"""

# `points` reads as the flow does, `net` is what the stock gains. A refund that takes
# from points already void claws back what was voided.
_FLOWS: Final = f"""
    SELECT l.member_id, l.id, l.line, l.kind, l.debit, l.credit, l.unit, l.effective_on,
           l.occurred_at, l.actor, x.flow, x.points, x.net
      FROM ({labelled(f"({_TRANSFERS})")}) l
     CROSS JOIN LATERAL (
        SELECT CASE WHEN l.label = 'issued' AND l.kind = 'purchase' THEN 'bought'
                    WHEN l.label = 'late_claw_back' THEN 'clawed_back'
                    WHEN l.label = 'forfeited.fraud' THEN 'forfeited'
                    WHEN l.label LIKE 'exchanged.%' THEN replace(l.label, '.', '_')
                    ELSE replace(l.label, 'redeemed.', '') END AS flow,
               CASE WHEN l.label = 'late_claw_back' THEN l.amount
                    WHEN l.label IN ('opening', 'issued', 'exchanged.in', 'reinstated',
                                     'adjusted') THEN l.net
                    ELSE -l.net END AS points,
               CASE l.label WHEN 'late_claw_back' THEN -l.amount ELSE l.net END AS net
        UNION ALL
        SELECT 'voided', -l.amount, l.amount WHERE l.label = 'late_claw_back') x
     WHERE l.label IS NOT NULL
"""

# What came before the month is its opening; all of it is the closing. What was there
# to be spent is the opening with what came in.
_MOVES: Final = f"""
    SELECT m.member_id, m.id, m.line, m.kind, m.debit, m.credit, m.unit,
           m.effective_on, m.occurred_at, m.actor, w.member_ref, x.flow, x.points, m.net
      FROM ({_FLOWS}) m LEFT JOIN member w USING (member_id)
     CROSS JOIN LATERAL (
        SELECT CASE WHEN m.effective_on < :first_day THEN 'opening' ELSE m.flow END,
               CASE WHEN m.effective_on < :first_day THEN m.net ELSE m.points END
        UNION ALL SELECT 'closing', m.net
        UNION ALL SELECT 'available', m.net
         WHERE m.effective_on < :first_day OR m.flow IN ({_quoted(_AVAILABLE)})
        UNION ALL SELECT 'redeemed', m.points
         WHERE m.effective_on >= :first_day AND m.flow IN ({_quoted(REDEEMED)}))
           x(flow, points)
"""

TRANSFER_COLUMNS: Final = (
    Column("effective_on", ("记账日", "Day"), "day"),
    Column("member_ref", ("会员", "Member"), "code"),
    Column("kind", ("分录", "Entry"), "code", terms="entry_kind"),
    Column("debit", ("借", "Debit"), "code"),
    Column("credit", ("贷", "Credit"), "code"),
    Column("unit", ("单位", "Unit"), "text", terms="unit"),
    Column("points", ("积分", "Points"), "points", adds=True),
    Column("occurred_at", ("发生时间", "Happened at"), "moment"),
    Column("actor", ("经手", "By"), "code"),
    Column("id", ("分录号", "Entry number"), "code"),
)

MOVES: Final = Facts(
    name="moves",
    words=("积分变动", "Moves of points"),
    relation=_MOVES,
    columns=TRANSFER_COLUMNS,
    keys=("unit", "flow"),
    measure="points",
    order="f.effective_on DESC, f.id DESC, f.line",
)

_FLOWS_OF_MONTHS: Final = text(
    f"""
    SELECT unit, CAST(date_trunc('month', effective_on) AS date) AS month, flow,
           CAST(sum(points) AS bigint) AS points, CAST(sum(net) AS bigint) AS net
      FROM ({_FLOWS}) m GROUP BY 1, 2, 3
    """
)


@dataclass(frozen=True, slots=True)
class Month:
    """What a month did to the points of a unit, or of all."""

    period: date
    opening: int  # what was taken over in it included
    flows: dict[str, int]
    closing: int

    @property
    def redeemed(self) -> int:
        """Points of all families, net of what was returned."""
        return sum(self.flows.get(family, 0) for family in REDEEMED)

    @property
    def available(self) -> int:
        """What was there to be spent: the opening and what came in (A03, Q11)."""
        return self.opening + sum(self.flows.get(name, 0) for name in INFLOWS)


def months(
    session: Session, *, scope: Scope, periods: Sequence[date]
) -> dict[str, list[Month]]:
    """Return what months did to each unit, and under '*' to all of them."""
    rows = session.execute(_FLOWS_OF_MONTHS, scope.binds).all()
    units = session.scalars(text("SELECT code FROM ledger.unit ORDER BY draw_rank"))
    return {
        unit: [
            _month([row for row in rows if unit in ("*", row.unit)], period)
            for period in periods
        ]
        for unit in (*units, "*")
    }


def _month(rows: Sequence[Row[*tuple[Any, ...]]], period: date) -> Month:
    opening, closing, flows = 0, 0, dict.fromkeys(FLOWS, 0)
    for _, month, flow, points, net in rows:
        if month < period or (month == period and flow == "opening"):
            opening += net
        elif month == period:
            flows[flow] += points
        if month <= period:
            closing += net
    return Month(period, opening, flows, closing)


def months_until(period: date, count: int) -> list[date]:
    """Return the first days of so many months, the last one being a period."""
    months = [period]
    while len(months) < count:
        year, month = divmod(12 * months[0].year + months[0].month - 2, 12)
        months.insert(0, date(year, month + 1, 1))
    return months

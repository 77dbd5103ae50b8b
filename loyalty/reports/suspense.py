"""R12: what does not match or waits for somebody, by partner and reason, aged."""

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

ESCALATED_AFTER: Final = 30  # days


def _on(moment: str) -> str:
    return f"CAST({moment} AT TIME ZONE 'Asia/Shanghai' AS date)"


# What was open at the end of the month, since when, and what it is about.
_OPEN: Final = f"""
    SELECT o.*, CAST(:last_day AS date) - o.since AS days, 1 AS items,
           CASE WHEN CAST(:last_day AS date) - o.since > {ESCALATED_AFTER}
                THEN 'late' ELSE 'fresh' END AS age
      FROM (
        SELECT 'break' AS kind, b.partner, b.code AS reason,
               b.subject || ' ' || b.reference AS about, {_on("b.found_at")} AS since,
               CAST(abs(coalesce(b.ours_units, 0) - coalesce(b.theirs_units, 0))
                    AS bigint) AS points,
               CAST(abs(coalesce(b.ours_fen, 0) - coalesce(b.theirs_fen, 0))
                    AS bigint) AS fen
          FROM statement_break b
         WHERE b.closed_at IS NULL OR {_on("b.closed_at")} > :last_day
        UNION ALL
        SELECT 'dispute', d.partner, d.break_code, d.dispute_id, {_on("d.raised_at")},
               0, coalesce(d.claimed_fen, 0)
          FROM dispute d
         WHERE d.answered_at IS NULL OR {_on("d.answered_at")} > :last_day
        UNION ALL
        SELECT 'exchange', e.partner, e.state, e.exchange_ref, {_on("e.state_at")},
               CASE e.direction WHEN 'out' THEN e.units_out ELSE e.units_in END,
               e.money_fen
          FROM exchange e WHERE e.state = 'disputed'
        UNION ALL
        SELECT 'suspense', split_part(p.account, ':', 2), split_part(p.account, ':', 1),
               p.unit, min(p.effective_on), CAST(abs(sum(p.amount)) AS bigint), 0
          FROM ledger.posting p
         WHERE p.effective_on < :next_month
           AND (p.account LIKE 'suspense:%' OR p.account = 'clearing')
         GROUP BY p.account, p.unit HAVING sum(p.amount) <> 0) o
     WHERE o.since <= :last_day AND {chosen("partner", "o.partner")}
"""

OPEN: Final = Facts(
    name="open",
    words=("未了事项", "What is open"),
    relation=_OPEN,
    columns=(
        Column("kind", ("种类", "Kind"), terms="open_kind"),
        Column("partner", ("伙伴", "Partner"), terms="partner"),
        Column("reason", ("原因", "Reason"), terms="break"),
        Column("about", ("关于", "About"), "code"),
        Column("since", ("起始日", "Since"), "day"),
        Column("days", ("天数", "Days"), "number"),
        Column("points", ("积分", "Points"), "points", adds=True),
        Column("fen", ("金额", "Amount"), "fen", adds=True),
        Column("items", ("笔数", "Items"), "number", adds=True),
    ),
    keys=("kind", "partner", "reason", "age"),
    measure="items",
    order="f.since, f.partner, f.about",
)

_SUMS: Final = text(
    f"""
    SELECT kind, partner, reason, count(*) FILTER (WHERE age = 'fresh') AS fresh,
           count(*) FILTER (WHERE age = 'late') AS late, count(*) AS items,
           max(days) AS oldest, CAST(sum(points) AS bigint) AS points,
           CAST(sum(fen) AS bigint) AS fen,
           CASE WHEN bool_or(age = 'late') THEN 'escalated' ELSE 'watched' END AS state
      FROM ({_OPEN}) o GROUP BY kind, partner, reason
     ORDER BY max(days) DESC, kind, partner, reason
    """
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    return {"open": ask(session, _SUMS, scope)}


SUSPENSE: Final = Definition(
    number="R12",
    name="suspense",
    title=("挂账与未匹配", "Suspense and unmatched"),
    formula_zh=(
        "月末仍未了结的对账差异、伙伴异议、有争议的互换和台账挂账，按伙伴与原因，自发"
        "现日起计天数；超过 30 天升级。金额为双方差额的绝对值。"
    ),
    formula_en=(
        "Breaks, disputes, disputed exchanges and suspense of the ledger that were"
        " open at the end of the month, by partner and reason, in days since they"
        " were found; over 30 days they are escalated. Amounts are how far the two"
        " sides are apart."
    ),
    shapes=(
        Shape(
            name="open",
            words=("未了事项", "What is open"),
            goes_on=True,
            columns=(
                Column("kind", ("种类", "Kind"), terms="open_kind"),
                Column("partner", ("伙伴", "Partner"), terms="partner"),
                Column("reason", ("原因", "Reason"), terms="break"),
                Column(
                    "fresh",
                    ("30 天内", "Up to 30 days"),
                    "number",
                    adds=True,
                    source=Source("open", {"age": "fresh"}),
                ),
                Column(
                    "late",
                    ("超过 30 天", "Over 30 days"),
                    "number",
                    adds=True,
                    source=Source("open", {"age": "late"}),
                ),
                Column(
                    "items",
                    ("合计", "All"),
                    "number",
                    adds=True,
                    sums=("+fresh", "+late"),
                    source=Source("open"),
                ),
                Column("oldest", ("最长天数", "Oldest, days"), "number"),
                Column(
                    "points",
                    ("积分", "Points"),
                    "points",
                    adds=True,
                    source=Source("open", measure="points"),
                ),
                Column(
                    "fen",
                    ("金额", "Amount"),
                    "fen",
                    adds=True,
                    source=Source("open", measure="fen"),
                ),
                Column("state", ("处理", "State"), terms="open_state"),
            ),
            keys=("kind", "partner", "reason"),
        ),
    ),
    rows=_rows,
    facts=(OPEN,),
    filters=(Filter.PARTNER,),
    charts=(
        Chart(
            words=("未了事项，按原因", "What is open, by reason"),
            table="open",
            label="reason",
            series=("fresh", "late"),
            drawn="bars",
        ),
    ),
)

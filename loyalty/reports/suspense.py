"""R12: what does not match or waits for somebody, by partner and reason, aged."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.matching.provider_reading import STRIPE
from loyalty.matching.resolving import RESOLVE
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


# What was open at the end of the month, since when, and what it is about; and how far
# somebody has come with it by now.
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
                    AS bigint) AS fen, s.login AS owner,
               CASE WHEN b.closed_at IS NOT NULL THEN 'settled'
                    WHEN EXISTS (
                         SELECT FROM approval a
                          WHERE a.action = '{RESOLVE}' AND a.state = 'open'
                            AND a.subject = CAST(b.break_id AS text)) THEN 'settling'
                    WHEN b.asked_at IS NOT NULL THEN 'asked'
                    WHEN b.owner IS NOT NULL THEN 'taken'
                    ELSE 'nobody' END AS step
          FROM statement_break b LEFT JOIN staff s ON s.staff_id = b.owner
         WHERE b.closed_at IS NULL OR {_on("b.closed_at")} > :last_day
        UNION ALL
        SELECT 'dispute', d.partner, d.break_code, d.dispute_id, {_on("d.raised_at")},
               0, coalesce(d.claimed_fen, 0), d.answered_by,
               CASE WHEN d.answered_at IS NULL THEN 'nobody' ELSE 'settled' END
          FROM dispute d
         WHERE d.answered_at IS NULL OR {_on("d.answered_at")} > :last_day
        UNION ALL
        SELECT 'exchange', e.partner, e.state, e.exchange_ref, {_on("e.state_at")},
               CASE e.direction WHEN 'out' THEN e.units_out ELSE e.units_in END,
               e.money_fen, NULL, 'nobody'
          FROM exchange e WHERE e.state = 'disputed'
        UNION ALL
        SELECT 'payout', '{STRIPE}', 'not_paid_out', t.transaction_id, t.happened_on,
               0, CAST(abs(t.net_fen) AS bigint), NULL,
               CASE WHEN p.payout_id IS NULL THEN 'nobody' ELSE 'settled' END
          FROM balance_transaction t
          LEFT JOIN payout_line l USING (transaction_id)
          LEFT JOIN payout p USING (payout_id)
         WHERE t.type <> 'payout'
           AND (p.payout_id IS NULL OR p.effective_on > :last_day)
        UNION ALL
        SELECT 'suspense', k.partner, 'suspense', k.about, min(k.booked_on), 0,
               CAST(abs(sum(k.fen)) AS bigint), NULL, 'nobody'
          FROM partner_booking k
         WHERE k.cause IN ('suspense', 'received') AND k.booked_on < :next_month
         GROUP BY k.partner, k.about HAVING sum(k.fen) <> 0
        UNION ALL
        SELECT 'suspense', '', p.account, p.unit, min(p.effective_on),
               CAST(abs(sum(p.amount)) AS bigint), 0, NULL, 'nobody'
          FROM ledger.posting p
         WHERE p.effective_on < :next_month AND p.account = 'clearing'
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
        Column("owner", ("负责人", "Owner"), "code"),
        Column("step", ("进度", "How far"), terms="open_step"),
        Column("items", ("笔数", "Items"), "number", adds=True),
    ),
    keys=("kind", "partner", "reason", "age", "step"),
    measure="items",
    order="f.since, f.partner, f.about",
)

_STEPS: Final = {
    "nobody": ("无人处理", "With nobody"),
    "taken": ("已认领", "Taken on"),
    "asked": ("已问伙伴", "Partner asked"),
    "settling": ("待审批", "To be agreed"),
    "settled": ("已了结", "Settled since"),
}
_COUNTED: Final = ", ".join(
    f"count(*) FILTER (WHERE step = '{step}') AS {step}" for step in _STEPS
)
_SUMS: Final = text(
    f"""
    SELECT kind, partner, reason, count(*) FILTER (WHERE age = 'fresh') AS fresh,
           count(*) FILTER (WHERE age = 'late') AS late, count(*) AS items,
           {_COUNTED},
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
        "月末仍未了结的对账差异、伙伴异议、有争议的互换、收了款而当月没有到账的支付和台"
        "账挂账，按伙伴与原因，自发现日起计天数；超过 30 天升级。进度为现在所到；金额为"
        "双方差额的绝对值，支付为净额。"
    ),
    formula_en=(
        "Breaks, disputes, disputed exchanges, card payments that had not arrived at"
        " the bank, and what waits in suspense that were open at the end of the month,"
        " by partner and reason, in days since they were found; over 30 days they are"
        " escalated. How far they have come is as of now; amounts are how far the two"
        " sides are apart, of payments what is left of them after fees."
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
                *(
                    Column(
                        step,
                        words,
                        "number",
                        adds=True,
                        source=Source("open", {"step": step}),
                    )
                    for step, words in _STEPS.items()
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

"""R9: what clubs spent on members, against what keeping them may cost (B22)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.reports.asking import ask
from loyalty.reports.scope import Scope, belongs
from loyalty.reports.shape import (
    OF_MEMBERS,
    Chart,
    Column,
    Definition,
    Facts,
    Rows,
    Shape,
    Source,
)

# The club cost line (A17): what clubs wrote down, and what halls and shops redeemed at
# the clubs' cost and no club has written down itself.
_COSTS: Final = f"""
    SELECT c.member_id, m.member_ref, c.club, c.venue, c.kind, c.on_day, c.reference,
           c.fen
      FROM (
        SELECT member_id, club, venue, kind, effective_on AS on_day, reference, fen
          FROM club_cost
        UNION ALL
        SELECT r.member_id, NULL, r.partner, 'redemption', r.effective_on,
               r.redemption_ref, r.settlement_fen
          FROM redemption r
         WHERE r.cost_treatment = 'CLUB_COST' AND NOT EXISTS (
               SELECT FROM club_cost c
                WHERE c.reference = r.redemption_ref || '-' || r.member_id)
        UNION ALL
        SELECT r.member_id, NULL, r.partner, 'redemption', b.effective_on,
               b.redemption_ref || ':' || b.return_ref, -b.settlement_fen
          FROM redemption_return b
          JOIN redemption r USING (member_id, redemption_ref)
         WHERE r.cost_treatment = 'CLUB_COST') c
      LEFT JOIN member m USING (member_id)
     WHERE c.on_day BETWEEN :first_day AND :last_day AND c.fen <> 0
       AND {belongs("c.member_id")}
"""

# What held in the month: where segments begin, and the part of its revenue that may be
# spent on a member of each.
_TERMS: Final = """
    SELECT * FROM retention_terms WHERE valid_from <= :first_day
     ORDER BY version DESC LIMIT 1
"""
_CAPS: Final = f"""
    SELECT c.segment, c.rank, c.share_num, c.share_den, z.high_num, z.high_den,
           z.mid_num, z.mid_den, z.group_members, z.version
      FROM retention_cap c JOIN ({_TERMS}) z USING (version)
"""

# Of some months' bills: what a user of a network brings on average, and each member.
_BILLS: Final = f"""
    SELECT b.member_id, b.msisdn, b.period, b.due_fen, s.network, s.pay_type,
           s.group_ref
      FROM bill b
     CROSS JOIN ({_TERMS}) z
      JOIN LATERAL (
        SELECT network, pay_type, group_ref FROM subscription s
         WHERE s.member_id = b.member_id AND s.msisdn = b.msisdn
         ORDER BY activated_on DESC LIMIT 1) s ON true
     WHERE b.billed_on >= CAST(:first_day AS date)
                          - make_interval(months => z.bill_months - 1)
       AND b.billed_on < :next_month
"""
_WORTH: Final = f"""
    SELECT w.*, CASE
               WHEN w.group_size >= z.group_members THEN 'GROUP'
               WHEN w.is_prepaid THEN 'LOW'
               WHEN CAST(w.due_fen AS numeric) * w.network_months * z.high_den
                    > CAST(w.network_fen AS numeric) * w.months * z.high_num THEN 'HIGH'
               WHEN CAST(w.due_fen AS numeric) * w.network_months * z.mid_den
                    >= CAST(w.network_fen AS numeric) * w.months * z.mid_num THEN 'MID'
               ELSE 'LOW' END AS segment
      FROM (
        SELECT b.member_id, CAST(sum(b.due_fen) AS bigint) AS due_fen,
               count(DISTINCT b.period) AS months,
               bool_and(b.pay_type = 'prepaid') AS is_prepaid,
               min(n.network_fen) AS network_fen, min(n.network_months)
                   AS network_months,
               max(g.members) AS group_size
          FROM ({_BILLS}) b
          JOIN (SELECT network, sum(due_fen) AS network_fen,
                       count(DISTINCT (msisdn, period)) AS network_months
                  FROM ({_BILLS}) b GROUP BY network) n USING (network)
          LEFT JOIN (SELECT group_ref, count(DISTINCT member_id) AS members
                       FROM subscription
                      WHERE activated_on < :next_month
                        AND (ended_on IS NULL OR ended_on >= :next_month)
                      GROUP BY group_ref) g ON g.group_ref = b.group_ref
         GROUP BY b.member_id) w
     CROSS JOIN ({_TERMS}) z
"""
_MEMBERS: Final = f"""
    SELECT s.*, 1 AS members, greatest(s.spent_fen - s.cap_fen, 0) AS over_fen,
           CAST(s.spent_fen > s.cap_fen AS int) AS over
      FROM (
        SELECT c.member_ref, c.spent_fen, coalesce(w.segment, 'LOW') AS segment,
               CAST(coalesce(div(w.due_fen, w.months), 0) AS bigint) AS arpu_fen,
               CAST(coalesce(div(w.due_fen * z.share_num, w.months * z.share_den), 0)
                    AS bigint) AS cap_fen
          FROM (SELECT member_id, member_ref, CAST(sum(fen) AS bigint) AS spent_fen
                  FROM ({_COSTS}) c WHERE member_id IS NOT NULL
                 GROUP BY member_id, member_ref) c
          LEFT JOIN ({_WORTH}) w USING (member_id)
          LEFT JOIN ({_CAPS}) z ON z.segment = w.segment) s
"""

COSTS: Final = Facts(
    name="costs",
    words=("俱乐部费用", "Costs of clubs"),
    relation=f"SELECT c.*, CASE WHEN member_id IS NULL THEN 'none' ELSE 'member' END"
    f" AS spent_for FROM ({_COSTS}) c",
    columns=(
        Column("on_day", ("记账日", "Day"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("club", ("俱乐部", "Club"), terms="club"),
        Column("venue", ("场馆", "Venue"), terms="partner"),
        Column("kind", ("事项", "Kind"), terms="club_cost_kind"),
        Column("reference", ("单号", "Reference"), "code"),
        Column("fen", ("金额", "Amount"), "fen", adds=True),
    ),
    keys=("member_ref", "spent_for"),
    measure="fen",
    order="f.on_day DESC, f.reference",
)
SPENDERS: Final = Facts(
    name="members",
    words=("会员费用与上限", "Members with their caps"),
    relation=_MEMBERS,
    columns=(
        Column("member_ref", ("会员", "Member"), "code"),
        Column("segment", ("价值分层", "Segment"), terms="value_segment"),
        Column("arpu_fen", ("月均收入", "ARPU"), "fen"),
        Column("cap_fen", ("月上限", "Cap"), "fen", adds=True),
        Column("spent_fen", ("已用", "Spent"), "fen", adds=True),
        Column("over_fen", ("超出", "Over"), "fen", adds=True),
        Column("over", ("超限人数", "Over the cap"), "number", adds=True),
        Column("members", ("人数", "Members"), "number", adds=True),
    ),
    keys=("segment", "member_ref"),
    measure="members",
    order="f.over_fen DESC, f.spent_fen DESC, f.member_ref",
)

_BY_MEMBER: Final = text(
    f"""
    SELECT member_ref, segment, arpu_fen, cap_fen, spent_fen, over_fen
      FROM ({_MEMBERS}) m ORDER BY over_fen DESC, spent_fen DESC, member_ref
    """
)
_BY_SEGMENT: Final = text(
    f"""
    SELECT segment, count(*) AS members, CAST(sum(cap_fen) AS bigint) AS cap_fen,
           CAST(sum(spent_fen) AS bigint) AS spent_fen,
           CAST(sum(over_fen) AS bigint) AS over_fen, CAST(sum(over) AS bigint) AS over
      FROM ({_MEMBERS}) m LEFT JOIN ({_CAPS}) z USING (segment)
     GROUP BY segment ORDER BY min(z.rank)
    """
)
_IN_FORCE: Final = text(f"SELECT * FROM ({_CAPS}) c ORDER BY rank")
_FOR_NOBODY: Final = text(
    f"""
    SELECT 'none' AS spent_for, CAST(coalesce(sum(fen), 0) AS bigint) AS fen
      FROM ({_COSTS}) c WHERE member_id IS NULL
    """
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    return {
        "segments": ask(session, _BY_SEGMENT, scope),
        "members": ask(session, _BY_MEMBER, scope),
        "nobody": ask(session, _FOR_NOBODY, scope),
        "caps": [_cap(row) for row in ask(session, _IN_FORCE, scope)],
    }


def _cap(row: Mapping[str, Any]) -> dict[str, object]:
    """Return what may be spent on a segment, and where it begins."""
    begins = {
        "HIGH": Fraction(row["high_num"], row["high_den"]),
        "MID": Fraction(row["mid_num"], row["mid_den"]),
    }
    segment = row["segment"]
    return {
        "segment": segment,
        "share": Fraction(row["share_num"], row["share_den"]),
        "times": begins.get(segment),
        "users": row["group_members"] if segment == "GROUP" else None,
        "version": row["version"],
    }


def _measured(name: str, words: tuple[str, str]) -> Column:
    return Column(name, words, "fen", adds=True, source=Source("members", measure=name))


_USED: Final = Column(
    "used", ("使用率", "Used"), "percent", ratio=("spent_fen", "cap_fen")
)

CLUB_SPEND: Final = Definition(
    number="R9",
    name="club-spend",
    title=("俱乐部与维系费用对上限", "Club and retention spend against caps"),
    formula_zh=(
        "每位会员当月俱乐部费用（按结算价）÷ 月维系成本上限；上限 ＝ 月均收入 × 所属价"
        "值分层的比例，见“当月条款”。月均收入取截至当月的账单；分层按它是全网月均的几"
        "倍，人数够的集团客户自成一层，预付费按低价值。"
    ),
    formula_en=(
        "What clubs spent on each member in the month, at settlement price, ÷ the"
        " cap; cap = ARPU × the share of the member's segment, see the terms below."
        " ARPU is of the bills up to the month; a segment begins at so many times the"
        " network's mean, groups that are large enough are one of their own, and"
        " prepaid is LOW."
    ),
    shapes=(
        Shape(
            name="segments",
            goes_on=True,
            words=("按价值分层", "By segment"),
            columns=(
                Column("segment", ("价值分层", "Segment"), terms="value_segment"),
                Column(
                    "members",
                    ("人数", "Members"),
                    "number",
                    adds=True,
                    source=Source("members"),
                ),
                _measured("cap_fen", ("上限", "Cap")),
                _measured("spent_fen", ("已用", "Spent")),
                _USED,
                _measured("over_fen", ("超出", "Over")),
                Column(
                    "over",
                    ("超限人数", "Over the cap"),
                    "number",
                    adds=True,
                    source=Source("members", measure="over"),
                ),
            ),
            keys=("segment",),
        ),
        Shape(
            name="members",
            goes_on=True,
            words=("按会员", "By member"),
            columns=(
                Column("member_ref", ("会员", "Member"), "code"),
                Column("segment", ("价值分层", "Segment"), terms="value_segment"),
                Column("arpu_fen", ("月均收入", "ARPU"), "fen"),
                Column("cap_fen", ("上限", "Cap"), "fen", adds=True),
                Column(
                    "spent_fen",
                    ("已用", "Spent"),
                    "fen",
                    adds=True,
                    source=Source("costs", {"spent_for": "member"}),
                ),
                _USED,
                Column("over_fen", ("超出", "Over"), "fen", adds=True),
            ),
            keys=("member_ref",),
        ),
        Shape(
            name="nobody",
            words=("不属于任何会员的", "For nobody alone"),
            columns=(
                Column("spent_for", ("对象", "For"), terms="spent_for"),
                Column("fen", ("金额", "Amount"), "fen", source=Source("costs")),
            ),
            keys=("spent_for",),
        ),
        Shape(
            name="caps",
            words=("当月条款", "Terms of the month"),
            columns=(
                Column("segment", ("价值分层", "Segment"), terms="value_segment"),
                Column("share", ("占月均收入", "Share of ARPU"), "percent"),
                Column("times", ("全网月均的倍数", "Times the mean"), "times"),
                Column("users", ("集团人数至少", "Users at least"), "number"),
                Column("version", ("条款版本", "Version"), "number"),
            ),
        ),
    ),
    rows=_rows,
    facts=(COSTS, SPENDERS),
    filters=OF_MEMBERS,
    charts=(
        Chart(
            words=("已用与上限", "Spent and cap"),
            table="segments",
            label="segment",
            series=("spent_fen", "cap_fen"),
            drawn="bars",
        ),
    ),
)

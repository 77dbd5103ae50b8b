"""R8: the figures a loyalty programme is steered by."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.finance.rules import cost
from loyalty.reports.moves import MOVES, months, months_until
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
from loyalty.rules.queries import programme_terms

_MONTHS: Final = 12

_BILLED: Final = f"""
    SELECT b.member_id, m.member_ref, b.bill_ref, b.msisdn, b.billed_on, b.due_on,
           b.amount_fen, b.points,
           CAST(date_trunc('month', b.billed_on) AS date) AS month
      FROM bill b LEFT JOIN member m USING (member_id)
     WHERE b.billed_on < :next_month AND {belongs("b.member_id")}
"""
BILLS: Final = Facts(
    name="bills",
    words=("账单", "Bills"),
    relation=f"SELECT * FROM ({_BILLED}) b WHERE b.month = :period",
    columns=(
        Column("billed_on", ("出账日", "Billed on"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("bill_ref", ("账单号", "Bill"), "code"),
        Column("due_on", ("缴费截止", "Due on"), "day"),
        Column("amount_fen", ("金额", "Amount"), "fen", adds=True),
        Column("points", ("积分", "Points"), "points", adds=True),
    ),
    keys=(),
    measure="amount_fen",
    order="f.billed_on DESC, f.bill_ref",
)

# Whoever redeemed anything in the month, with what; and who could have.
_REDEEMERS: Final = f"""
    SELECT CAST(date_trunc('month', r.effective_on) AS date) AS month,
           r.member_id, m.member_ref, CAST(sum(r.points) AS bigint) AS points,
           1 AS members
      FROM redemption r LEFT JOIN member m USING (member_id)
     WHERE r.points > 0 AND r.effective_on < :next_month AND {belongs("r.member_id")}
     GROUP BY 1, 2, 3
"""
REDEEMERS: Final = Facts(
    name="redeemers",
    words=("兑换过的会员", "Members who redeemed"),
    relation=f"SELECT * FROM ({_REDEEMERS}) r WHERE r.month = :period",
    columns=(
        Column("member_ref", ("会员", "Member"), "code"),
        Column("points", ("兑换积分", "Points redeemed"), "points", adds=True),
        Column("members", ("人数", "Members"), "number", adds=True),
    ),
    keys=(),
    measure="members",
    order="f.points DESC, f.member_ref",
)
_BOOKS: Final = f"""
    SELECT m.member_ref, m.joined_on, m.left_on, 1 AS members,
           m.left_on IS NULL OR m.left_on >= :next_month AS is_here
      FROM member m
     WHERE m.joined_on < :next_month AND {belongs("m.member_id")}
"""
MEMBERS: Final = Facts(
    name="members",
    words=("月末在册会员", "Members at the end of the month"),
    relation=f"SELECT * FROM ({_BOOKS}) b WHERE b.is_here",
    columns=(
        Column("member_ref", ("会员", "Member"), "code"),
        Column("joined_on", ("入会日", "Joined on"), "day"),
        Column("members", ("人数", "Members"), "number", adds=True),
    ),
    keys=(),
    measure="members",
    order="f.member_ref",
)

_BILLED_BY_MONTH: Final = text(
    f"""
    SELECT month, sum(amount_fen) AS figure
      FROM ({_BILLED}) b GROUP BY month
    """
)
_REDEEMERS_BY_MONTH: Final = text(
    f"SELECT month, count(*) AS figure FROM ({_REDEEMERS}) r GROUP BY month"
)
_MEMBERS_BY_MONTH: Final = text(
    f"""
    SELECT p.period AS month, count(m.member_id) AS figure
      FROM unnest(CAST(:periods AS date[])) p(period)
      LEFT JOIN member m
        ON m.joined_on < p.period + interval '1 month'
       AND (m.left_on IS NULL OR m.left_on >= p.period + interval '1 month')
       AND {belongs("m.member_id")}
     GROUP BY 1
    """
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    periods = months_until(scope.period, _MONTHS)
    found = months(session, scope=scope, periods=periods)["*"]
    asked = scope.binds | {"periods": periods}
    billed, redeemers, members = (
        {row.month: int(row.figure) for row in session.execute(each, asked)}
        for each in (_BILLED_BY_MONTH, _REDEEMERS_BY_MONTH, _MEMBERS_BY_MONTH)
    )
    terms = programme_terms(session)
    return {
        "months": [
            {
                "month": month.period,
                "earned": month.flows["issued"],
                "redeemed": month.redeemed,
                "billed_fen": billed.get(month.period, 0),
                "earned_fen": cost(
                    available=month.flows["issued"],
                    redeemed=0,
                    fen_num=terms.carrying_fen_num,
                    fen_den=terms.carrying_fen_den,
                ).available,
                "average": Fraction(month.opening + month.closing, 2),
                "members": members[month.period],
                "redeemers": redeemers.get(month.period, 0),
            }
            for month in found
        ]
    }


KEY_FIGURES: Final = Definition(
    number="R8",
    name="key-figures",
    title=("积分关键指标", "Key figures"),
    formula_zh=(
        "兑换发放比 ＝ 兑换 ÷ 发放；积分费用率 ＝ 发放积分按账面单价的成本 ÷ 当月出账"
        "金额；人均余额 ＝ 平均未用积分 ÷ 月末在册会员；兑换会员 ＝ 当月至少兑换一次"
        "的人数，兑换面 ＝ 兑换会员 ÷ 月末在册会员。"
    ),
    formula_en=(
        "Earn-to-burn = redeemed ÷ earned. Accrual rate = points earned at the"
        " carrying rate ÷ what was billed in the month. Average balance = average"
        " open points ÷ members at its end. Active redeemers are those who redeemed"
        " at least once; their share is of the members at its end."
    ),
    shapes=(
        Shape(
            name="months",
            words=("最近十二个月", "The last twelve months"),
            columns=(
                Column("month", ("月份", "Month"), "month"),
                Column(
                    "earned",
                    ("发放", "Earned"),
                    "points",
                    source=Source("moves", {"flow": "issued"}),
                ),
                Column(
                    "redeemed",
                    ("兑换", "Redeemed"),
                    "points",
                    source=Source("moves", {"flow": "redeemed"}),
                ),
                Column(
                    "earn_to_burn",
                    ("兑换发放比", "Earn-to-burn"),
                    "percent",
                    ratio=("redeemed", "earned"),
                ),
                Column(
                    "billed_fen",
                    ("出账金额", "Billed"),
                    "fen",
                    source=Source("bills"),
                    goes_on=True,  # bills and departures may be told late
                ),
                Column("earned_fen", ("发放成本", "Cost of earned"), "fen"),
                Column(
                    "accrual_rate",
                    ("积分费用率", "Accrual rate"),
                    "percent",
                    ratio=("earned_fen", "billed_fen"),
                    goes_on=True,
                ),
                Column("average", ("平均未用", "Average open"), "decimal"),
                Column(
                    "members",
                    ("月末会员", "Members"),
                    "number",
                    source=Source("members"),
                    goes_on=True,
                ),
                Column(
                    "average_balance",
                    ("人均余额", "Average balance"),
                    "decimal",
                    ratio=("average", "members"),
                    goes_on=True,
                ),
                Column(
                    "redeemers",
                    ("兑换会员", "Active redeemers"),
                    "number",
                    source=Source("redeemers"),
                ),
                Column(
                    "redeemer_share",
                    ("兑换面", "Share who redeem"),
                    "percent",
                    ratio=("redeemers", "members"),
                    goes_on=True,
                ),
            ),
        ),
    ),
    rows=_rows,
    facts=(MOVES, BILLS, REDEEMERS, MEMBERS),
    filters=OF_MEMBERS,
    charts=(
        Chart(
            words=("兑换发放比", "Earn-to-burn"),
            table="months",
            label="month",
            series=("earn_to_burn",),
            drawn="line",
        ),
    ),
)

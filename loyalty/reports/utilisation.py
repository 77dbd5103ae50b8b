"""R4: how much of what members have they redeem (domain.md A03, Q11)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from sqlalchemy.orm import Session

from loyalty.finance.rules import cost
from loyalty.reports.moves import MOVES, Month, months, months_until
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    OF_MEMBERS,
    Chart,
    Column,
    Definition,
    Rows,
    Shape,
    Source,
)
from loyalty.rules.queries import Terms, programme_terms

_MONTHS: Final = 12


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    periods = months_until(scope.period, _MONTHS)
    found = months(session, scope=scope, periods=periods)
    total = found.pop("*")
    terms = programme_terms(session)
    return {
        "rates": [
            {
                "unit": unit,
                "earned": each[-1].flows["issued"],
                "redeemed": each[-1].redeemed,
                "average": Fraction(each[-1].opening + each[-1].closing, 2),
            }
            for unit, each in found.items()
        ],
        "cost": [_cost(month, terms) for month in total],
    }


def _cost(month: Month, terms: Terms) -> dict[str, object]:
    worth = cost(
        available=month.available,
        redeemed=month.redeemed,
        fen_num=terms.carrying_fen_num,
        fen_den=terms.carrying_fen_den,
    )
    return {
        "month": month.period,
        "available_points": month.available,
        "redeemed_points": month.redeemed,
        "available": worth.available,
        "redeemed": worth.redeemed,
        "idle": worth.idle,
    }


UTILISATION: Final = Definition(
    number="R4",
    name="utilisation",
    title=("兑换率与利用率", "Redemption rates and utilisation"),
    formula_zh=(
        "当期兑换率 ＝ 兑换 ÷ 发放；存量兑换率 ＝ 兑换 ÷ 平均未用（期初与期末的平均）"
        "；成本利用率 ＝ 实际兑换成本 ÷ 可用积分成本，可用 ＝ 期初 ＋ 发放 ＋ 购买 ＋"
        " 换入 ＋ 恢复 ± 调整，均按账面单价折算；未消耗 ＝ 可用 − 兑换。兑换已减去退"
        "回。"
    ),
    formula_en=(
        "Rate of the period = redeemed ÷ earned. Rate of the pool = redeemed ÷"
        " average open (of opening and closing). Utilisation = redeemed cost ÷"
        " available cost, available = opening + issued + bought + exchanged in +"
        " reinstated ± adjusted, all at the carrying rate; idle = available -"
        " redeemed. Redeemed is net of returns."
    ),
    shapes=(
        Shape(
            name="rates",
            words=("按积分", "In points"),
            columns=(
                Column("unit", ("单位", "Unit"), terms="unit"),
                Column(
                    "earned",
                    ("发放", "Earned"),
                    "points",
                    adds=True,
                    source=Source("moves", {"flow": "issued"}),
                ),
                Column(
                    "redeemed",
                    ("兑换", "Redeemed"),
                    "points",
                    adds=True,
                    source=Source("moves", {"flow": "redeemed"}),
                ),
                Column("average", ("平均未用", "Average open"), "decimal", adds=True),
                Column(
                    "period_rate",
                    ("当期兑换率", "Rate of the period"),
                    "percent",
                    ratio=("redeemed", "earned"),
                ),
                Column(
                    "pool_rate",
                    ("存量兑换率", "Rate of the pool"),
                    "percent",
                    ratio=("redeemed", "average"),
                ),
            ),
            keys=("unit",),
        ),
        Shape(
            name="cost",
            words=("按成本，逐月", "By cost, month by month"),
            columns=(
                Column("month", ("月份", "Month"), "month"),
                Column(
                    "available_points",
                    ("可用积分", "Points available"),
                    "points",
                    source=Source("moves", {"flow": "available"}),
                ),
                Column(
                    "redeemed_points",
                    ("兑换积分", "Points redeemed"),
                    "points",
                    source=Source("moves", {"flow": "redeemed"}),
                ),
                Column("available", ("可用积分成本", "Cost available"), "fen"),
                Column("redeemed", ("实际兑换成本", "Cost redeemed"), "fen"),
                Column(
                    "idle", ("未消耗", "Idle"), "fen", sums=("+available", "-redeemed")
                ),
                Column(
                    "utilisation",
                    ("利用率", "Utilisation"),
                    "percent",
                    ratio=("redeemed", "available"),
                ),
            ),
        ),
    ),
    rows=_rows,
    facts=(MOVES,),
    filters=OF_MEMBERS,
    charts=(
        Chart(
            words=("成本利用率", "Utilisation of cost"),
            table="cost",
            label="month",
            series=("utilisation",),
            drawn="line",
        ),
    ),
)

"""R1: how the liability rolls forward, in units and in money (domain.md 2.8)."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from loyalty.reports.moves import FLOWS, MOVES, REDEEMED, months, months_until
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

_MONTHS: Final = 12

_WORDS: Final = {
    "issued": ("发放", "Issued"),
    "bought": ("会员购买", "Bought"),
    "clawed_back": ("扣回", "Clawed back"),
    "telecom": ("兑换：电信", "Redeemed: telecom"),
    "product": ("兑换：商品", "Redeemed: products"),
    "service": ("兑换：服务与活动", "Redeemed: services"),
    "merchant": ("兑换：商户", "Redeemed: merchants"),
    "exchanged_in": ("换入", "Exchanged in"),
    "exchanged_out": ("换出", "Exchanged out"),
    "expired": ("到期", "Expired"),
    "voided": ("离网作废", "Voided on leaving"),
    "forfeited": ("违规没收", "Forfeited"),
    "reinstated": ("恢复", "Reinstated"),
    "adjusted": ("调整", "Adjusted"),
}


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    found = months(session, scope=scope, periods=months_until(scope.period, _MONTHS))
    total = found.pop("*")
    return {
        "units": [
            {
                "unit": unit,
                "opening": each[-1].opening,
                **each[-1].flows,
                "closing": each[-1].closing,
            }
            for unit, each in found.items()
        ],
        "months": [
            {
                "month": month.period,
                "issued": month.flows["issued"],
                "redeemed": month.redeemed,
                "closing": month.closing,
            }
            for month in total
        ],
    }


def _flow(name: str) -> Column:
    return Column(
        name, _WORDS[name], "points", adds=True, source=Source("moves", {"flow": name})
    )


ROLL_FORWARD: Final = Definition(
    number="R1",
    name="roll-forward",
    title=("积分负债变动表", "Roll-forward of the liability"),
    formula_zh=(
        "期末 ＝ 期初 ＋ 发放 ＋ 购买 − 扣回 − 兑换（按去向）＋ 换入 − 换出 − 到期 − "
        "离网作废 − 违规没收 ＋ 恢复 ± 调整；期初、期末为可用 ＋ 预留 − 欠积分，期初"
        "含当月接收的原有积分。"
    ),
    formula_en=(
        "Closing = opening + issued + bought - clawed back - redeemed (by where it"
        " went) + exchanged in - exchanged out - expired - voided - forfeited +"
        " reinstated ± adjusted. Opening and closing count available + held - owed;"
        " what was taken over in the month counts as opening."
    ),
    shapes=(
        Shape(
            name="units",
            words=("积分", "In points"),
            columns=(
                Column("unit", ("单位", "Unit"), terms="unit"),
                Column(
                    "opening",
                    ("期初", "Opening"),
                    "points",
                    adds=True,
                    source=Source("moves", {"flow": "opening"}),
                ),
                *(_flow(name) for name in FLOWS),
                Column(
                    "closing",
                    ("期末", "Closing"),
                    "points",
                    adds=True,
                    sums=(
                        "+opening",
                        *(
                            f"{'+' if sign > 0 else '-'}{n}"
                            for n, sign in FLOWS.items()
                        ),
                    ),
                    source=Source("moves", {"flow": "closing"}),
                ),
            ),
            keys=("unit",),
            is_turned=True,
        ),
        Shape(
            name="months",
            words=("最近十二个月", "The last twelve months"),
            columns=(
                Column("month", ("月份", "Month"), "month"),
                *(
                    Column(
                        name, words, "points", source=Source("moves", {"flow": name})
                    )
                    for name, words in (
                        ("issued", ("发放", "Issued")),
                        ("redeemed", ("兑换", "Redeemed")),
                        ("closing", ("期末", "Closing")),
                    )
                ),
            ),
        ),
    ),
    rows=_rows,
    facts=(MOVES,),
    filters=OF_MEMBERS,
    charts=(
        Chart(
            words=("期末未用积分", "Points open at the end of each month"),
            table="months",
            label="month",
            series=("closing",),
            drawn="line",
        ),
    ),
)

assert set(_WORDS) == set(FLOWS) >= set(REDEEMED)

"""R5: what a redeemed point costs, and what it is worth to its member."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.reports.scope import Scope, belongs, chosen
from loyalty.reports.shape import (
    OF_MEMBERS,
    Chart,
    Column,
    Definition,
    Facts,
    Filter,
    Kind,
    Rows,
    Shape,
    Source,
    Words,
)

# What was redeemed with points and what came back of it, at that day's settlement
# price. Tills have no item and so no market price of it: there a point buys for cash.
_REDEEMED: Final = f"""
    SELECT r.*, m.member_ref, coalesce(i.family, 'ALLIANCE') AS family,
           coalesce(i.market_fen * r.quantity, 0) AS market_fen
      FROM (
        SELECT member_id, redemption_ref, item_code, partner, cost_treatment, channel,
               effective_on, occurred_at, quantity, points, settlement_fen
          FROM redemption
         WHERE points > 0 AND effective_on BETWEEN :first_day AND :last_day
        UNION ALL
        SELECT r.member_id, r.redemption_ref, r.item_code, r.partner, r.cost_treatment,
               r.channel, b.effective_on, b.occurred_at, -b.quantity, -b.points,
               -b.settlement_fen
          FROM redemption_return b JOIN redemption r USING (member_id, redemption_ref)
         WHERE r.points > 0 AND b.effective_on BETWEEN :first_day AND :last_day) r
      LEFT JOIN catalogue_item i USING (item_code)
      LEFT JOIN member m USING (member_id)
     WHERE {belongs("r.member_id")} AND {chosen("partner", "r.partner")}
       AND {chosen("family", "coalesce(i.family, 'ALLIANCE')")}
"""

REDEMPTIONS: Final = Facts(
    name="redemptions",
    words=("兑换与退回", "Redemptions and returns"),
    relation=_REDEEMED,
    columns=(
        Column("effective_on", ("记账日", "Day"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("redemption_ref", ("单号", "Number"), "code"),
        Column("item_code", ("商品", "Item"), "code"),
        Column("partner", ("伙伴", "Partner"), terms="partner"),
        Column("channel", ("渠道", "Channel"), terms="channel"),
        Column("quantity", ("数量", "Quantity"), "number", adds=True),
        Column("points", ("积分", "Points"), "points", adds=True),
        Column("settlement_fen", ("结算成本", "Settlement"), "fen", adds=True),
        Column("market_fen", ("市场价", "Market value"), "fen", adds=True),
        Column("occurred_at", ("发生时间", "Happened at"), "moment"),
    ),
    keys=("family", "item_code"),
    measure="points",
    order="f.effective_on DESC, f.occurred_at DESC, f.redemption_ref",
)

_SUMS: Final = text(
    f"""
    SELECT family, item_code, min(partner) AS partner, sum(quantity) AS quantity,
           sum(points) AS points, sum(settlement_fen) AS settlement_fen,
           sum(market_fen) AS market_fen
      FROM ({_REDEEMED}) r GROUP BY family, item_code ORDER BY family, item_code
    """
)
_MEASURED: Final[tuple[tuple[str, Words, Kind], ...]] = (
    ("quantity", ("数量", "Quantity"), "number"),
    ("points", ("兑换积分", "Points"), "points"),
    ("settlement_fen", ("结算成本", "Settlement"), "fen"),
    ("market_fen", ("市场价值", "Market value"), "fen"),
)
_MEASURES: Final = tuple(name for name, _, _ in _MEASURED)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    items = [
        dict(row) | {name: int(row[name]) for name in _MEASURES}
        for row in session.execute(_SUMS, scope.binds).mappings()
    ]
    families = sorted({str(item["family"]) for item in items})
    return {
        "families": [
            {
                "family": family,
                **{
                    name: sum(
                        int(item[name]) for item in items if item["family"] == family
                    )
                    for name in _MEASURES
                },
            }
            for family in families
        ],
        "items": items,
    }


def _figures() -> tuple[Column, ...]:
    return (
        *(
            Column(
                name,
                words,
                kind,
                adds=True,
                source=Source("redemptions", measure=name),
                goes_on=name == "market_fen",  # of the catalogue as it is now
            )
            for name, words, kind in _MEASURED
        ),
        Column(
            "cost_per_point",
            ("每分成本", "Cost per point"),
            "price",
            ratio=("settlement_fen", "points"),
        ),
        Column(
            "burn_value",
            ("每分价值", "Burn value per point"),
            "price",
            ratio=("market_fen", "points"),
            goes_on=True,
        ),
        Column(
            "leverage",
            ("放大倍数", "Leverage"),
            "times",
            ratio=("market_fen", "settlement_fen"),
            goes_on=True,
        ),
    )


COST_PER_POINT: Final = Definition(
    number="R5",
    name="cost-per-point",
    title=("每分成本", "Cost per point"),
    formula_zh=(
        "每分成本 ＝ 结算成本之和 ÷ 兑换积分之和；每分价值 ＝ 市场价之和 ÷ 兑换积分之"
        "和；放大倍数 ＝ 市场价 ÷ 结算价。结算成本按兑换当日价，市场价按现行目录；退"
        "回冲减当月；只用现金的订单不计；商户刷积分没有商品市场价，记为零。"
    ),
    formula_en=(
        "Cost per point = settlement cost ÷ points redeemed; burn value = market"
        " price ÷ points redeemed; leverage = market price ÷ settlement price."
        " Settlement is at the price of its day, the market price is today's"
        " catalogue's; returns lower the month they come in; orders for cash alone do"
        " not count; what tills sell has no market price here, and counts none."
    ),
    shapes=(
        Shape(
            name="families",
            words=("按产品族", "By family"),
            columns=(
                Column("family", ("产品族", "Family"), terms="family"),
                *_figures(),
            ),
            keys=("family",),
        ),
        Shape(
            name="items",
            words=("按商品", "By item"),
            columns=(
                Column("item_code", ("商品", "Item"), "code"),
                Column("family", ("产品族", "Family"), terms="family"),
                Column("partner", ("伙伴", "Partner"), terms="partner"),
                *_figures(),
            ),
            keys=("item_code",),
        ),
    ),
    rows=_rows,
    facts=(REDEMPTIONS,),
    filters=(*OF_MEMBERS, Filter.PARTNER, Filter.FAMILY),
    charts=(
        Chart(
            words=("每分成本，按产品族", "Cost per point by family"),
            table="families",
            label="family",
            series=("cost_per_point",),
            drawn="bars",
        ),
    ),
)

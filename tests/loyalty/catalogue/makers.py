"""Items as somebody would write them."""

from dataclasses import replace
from datetime import date
from typing import Any

from loyalty.catalogue.rules import ItemFacts

BEGINS = date(2007, 12, 10)
INSURANCE = ItemFacts(
    title_zh="平安如意行",
    title_en="Ruyi Xing",
    description_zh="一年期交通意外保障。",
    description_en="Traffic accident cover for a year.",
    script_zh="您的积分可以换一份保险。",
    script_en="Your points can buy a year of cover.",
    emblem="umbrella",
    family="NON_TELECOM",
    kind="PRODUCT",
    cost_treatment="POINTS_ACCRUAL",
    fulfilment="INSURANCE",
    points=2500,
    cash_fen=10_000,
    mix_points=1250,
    mix_cash_fen=2_000,
    market_fen=16_000,
    settlement_fen=2_000,
    partner="PINGAN",
    channels=("hall", "web"),
    segment="mid_high",
    entry_rule_zh="18 至 65 周岁",
    entry_rule_en="Aged 18 to 65",
    min_spend_fen=0,
    valid_from=BEGINS,
    valid_until=date(2008, 12, 31),
    term_months=12,
    cover_class="ACCIDENT",
    tier_prices={"GOLD": 2000},
)


def but(facts: ItemFacts, **told: Any) -> ItemFacts:
    """Say something else about an item."""
    return replace(facts, **told)

"""Refusals of whoever buys points for cash."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "purchases_not_offered": (
        "目前不能购买积分。缴清话费、刷联名卡都会累积积分。",
        (
            "Points cannot be bought at present. Paid bills and the co-brand card bring"
            " them too."
        ),
    ),
    "unknown_purchase": ("没有这笔购买。", "There is no such purchase."),
    "purchase_ref_reused": (
        "这一页已经买过一次了，请重新打开再买。",
        "This page has bought once already. Please open it again to buy more.",
    ),
    "points_not_sold": (
        "请买 {points_min} 积分或更多，按每 {step} 积分购买。",
        "Please buy {points_min} points or more, in steps of {step}.",
    ),
    "purchase_price_moved": (
        "{points} 积分现在是 {price_fen}，请再看一遍。",
        "{points} points are {price_fen} now. Please look again.",
    ),
    "purchase_limit": (
        (
            "超出了可购买的额度：还可以买 {left_fen}。每人每天最多 {day_fen}，"
            "每年最多 {year_fen}。"
        ),
        (
            "This is more than one may buy: {left_fen} is left. A person may buy for"
            " {day_fen} a day and {year_fen} a year."
        ),
    ),
    "purchase_too_early": (
        "入会满一个月后才能购买积分：{from_day}起可以买。",
        "New members cannot buy points yet: you can from {from_day}.",
    ),
    "may_not_buy": (
        "积分目前不能使用，所以也不能购买。恢复使用后再来。",
        (
            "Your points cannot be spent at present, so none can be bought. Please come"
            " back once they can."
        ),
    ),
    "purchase_return_late": (
        "可以退的日子到 {until}为止，已经过了。积分仍可使用。",
        "Points could be given back until {until}. They are still yours to use.",
    ),
    "purchase_spent": (
        "这笔积分已经用完或退过了，没有可退的。",
        "Nothing of this purchase is left that could be given back.",
    ),
}

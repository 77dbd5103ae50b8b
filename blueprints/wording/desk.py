"""Refusals at the counter and where orders are fulfilled.

Channels and tiers are named by the page.
"""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "not_looked_up": (
        "请先查找这位会员。换班或重新登录后也要再查一次。",
        "Please look the member up first, also after signing in again.",
    ),
    "clerk_cap_reached": (
        (
            "今天代办已到上限：每天最多 {orders_max} 笔、{points_max} 积分。"
            "请客户自助办理，或由同事接手。"
        ),
        (
            "You have reached today's limit of {orders_max} redemptions and"
            " {points_max} points for members. A colleague can take over, or the"
            " member can redeem on the web."
        ),
    ),
    "channel_not_allowed": (
        "这一项不在这个渠道办理。",
        "This is not sold in this channel.",
    ),
    "brand_not_allowed": (
        "这一项只提供给其他品牌的用户。",
        "This is for lines of other brands.",
    ),
    "tier_not_allowed": (
        "这一项只提供给其他等级的会员。",
        "This is for members of other tiers.",
    ),
    "limit_reached": (
        "每位会员 {days} 天内最多兑换 {count} 份，已经达到上限。",
        "Each member can have {count} within {days} days, and that is reached.",
    ),
    "review_too_early": (
        "大额兑换要等满一天，{not_before} 之后才能放行。",
        "A redemption of this size waits a day: it can be let go from {not_before}.",
    ),
    "own_order": (
        "自己经办的订单要由另一位主管审核。",
        "You took this order yourself, so another supervisor has to review it.",
    ),
    "note_missing": (
        "请写下回访结果，再作决定。",
        "Please write down what the call brought before you decide.",
    ),
    "unknown_voucher": (
        "没有这张券。请看清后再输一遍。",
        "There is no such voucher. Please look again and retype the code.",
    ),
    "voucher_not_issued": (
        "尾号 {tail} 的券已经用过或作废，不能再用。",
        "The voucher ending in {tail} was used or voided, and cannot be used.",
    ),
    "voucher_expired": (
        "尾号 {tail} 的券已过期，有效期到 {valid_until}。",
        "The voucher ending in {tail} was good until {valid_until}.",
    ),
    "voucher_used": (
        "有券码已经用过，不能整单退回。",
        "A code of it was used, so not all of it can be given back.",
    ),
    "pool_empty": (
        "券码暂时用完了，补充后就能兑换。积分没有扣减。",
        "The codes have run out for now; no points were taken.",
    ),
    "code_too_weak": (
        "第 {line} 个券码太短，容易被猜到，这一批没有导入。请供应商换成更长的码。",
        (
            "Code {line} is too short to be safe from guessing, so none of the batch"
            " was imported. Please ask the supplier for longer ones."
        ),
    ),
}

"""Tiers: refusals, and what their codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_tier": ("没有 {tier} 这个等级。", "There is no tier {tier}."),
    "no_tier_policy": (
        "还没有等级规则。请先运行 jifen init。",
        "Nothing says yet how tiers are reached. Please run jifen init first.",
    ),
    "bad_tier_policy": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "tier_policy_moved_on": (
        "第 {version} 版规则刚刚批准。请按它重新申请。",
        "Version {version} was approved meanwhile. Please ask anew on top of it.",
    ),
    "tier_policy_too_soon": (
        "新规则最早 {earliest} 生效，请改日期。",
        "A policy holds from {earliest} at the earliest; please choose a later day.",
    ),
    "bad_tier_grant": (
        "截止日期 {until} 已经过去，请选今天或以后的日期。",
        "{until} has gone by. Please choose today or a later day.",
    ),
    "tier_appeal_open": (
        "您的复核申请已经在办，办完会告诉您。",
        "Somebody is looking at it already, and will tell you.",
    ),
    "no_open_tier_appeal": (
        "这条复核已经有人答复了。",
        "This was answered already.",
    ),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "tier_measure": {
        "bill_spend": ("话费消费（调整后）", "Spending on adjusted bills"),
        "points_earned": ("获得的积分", "Points earned"),
        "partner_points": ("在伙伴处获得的积分", "Points earned at partners"),
    },
    "tier_period": {
        "calendar": ("自然年度", "Calendar"),
        "anniversary": ("入网周年", "Anniversary of joining"),
        "rolling": ("最近若干个月", "The latest months"),
    },
    "tier_decision": {
        "begun": ("首次评定", "First reviewed"),
        "raised": ("升级", "Raised"),
        "renewed": ("续期", "Renewed"),
        "lowered": ("降级", "Lowered"),
        "restored": ("恢复", "Restored"),
        "ended": ("离网终止", "Ended by leaving"),
        "reinstated": ("复网恢复", "Given back on return"),
    },
    "tier_origin": {
        "member": ("会员申请", "The member asked"),
        "refusal": ("会员拒绝自动决定", "The member refuses automated decisions"),
    },
    "tier_outcome": {
        "stands": ("维持原决定", "The decision stands"),
        "kept": ("保留等级一期", "The tier is kept for a period"),
        "lowered": ("按规则降级", "Lowered, as the rules have it"),
    },
}
FIELDS: Final[dict[str, Words]] = {
    "measure": ("衡量指标", "What is counted"),
    "period": ("计算周期", "Over which period"),
    "months": ("周期月数", "Months of a period"),
    "grace_days": ("宽限天数", "Days of grace"),
    "soft_landing": ("每次最多降一级", "Falls one rung at most"),
    "never_downgrade": ("永不降级", "Never falls"),
    "late_days": ("补录窗口（天）", "Days for late postings"),
    "notice_days": ("提前提醒（天）", "Days of notice"),
    "needed_SILVER": ("银卡所需（分或积分）", "For Silver, in fen or points"),
    "needed_GOLD": ("金卡所需（分或积分）", "For Gold, in fen or points"),
    "needed_DIAMOND": ("钻石卡所需（分或积分）", "For Diamond, in fen or points"),
    "tier": ("等级", "Tier"),
    "tier_until": ("等级截止日期", "Last day of the tier"),
}

"""Estimates: refusals, and what their codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_cohort": (
        "没有 {cohort} 这批积分，请从列表里选。",
        "There are no points called {cohort}. Please choose from the list.",
    ),
    "nothing_estimated": (
        "还没有填任何一批积分的估计，请至少填一行。",
        "No estimate was given yet. Please fill in one line at least.",
    ),
    "impossible_estimate": (
        "{cohort} 的估计应在 {least}（已兑换和占用）和 {most}（发行后未失效）之间。",
        "{cohort} lies between {least}, redeemed or held, and {most}, still there.",
    ),
    "estimate_too_late": (
        "估计最早从 {earliest} 所在的月份起生效，请改月份。",
        "An estimate cannot hold before {earliest}. Please choose a later month.",
    ),
    "bad_estimate_terms": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "estimate_terms_moved_on": (
        "第 {version} 版参数刚刚批准。请按它重新申请。",
        "Version {version} was approved meanwhile. Please ask anew on top of it.",
    ),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "estimate_basis": {
        "suggestion": ("采用历史推算", "What the past suggests"),
        "judgement": ("专业判断", "What is known beyond the past"),
        "correction": ("更正", "Correction"),
    },
    "partner_kind": {
        "bank": ("银行", "Banks"),
        "airline": ("航空公司", "Airlines"),
        "merchant": ("商户", "Merchants"),
        "insurer": ("保险公司", "Insurers"),
        "venue": ("场馆", "Venues"),
        "telecom": ("电信运营商", "Telecom operators"),
        "coalition": ("联盟方", "Coalitions"),
    },
    "estimate_bound": {
        "floor": ("下限", "floor"),
        "cap": ("上限", "cap"),
    },
}
FIELDS: Final[dict[str, Words]] = {
    "effective_in": ("自哪个月起", "From the month"),
    "basis": ("依据", "Basis"),
    "suggested": ("历史推算", "What the past suggests"),
    "redemption_rate": ("预计兑换率", "Expected redemption rate"),
    "point_value_fen": ("每分价值", "Worth of a point"),
    "memo": ("备忘", "Memo"),
}

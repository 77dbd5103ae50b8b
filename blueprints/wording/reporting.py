"""What codes in reports are called, and refusals about reports."""

from typing import Final

from blueprints.wording.words import Words

_STEPS: Final[dict[str, Words]] = {
    "0-1": ("不足 1 个月", "under 1 month"),
    "1-3": ("1–3 个月", "1–3 months"),
    "3-6": ("3–6 个月", "3–6 months"),
    "6-12": ("6–12 个月", "6–12 months"),
    "12-24": ("12–24 个月", "12–24 months"),
    "24-36": ("24–36 个月", "24–36 months"),
    "36+": ("36 个月以上", "36 months or more"),
    "owed": ("欠积分", "Owed"),
}

TERMS: Final[dict[str, dict[str, Words]]] = {
    "age_to_expiry": {
        "overdue": ("已过期未处理", "Overdue"),
        "none": ("永久有效", "Never expires"),
        **_STEPS,
    },
    "age_since": _STEPS,
    "campaign": {"any": ("任何商品或俱乐部", "Any item or club")},
    "side": {
        "participants": ("参与者", "Participants"),
        "control": ("对照组", "Control"),
    },
    "report_key": {
        "unit": ("单位", "Unit"),
        "flow": ("项目", "Flow"),
        "to_expiry": ("距到期", "To expiry"),
        "since": ("累积至今", "Since earning"),
        "family": ("产品族", "Family"),
        "campaign": ("活动", "Campaign"),
        "side": ("哪一组", "Which side"),
        "item_code": ("商品", "Item"),
        "partner": ("伙伴", "Partner"),
    },
    "flow": {
        "opening": ("期初", "Opening"),
        "issued": ("发放", "Issued"),
        "clawed_back": ("扣回", "Clawed back"),
        "telecom": ("兑换：电信", "Redeemed: telecom"),
        "product": ("兑换：商品", "Redeemed: products"),
        "service": ("兑换：服务与活动", "Redeemed: services"),
        "merchant": ("兑换：商户", "Redeemed: merchants"),
        "redeemed": ("兑换", "Redeemed"),
        "available": ("可用", "Available"),
        "exchanged_in": ("换入", "Exchanged in"),
        "exchanged_out": ("换出", "Exchanged out"),
        "expired": ("到期", "Expired"),
        "voided": ("离网作废", "Voided on leaving"),
        "forfeited": ("违规没收", "Forfeited"),
        "reinstated": ("恢复", "Reinstated"),
        "adjusted": ("调整", "Adjusted"),
        "closing": ("期末", "Closing"),
    },
    "entry_kind": {
        "opening": ("接收", "Taken over"),
        "bill_accrual": ("账单积分", "Bill"),
        "bill_release": ("账单缴清", "Bill paid"),
        "bill_revival": ("账单恢复", "Bill revived"),
        "bill_bounce": ("付款退回", "Payment bounced"),
        "bill_cancel": ("欠费取消", "Bill canceled"),
        "bill_adjustment": ("账单调整", "Bill adjusted"),
        "activity_accrual": ("伙伴积分", "Partner activity"),
        "activity_refund": ("伙伴退款", "Activity refunded"),
        "redemption": ("兑换", "Redemption"),
        "redemption_reversal": ("兑换退回", "Redemption returned"),
        "hold": ("预留", "Hold"),
        "capture": ("预留兑换", "Capture"),
        "release": ("预留退回", "Release"),
        "exchange_out": ("换出", "Exchange out"),
        "exchange_out_reversal": ("换出撤销", "Exchange out undone"),
        "exchange_in": ("换入", "Exchange in"),
        "exchange_in_reversal": ("换入撤销", "Exchange in undone"),
        "expiry": ("到期", "Expiry"),
        "churn_void": ("离网作废", "Voided on leaving"),
        "reinstatement": ("恢复", "Reinstatement"),
    },
}

REFUSALS: Final[dict[str, Words]] = {
    "unknown_report": ("没有这份报表。", "There is no such report."),
    "unknown_facts": (
        "这份报表没有这样的明细。",
        "This report has no such facts behind it.",
    ),
    "month_unreadable": (
        "“{period}”不是月份，请写成 2007-10 这样。",
        "“{period}” is not a month; write it like 2007-10.",
    ),
}

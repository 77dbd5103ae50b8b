"""The money journal: refusals, events, and what is asked for about its rules."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "no_posting_rules": (
        "还没有记账规则，请先运行 jifen init。",
        "There are no posting rules yet. Please run jifen init first.",
    ),
    "no_rule_for": (
        "记账规则没有说“{event}”怎么记，请补上一条。",
        "The posting rules do not say how to post {event}. Please add one.",
    ),
    "bad_posting_rules": (
        "有几条不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "posting_rules_too_late": (
        "记账规则最早从 {earliest} 所在的月份起生效，请改月份。",
        "Posting rules cannot hold before {earliest}. Please choose a later month.",
    ),
    "posting_rules_moved_on": (
        "第 {version} 版规则刚刚批准。请按它重新申请。",
        "Version {version} was approved meanwhile. Please ask anew on top of it.",
    ),
    "unknown_money_account": (
        "科目表里没有 {account}，请从列表里选。",
        "The chart has no account {account}. Please choose from the list.",
    ),
    "journal_kept": (
        "{period} 的分录已经留存，不能再记一次。",
        "The journal of {period} is kept already.",
    ),
    "journal_moved_on": (
        "别的月份刚刚关账。请重新推导。",
        "Another month was closed meanwhile. Please derive it anew.",
    ),
    "journal_not_kept": (
        "{period} 还没有关账，关账以后才能导出。",
        "{period} is not closed yet; it can be exported once it is.",
    ),
    "journal_not_the_newest": (
        "{newest} 已经关账，请先重开它。",
        "{newest} is closed as well. Please reopen that one first.",
    ),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "money_view": {
        "C": ("成本预提", "Accrual of cost"),
        "D": ("收入递延", "Deferral"),
    },
    "money_event": {
        "opening": ("接管积分", "Points taken over"),
        "bill_earned": ("账单积分", "Earned on bills"),
        "bill_adjusted": ("账单调减", "Credit notes"),
        "bill_canceled": ("未付取消和恢复", "Canceled as unpaid, or revived"),
        "partner_earned": ("伙伴活动积分", "Earned at partners"),
        "exchanged_in": ("换入", "Exchanged in"),
        "exchanged_out": ("换出", "Exchanged out"),
        "exchange_undone": ("换出撤销", "Exchanges undone"),
        "purchased": ("现金购买积分", "Points bought"),
        "granted": ("补偿积分", "Goodwill points"),
        "recredited": ("被盗补回", "Made good after fraud"),
        "corrected": ("更正", "Corrections"),
        "redeemed": ("兑换", "Redeemed"),
        "returned": ("兑换退回", "Given back"),
        "voucher_used": ("电子券已用", "Own products had"),
        "voucher_lapsed": ("电子券过期", "Vouchers lapsed"),
        "cash_order": ("现金订单", "Orders for cash"),
        "expired": ("积分过期", "Expired"),
        "voided": ("离网作废和恢复", "Voided by leaving, or reinstated"),
        "forfeited": ("没收", "Forfeited"),
        "owed": ("欠分和补扣", "Owed and paid off"),
        "true_up": ("估计调整", "True-up to estimates"),
        "breakage": ("不再兑换", "Breakage"),
        "club_cost": ("俱乐部成本", "Club costs"),
        "cash_in": ("会员付款", "Paid by members"),
        "cash_back": ("退款", "Refunded"),
        "provider_fee": ("支付手续费", "Fees on card payments"),
        "charged_back": ("拒付和调账", "Charged back"),
        "payout": ("支付平台到账", "Paid out to our bank"),
        "block_sold": ("预售积分", "Points sold in advance"),
        "block_bought": ("预购合作方积分", "Partners' points bought in advance"),
        "partner_purchase": ("伙伴采购", "Partners' purchases"),
        "partner_fee": ("伙伴费用", "Partners' fees"),
        "partner_adjusted": ("结算调整", "Adjusted with partners"),
        "suspended": ("挂账待查", "Into and out of suspense"),
        "unexplained_in": ("不明来款", "Money nobody can explain yet"),
        "dispute_granted": ("异议认账", "Disputes granted"),
        "netted": ("轧差", "Netted"),
        "paid_in": ("伙伴付来", "Paid by partners"),
        "paid_out": ("付给伙伴", "Paid to partners"),
        "written_off_in": ("核销应收", "Receivables written off"),
        "written_off_out": ("核销应付", "Payables written off"),
    },
    "switch": {
        "release_on_own_redemption": (
            "兑换自有产品时冲回预提（成本预提）",
            "Accrual of cost: own products release what was accrued",
        ),
        "remote_breakage": (
            "积分消失时才确认不兑换收入（收入递延）",
            "Deferral: breakage when points are gone, not in pattern",
        ),
        "refund_on_void": (
            "离网作废的伙伴积分退给出资方",
            "Partners' points voided by leaving go back to who paid for them",
        ),
    },
    "funding_kind": {
        "operator": ("运营商", "The operator"),
        "partner": ("伙伴", "A partner"),
        "purchased": ("现金购买", "Bought for cash"),
        "goodwill": ("补偿", "Goodwill"),
        "fraud": ("被盗补回", "Made good after fraud"),
        "coalition": ("联盟方", "A coalition"),
    },
}
FIELDS: Final[dict[str, Words]] = {
    "statutory": ("法定口径", "Statutory view"),
    "principals": ("主要责任人", "Principal for"),
    "gl_account": ("总账科目", "Account of the general ledger"),
    "cost_center": ("成本中心", "Cost center"),
    **TERMS["switch"],
    **{
        f"liability.{name}": (f"合同负债科目：{words[0]}", f"Owed for: {words[1]}")
        for name, words in TERMS["funding_kind"].items()
        if name != "coalition"  # which is owed nothing for its points
    },
}

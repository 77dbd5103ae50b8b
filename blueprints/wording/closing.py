"""The month-end: refusals, and what its steps, figures and findings are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "month_blocked": (
        "{period} 还不能关账，先处理这些：{because}。",
        "{period} cannot be closed yet. To be settled first: {because}.",
    ),
    "month_unready": (
        "{period} 还有 {steps} 步没有勾选。",
        "{steps} steps of {period} are not ticked off yet.",
    ),
    "month_signed_off": (
        "{period} 已经签核过了。",
        "{period} was signed off already.",
    ),
    "month_closed_along": (
        "{period} 是随后面的月份一起关账的，没有自己的清单。",
        "{period} was closed along with a later month, and has no checklist.",
    ),
    "checklist_moved_on": (
        "申请之后 {period} 的依据有变化，请核对后重新申请。",
        "What {period} rests on has changed since it was asked. Please look again.",
    ),
    "not_last_closed": (
        "只能重开最后关账的月份，现在是 {last}。",
        "Only the month that was closed last can be opened again: {last}.",
    ),
    "unknown_step": ("没有这一步。", "There is no such step."),
    "step_blocked": (
        "先处理拦住这一步的问题，再勾选。",
        "Please settle what blocks this step before you tick it off.",
    ),
    "step_unexplained": (
        "这一步有异常，请写明说明再勾选。",
        "There are findings: please explain them in a note to tick this off.",
    ),
}
_FIGURES: Final[dict[str, Words]] = {
    "items": ("商品", "Items"),
    "rates": ("汇率表", "Rate cards"),
    "terms": ("条款", "Terms"),
    "estimates": ("估计", "Estimates"),
    "reference_hash": ("基础数据摘要", "Hash of the reference data"),
    "senders": ("来源", "Senders"),
    "files_expected": ("应到文件", "Files expected"),
    "files_received": ("已到文件", "Files received"),
    "lines_rejected": ("被拒的行", "Lines rejected"),
    "opening": ("期初", "Opening"),
    "issued": ("发放", "Issued"),
    "closing": ("期末", "Closing"),
    "pending": ("待生效", "Pending"),
    "held_long_points": ("长期冻结的积分", "Points held for long"),
    "bills": ("账单", "Bills"),
    "eligible_fen": ("计分金额", "Amount that earns"),
    "points_by_rule": ("按规则应得", "Points by the rule"),
    "points_in_ledger": ("账上已得", "Points in the ledger"),
    "breaks_settled": ("本月已处理的差异", "Breaks settled"),
    "sales": ("收银笔数", "Sales at tills"),
    "sales_points": ("收银积分", "Points at tills"),
    "till_days": ("商户日", "Days of merchants"),
    "policies_issued": ("出单", "Policies issued"),
    "policies_canceled": ("犹豫期退保", "Policies canceled"),
    "premium_fen": ("应付保费", "Premiums owed"),
    "vouchers_pool": ("库存券", "Vouchers in stock"),
    "vouchers_reserved": ("预留券", "Vouchers reserved"),
    "vouchers_issued": ("已发券", "Vouchers issued"),
    "vouchers_used": ("已用券", "Vouchers used"),
    "vouchers_void": ("作废券", "Vouchers void"),
    "vouchers_expired": ("过期未用券", "Vouchers past their day"),
    "items_changed": ("商品变更", "Items changed"),
    "items_published": ("新上架商品", "Items put on sale"),
    "rates_approved": ("新批准汇率", "Rates approved"),
    "gone": ("已离网会员", "Members who have left"),
    "came_back": ("本月恢复", "Came back"),
    "available_fen": ("可用成本", "Cost available"),
    "redeemed_fen": ("已用成本", "Cost redeemed"),
    "idle_fen": ("闲置成本", "Idle cost"),
    "utilisation": ("使用率", "Utilisation"),
    "payable_fen": ("应付伙伴", "Owed to partners"),
    "disputes_open": ("未了结异议", "Disputes open"),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "close_step": {
        "reference_frozen": ("冻结基础数据", "Freeze reference data"),
        "files_in": ("文件到齐", "All files are in"),
        "due_work": ("到期作业已跑", "Jobs that were due have run"),
        "units_proof": ("积分账平衡", "The points prove"),
        "billing_tie_out": ("账单核对", "Billing ties out"),
        "partner_match": ("伙伴对账", "Partners match"),
        "till_totals": ("收银总额", "Totals of tills"),
        "insurer_bill": ("保险账单", "The insurer's bill"),
        "vouchers": ("券码结存", "Vouchers roll forward"),
        "flags": ("变更复核", "Review what was changed"),
        "churned_wallets": ("离网清零", "Who left has no points"),
        "accrued_view": ("计提口径", "The accrued view"),
        "statements": ("伙伴对账单", "Statements of partners"),
        "lock": ("锁定期间", "Lock the period"),
        "sign_off": ("签核", "Sign off"),
    },
    # Each follows how many there are.
    "close_finding": {
        "files_unfinished": (
            "个文件只入账了一半，请重新载入",
            "files are half booked; load them again",
        ),
        "files_missing": ("个文件序号缺失", "files are missing in their sequence"),
        "lots_past_their_day": (
            "个批次已过期未处理，请运行 expire-points",
            "lots are past their last day; run expire-points",
        ),
        "bills_long_unpaid": (
            "张账单逾期未付未取消，请运行 cancel-unpaid",
            "bills are long unpaid; run cancel-unpaid",
        ),
        "books_unsound": ("处账不平", "findings in the proof of the books"),
        "held_long": ("笔冻结超过 30 天", "holds are older than 30 days"),
        "bills_differing": (
            "张账单的积分与规则不符",
            "bills earned other points than the rule says",
        ),
        "bills_unearned": (
            "张账单应得积分未入账",
            "bills should have earned and did not",
        ),
        "breaks_open": ("条对账差异未处理", "breaks with partners are open"),
        "till_days_uncompared": (
            "个商户日没有对过",
            "days of merchants were not compared",
        ),
        "insurers_uncompared": (
            "家保险公司的账单没有对过",
            "insurers' bills were not compared",
        ),
        "voucher_gaps": (
            "笔订单的券码数目不符",
            "orders have too few or too many codes",
        ),
        "gone_with_points": (
            "位离网会员仍有积分",
            "members have left and still have points",
        ),
        "disputes_aged": (
            "条异议超过 30 天",
            "disputes are older than 30 days",
        ),
    },
    "close_figure": _FIGURES,
    "entry_kind": {
        "opening": ("接管", "Taken over"),
        "bill_accrual": ("账单得分", "Billed"),
        "bill_release": ("账单付清", "Bill paid"),
        "bill_revival": ("补付恢复", "Bill revived"),
        "bill_bounce": ("退票", "Payment bounced"),
        "bill_cancel": ("逾期取消", "Bill canceled"),
        "bill_adjustment": ("账单调整", "Bill adjusted"),
        "activity_accrual": ("伙伴活动", "Partner activity"),
        "activity_refund": ("伙伴退款", "Partner refund"),
        "redemption": ("兑换", "Redemption"),
        "redemption_reversal": ("兑换退回", "Redemption given back"),
        "hold": ("冻结", "Hold"),
        "capture": ("扣除", "Capture"),
        "release": ("解冻", "Release"),
        "exchange_out": ("换出", "Exchanged out"),
        "exchange_out_reversal": ("换出退回", "Exchange out reversed"),
        "exchange_in": ("换入", "Exchanged in"),
        "exchange_in_reversal": ("换入收回", "Exchange in reversed"),
        "expiry": ("过期", "Expiry"),
        "purchase": ("购买积分", "Points bought"),
        "purchase_return": ("退回购买", "Purchase given back"),
        "churn_void": ("离网作废", "Void on leaving"),
        "reinstatement": ("恢复", "Reinstatement"),
    },
    "close_state": {
        "open": ("待处理", "Open"),
        "ready": ("可勾选", "Ready"),
        "done": ("已完成", "Done"),
        "blocked": ("被拦住", "Blocked"),
    },
}
FIELDS: Final[dict[str, Words]] = {
    "closed_through": ("关账截至", "Closed through"),
    "steps_ticked": ("已勾选步骤", "Steps ticked off"),
    "checklist_hash": ("清单摘要", "Hash of the checklist"),
}

"""What is settled with partners: refusals, and what its codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "day_ahead": ("这一天还没有到。", "This day has not come yet."),
    "unknown_dispute": ("没有这条异议。", "There is no such dispute."),
    "dispute_answered": (
        "这条异议已经答复过了，请刷新后再看。",
        "This dispute has been answered already. Please reload and look again.",
    ),
    "unknown_statement": ("没有这份结算单。", "There is no such statement."),
    "unknown_settlement": ("没有这笔轧差结算。", "There is no such settlement."),
    "unknown_clearance": (
        "这个结算日历里没有包含 {day} 的账期，请先排出账期。",
        "The calendar has no period with {day}. Please lay its periods out first.",
    ),
    "bad_clearance": (
        "账期的日子要依次排列（首日、末日、截止、通知、付款），也不能与已有账期重叠。",
        "The days of a period follow each other, and no two periods overlap.",
    ),
    "nothing_to_state": (
        "{partner} 没有新的可结算项目，都已在结算单上了。",
        "There is nothing new to settle with {partner}: all of it is on a statement.",
    ),
    "earlier_draft": (
        "截至 {last_on} 的结算单还是草稿，请先签发它。",
        "The statement until {last_on} is still a draft. Please issue it first.",
    ),
    "period_stated": (
        "结算单已经出到 {last_on}；之后迟到的项目会进入下一份。",
        "Statements reach {last_on} already; what came late comes onto the next one.",
    ),
    "period_running": (
        "账期到 {last_on} 才结束，之后才能签发。",
        "The period lasts until {last_on}; it can be issued after that.",
    ),
    "statement_moved_on": (
        "结算单的状态已经变了，请刷新后再看。",
        "The statement is in another state now. Please reload and look again.",
    ),
    "statement_changed": (
        "提交以后草稿又有变动，请重新提交。",
        "The draft has changed since it was submitted. Please submit it again.",
    ),
    "disputes_open": (
        "还有 {disputes} 条异议没有答复，答复后才能确认。",
        "{disputes} of its disputes wait for an answer; then it can be agreed.",
    ),
    "dispute_window_over": (
        "异议期已在 {until} 结束。",
        "It could be disputed until {until}.",
    ),
    "nothing_agreed": (
        "{partner} 没有已确认、待轧差的结算单。",
        "No statement of {partner} is agreed and waits to be netted.",
    ),
    "overpaid": (
        "金额超过未结的 {open_fen}，或方向不对。",
        "That is more than the {open_fen} that are open, or the wrong way round.",
    ),
    "payment_known": (
        "银行流水 {bank_ref} 已经登记过，内容不同。",
        "A payment {bank_ref} is written down already, with other content.",
    ),
    "bad_charge": ("请核对填写的内容。", "Please check what was entered."),
    "order_known": (
        "对方订单 {order_ref} 已经登记过了。",
        "The partner's order {order_ref} is written down already.",
    ),
    "no_price_for_points": (
        "{partner} 没有后付单价，费用请以金额收取。",
        "{partner} pays no price for points. Please charge the fee in money.",
    ),
}
ACTIONS: Final[dict[str, Words]] = {
    "settlement.issue": ("签发结算单", "Issue a statement"),
    "settlement.write_off": ("核销未结金额", "Write off what is open"),
    "settlement.fee": ("收取差错费", "Charge a fee"),
    "settlement.purchase": ("伙伴采购", "Sell to a partner"),
    "settlement.adjust": ("结算调整", "Adjust what is owed"),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "statement_kind": {
        "accrued": ("累积", "Earned"),
        "reversed": ("冲正", "Taken back"),
        "redeemed": ("兑换", "Redeemed"),
        "returned": ("退回", "Returned"),
        "exchanged_out": ("换出", "Exchanged out"),
        "exchanged_in": ("换入", "Exchanged in"),
        "exchange_out_reversed": ("换出撤回", "Exchanged out, taken back"),
        "exchange_in_reversed": ("换入撤回", "Exchanged in, taken back"),
        "club_cost": ("俱乐部费用", "Club costs"),
        "fee": ("差错费", "Fee"),
        "purchase": ("采购", "Bought"),
        "given": ("账单送出", "Given on bills"),
        "taken_back": ("账单收回", "Given on bills, taken back"),
        "honored": ("在我方花掉", "Spent with us"),
        "honor_returned": ("花掉后退回", "Spent with us, given back"),
        "adjustment": ("调整", "Adjusted"),
        "dispute": ("异议", "Disputed"),
    },
    "statement_group": {
        "receivable": ("应收", "They owe us"),
        "payable": ("应付", "We owe them"),
        "adjusted": ("调整", "Adjusted"),
        "disputed": ("异议", "Disputed"),
    },
    "fee_cause": {
        "late": ("迟到", "Came late"),
        "erroneous": ("有误", "Came wrong"),
    },
    "calendar": {
        "monthly": ("按月", "By the month"),
        "weekly": ("按周", "By the week"),
        "airline": ("航空清算（一年 48 期）", "Airlines (48 periods a year)"),
    },
    "payment_kind": {
        "paid": ("付款", "Paid"),
        "written_off": ("核销", "Written off"),
    },
    "settled_unit": {"item": ("件", "Items")},
}
FIELDS: Final[dict[str, Words]] = {
    "statement_lines": ("笔数", "Lines"),
    "opening_fen": ("期初未结", "Unpaid before"),
    "receivable_fen": ("应收", "They owe us"),
    "payable_fen": ("应付", "We owe them"),
    "adjusted_fen": ("调整", "Adjusted"),
    "disputed_fen": ("异议", "Disputed"),
    "due_fen": ("净额（正为应收）", "Net due (above zero: they pay)"),
    "granted_fen": ("少收金额", "They owe less"),
    "net_fen": ("轧差净额", "Net"),
    "paid_fen": ("已付", "Paid"),
    "written_off_fen": ("核销金额", "Written off"),
    "fee_cause": ("缘由", "Cause"),
    "fee_points": ("以积分计", "In points"),
    "fee_fen": ("费用", "Fee"),
    "about": ("关于", "About"),
    "happened_on": ("发生日", "Day"),
    "order_number": ("对方订单号", "Their order"),
    "quantity": ("数量", "Quantity"),
    "price_fen": ("单价", "Price"),
    "revenue_fen": ("收入", "Revenue"),
}
STATES: Final[dict[str, tuple[str, str, str]]] = {
    "statement_draft": ("草稿", "Draft", ""),
    "statement_issued": ("已签发", "Issued", "wait"),
    "statement_in_dispute_window": ("异议期", "May be disputed", "wait"),
    "statement_agreed": ("已确认", "Agreed", "warm"),
    "statement_netted": ("已轧差", "Netted", "warm"),
    "statement_paid": ("已付清", "Paid", "done"),
    "statement_closed": ("已结束", "Closed", "done"),
}

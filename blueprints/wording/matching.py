"""What is matched with partners: refusals, and what its codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_payout": ("没有这笔到账。", "There is no such payout."),
    "arrival_ahead": (
        "到账日还没有到，请核对银行流水。",
        "That day has not come yet. Please check the bank's statement.",
    ),
    "nothing_told": (
        "{partner} 还没有发来 {period} 的对账文件，请先装载。",
        "{partner} has told nothing of {period} yet. Please load its file first.",
    ),
    "unknown_break": ("没有这条差异。", "There is no such break."),
    "break_closed": (
        "这条差异已经了结，请刷新后再看。",
        "This break is closed already. Please reload and look again.",
    ),
    "not_a_resolution": (
        "这种差异不能这样处理，请另选一种。",
        "A break of this kind is not settled so. Please choose another way.",
    ),
    "bad_match_terms": (
        "对账规则有误：{faults}，请核对。",
        "The terms of matching make no sense: {faults}. Please check.",
    ),
    "invoice_known": (
        "发票 {invoice_no} 已登记过，不必再登记。",
        "Invoice {invoice_no} has been entered already; nothing is left to do.",
    ),
    "bad_invoice": (
        "各项合计 {lines_fen}，与发票总额 {total_fen} 不符，请核对。",
        "The parts come to {lines_fen}, the total is {total_fen}. Please check.",
    ),
    "bad_invoice_line": (
        "发票第 {line} 行有误：{reason}，请核对。",
        "Line {line} of the invoice is wrong: {reason}. Please check it.",
    ),
    "bookings_changed": (
        "申请之后应入账的金额有变化，请重新申请。",
        "What this would book has changed since it was asked. Please ask again.",
    ),
    "break_found_again": (
        "同一差异已另行列出，请在那里处理。",
        "The same difference is open as another break. Please settle it there.",
    ),
    "not_in_suspense": (
        "{about} 没有挂账余额，请刷新后再看。",
        "Nothing of {about} is in suspense. Please reload and look again.",
    ),
    "bad_receipt": (
        "来款有误：{faults}，请核对。",
        "The receipt makes no sense: {faults}. Please check.",
    ),
    "receipt_known": (
        "来款 {bank_ref} 已登记过，金额或日期不同，请核对。",
        "Receipt {bank_ref} is known with another sum or day. Please check.",
    ),
    "not_mended": (
        "补记没有成功：{reason}。请核对账号、日期和金额。",
        "It was not posted: {reason}. Please check the account, day and amount.",
    ),
}

TERMS: Final[dict[str, dict[str, Words]]] = {
    "compared": {
        "insurer_bill": ("保险月账单", "Insurer's bill"),
        "day_totals": ("商户日总账", "Merchant's day"),
        "till_totals": ("收银日终", "End of day at tills"),
        "stripe": ("银行卡收款", "Card payments"),
        "partner_statement": ("伙伴对账单", "Partner's statement"),
        "partner_invoice": ("伙伴发票", "Partner's invoice"),
    },
    "match_kind": {
        "accrual": ("累积", "Earned"),
        "reversal": ("累积冲正", "Earning taken back"),
        "redemption": ("兑换", "Redeemed"),
        "return": ("兑换退回", "Redemption given back"),
        "exchange_out": ("换出", "Exchanged out"),
        "exchange_out_reversal": ("换出撤回", "Exchange out undone"),
        "exchange_in": ("换入", "Exchanged in"),
        "exchange_in_reversal": ("换入撤回", "Exchange in undone"),
        "total": ("合计", "Total"),
    },
    "match_activity": {
        "card": ("刷卡", "Card"),
        "flight": ("航班", "Flight"),
        "sale": ("消费", "Sale"),
    },
    "date_basis": {
        "occurred": ("发生日", "Day it happened"),
        "posted": ("入账日", "Day it was posted"),
        "effective": ("会计日", "Accounting day"),
    },
    "clearing": {
        "credit_partner": ("记入伙伴往来", "To the partner's account"),
        "send_back": ("退回", "Send it back"),
        "keep": ("转为收入", "Keep it as income"),
    },
    "booking_cause": {
        "difference": ("差额", "Difference"),
        "loss": ("核销", "Written off"),
        "tolerance": ("容差内尾差", "Within tolerance"),
        "suspense": ("挂账", "Suspense"),
        "received": ("来款", "Received"),
    },
    "resolution": {
        "post_missing": ("补记", "Post what is missing"),
        "reverse_ours": ("冲回我方", "Take ours back"),
        "their_figure": ("以对方为准", "The partner is right"),
        "our_figure": ("以我方为准", "We are right"),
        "timing": ("跨期，下月自会相符", "Timing: both have it"),
        "refuse_line": ("不认这一笔", "Not paid"),
        "write_off": ("核销差额", "Write the difference off"),
        "suspense": ("先挂账待查", "Into suspense: owed, but whose?"),
        "reopen": ("撤销了结", "Take back how it ended"),
        "ask_partner": ("询问对方", "Ask the partner"),
    },
}

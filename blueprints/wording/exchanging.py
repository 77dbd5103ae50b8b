"""Refusals of an exchange, of binding an account, and of a rate card."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    # Binding an account.
    "account_not_linked": (
        "这个账号不在您名下。请先在“我的账户”里绑定。",
        "This account is not linked to you. Please connect it under My accounts first.",
    ),
    "account_not_bound": (
        "还不知道这个账号的姓名，或已换绑。请在“我的账户”里绑定后再换。",
        (
            "We do not know the name on this account, or another has taken its place."
            " Please connect it under My accounts first."
        ),
    ),
    "account_in_use": (
        "这个账号已被别的会员绑定。如果是您本人的，请到营业厅办理。",
        (
            "Another member has connected this account. If it is yours, please come to"
            " a service hall."
        ),
    ),
    "bad_account_number": (
        "号码对不上，请对照会员卡再填一次。",
        "This is not a number of theirs. Please check it against your card.",
    ),
    "name_differs": (
        "姓名与您登记的不一致。只能绑定本人的账号。",
        "The name differs from yours here. You can only connect your own account.",
    ),
    "account_bound": (
        "更换正在等待生效，这期间不能再换。",
        "A change is waiting to take effect; until then there can be no other.",
    ),
    "link_moved_on": (
        "这个账号已经处理过了，请刷新后再看。",
        "This account has been dealt with already. Please reload and look again.",
    ),
    # Exchanging.
    "no_rate": (
        "今天没有这样的兑换。请换一种，或过几天再来看。",
        "This cannot be exchanged today. Please choose another, or look again later.",
    ),
    "amount_too_small": (
        "太少了：至少 {least} 才能换。",
        "That is too little: it takes at least {least}.",
    ),
    "amount_too_large": (
        "太多了：一次最多换 {most}。",
        "That is too much: {most} at most can go at once.",
    ),
    "bad_quote": (
        "这份报价不完整，请重新算一次。",
        "This quote is incomplete. Please have another one made.",
    ),
    "quote_expired": (
        "报价已过有效时间，请重新算一次。您的积分没有扣减。",
        "The quote no longer holds. Please have another made. No points were taken.",
    ),
    "rate_changed": (
        "兑换比例刚刚有变，请重新算一次。您的积分没有扣减。",
        "The rate has just changed. Please get another quote. No points were taken.",
    ),
    "exchange_cap_reached": (
        "已到上限：最多 {most}，还可以换 {left}。",
        "You have reached a limit of {most}; {left} are left.",
    ),
    "exchanges_reached": (
        "积分每天最多向合作方换出 {most} 次，明天可以继续。",
        "Points can go to partners {most} time a day. You can go on tomorrow.",
    ),
    "has_left": (
        "您已离开网络，不能兑换。恢复使用后可以再来。",
        "You have left the network and cannot exchange now. You can once you are back.",
    ),
    "block_empty": (
        "合作方的额度暂时用完了，请过几天再来。您的积分没有扣减。",
        (
            "The partner's allotment is used up for now. Please come back in a few"
            " days. No points were taken."
        ),
    ),
    "credit_used_up": (
        "合作方的额度暂时用完了，请过几天再来。",
        "The partner's allotment is used up for now. Please come back in a few days.",
    ),
    "unknown_exchange": (
        "您名下没有这笔兑换。请到“兑换记录”里查看。",
        "You have no such exchange. Please look under My exchanges.",
    ),
    "partner_has_time": (
        "对方还有时间答复，到 {until} 为止。可以先再问一次。",
        "They may still answer, until {until}. You can ask them again meanwhile.",
    ),
    "exchange_final": (
        "按汇率表，对方入账后不可撤回。",
        "By its rate card this is final once they have credited it.",
    ),
    "reversal_under_way": (
        "正在请对方收回，等对方答复后再核销。",
        "They are being asked to take it back. Their answer comes first.",
    ),
    "exchange_moved_on": (
        "这笔兑换已经有了进展，不能这样办了。请看最新状态。",
        "The exchange has moved on, so this is no longer possible. Please see below.",
    ),
    # Rate cards.
    "unknown_rate_card": ("没有这份汇率表。", "There is no such rate card."),
    "bad_rate_card": (
        "有几项不合理：{faults}。",
        "Some of it makes no sense: {faults}.",
    ),
    "rate_too_soon": (
        "批准后次日起才能生效：最早 {earliest}。",
        "It can hold from the day after approval at the earliest: {earliest}.",
    ),
    "cycle_gains": (
        "这样换一圈会多出来：{cycle}，1 变成 {gain}（{on}起）。",
        "A round would gain: {cycle} turns 1 into {gain}, from {on} on.",
    ),
    "rate_card_moved_on": (
        "这份汇率表的状态已变，请刷新后再看。",
        "The rate card is in another state by now. Please reload and look again.",
    ),
    # How partners pay for accruals.
    "bad_billing": (
        "有几项不合理：{faults}。",
        "Some of it makes no sense: {faults}.",
    ),
    "billing_too_soon": (
        "批准后次日起才能生效：最早 {earliest}。",
        "It can hold from the day after approval at the earliest: {earliest}.",
    ),
    "billing_known": (
        "这位伙伴从 {valid_from}起的结算方式已经定了，请换一天。",
        "How the partner pays from {valid_from} is settled. Please choose another day.",
    ),
    "bad_coalition": (
        "有几项不合理：{faults}。",
        "Some of it makes no sense: {faults}.",
    ),
    "coalition_too_soon": (
        "批准后次日起才能生效：最早 {earliest}。",
        "It can hold from the day after approval at the earliest: {earliest}.",
    ),
    "coalition_known": (
        "这个联盟方从 {valid_from}起的条件已经定了，请换一天。",
        "Its terms from {valid_from} are settled. Please choose another day.",
    ),
    "brand_given_already": (
        "其中有品牌的账单已经送 {partner} 的积分，请先停掉。",
        "Bills of one of the brands give points of {partner}. Please end that first.",
    ),
}

"""Refusals of an order: what its form asks for, and why it was not done."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    # Ordering: what a field of the form asks for.
    "field_needed": ("请填写这一项。", "Please fill this in."),
    "field_too_long": (
        "写得太长了，请缩短一些。",
        "This is too long. Please shorten it.",
    ),
    "phone_unlikely": (
        "请填写 11 位手机号码，例如 13300000001。",
        "Please give a mobile number of 11 digits, such as 13300000001.",
    ),
    "id_number_unlikely": (
        "证件号码对不上，请核对：身份证是 18 位，最后一位可能是 X。",
        (
            "This is not an ID number as it stands. Please check it: a resident ID has"
            " 18 characters, the last may be X."
        ),
    ),
    "day_unlikely": (
        "请选择今天或以后的一天。",
        "Please choose a day from today on.",
    ),
    "consent_needed": (
        "需要被保险人同意才能投保。请征得同意后勾选。",
        "The insured person has to agree first. Please tick this once they have.",
    ),
    "line_needed": (
        "请选择要存入话费的号码。",
        "Please choose the line that the airtime goes to.",
    ),
    "code_needed": (
        "请填写短信里的 6 位验证码。",
        "Please enter the 6 digits from the message.",
    ),
    "code_wrong": (
        "验证码不对，请核对短信后再填一次。",
        "That is not the code. Please check the message and try again.",
    ),
    # Ordering: why it was not done.
    "unknown_item": (
        "没有这一项，可能已经下架。",
        "There is no such item; it may be gone.",
    ),
    "unknown_order": (
        "您名下没有这笔订单。请到“订单”里查看。",
        "You have no such order. Please look under Orders.",
    ),
    "not_a_member": (
        "您已离开网络，暂时不能兑换。恢复使用后可以再来。",
        "You have left the network and cannot redeem now. You can once you are back.",
    ),
    "bad_order_ref": (
        "页面不完整，请刷新后再试一次。",
        "The page was incomplete. Please reload it and try again.",
    ),
    "order_ref_reused": (
        "这张页面刚才已经下过一单。如果还要再下一单，请核对后再确认一次。",
        (
            "This page has placed an order already. If you want another one, please"
            " check it and confirm again."
        ),
    ),
    "way_not_offered": (
        "这一项现在不能这样付，请换一种付法。",
        "This cannot be paid like that now. Please choose another way.",
    ),
    "not_on_sale": ("这一项现在不供应。", "This is not on offer at the moment."),
    "sold_out": (
        "数量不够了，刚刚被兑完。您的积分没有扣减。",
        "There are not enough left: somebody was faster. No points were taken.",
    ),
    "quantity_out_of_range": (
        "一次最多兑换 {most} 份，请改一下数量。",
        "You can take {most} at most at once. Please change the quantity.",
    ),
    "price_changed": (
        "价格刚刚有变，下面是新的价格。您的积分没有扣减，确认后才会兑换。",
        (
            "The price has just changed; the new one is below. No points were taken,"
            " and none will be before you confirm."
        ),
    ),
    "points_missing": (
        "还差 {missing} 积分：需要 {needed}，您有 {available}。",
        "{missing} points to go: it takes {needed}, and you have {available}.",
    ),
    "spend_locked": (
        "您锁定了积分的使用。到“我的”里解锁后就能兑换。",
        "You have locked your points. Unlock them under Profile to redeem.",
    ),
    "cooling_down": (
        "您的联系方式最近有变动。为了安全，这一项要到 {until} 之后才能兑换。",
        (
            "Your contact details changed lately. To keep you safe, this can be"
            " redeemed from {until} on."
        ),
    ),
    "sign_in_stale": (
        "为了安全，兑换前请再确认一次是您本人。",
        "To keep you safe, please confirm that it is you before redeeming.",
    ),
    "stored_value_reached": (
        (
            "充值券、加油卡这类等同现金的券，每人每天最多 {max_fen}，"
            "今天还能兑换 {left_fen}。明天可以继续。"
        ),
        (
            "Vouchers that are as good as money are limited to {max_fen} a day; you"
            " can still have {left_fen} today, and go on tomorrow."
        ),
    ),
    "velocity_reached": (
        (
            "今天的兑换已到上限：每天最多 {orders_max} 笔、{points_max} 积分。"
            "明天可以继续。"
        ),
        (
            "You have reached today's limit of {orders_max} redemptions and"
            " {points_max} points. You can go on tomorrow."
        ),
    ),
    "recipient_incomplete": (
        "还有几项没有填好，请看下面。",
        "Something is still missing; please see below.",
    ),
    "not_insurable": (
        "保险公司不能为这位被保险人承保这款产品。您的积分没有扣减。",
        "The insurer does not take this person for this cover. No points were taken.",
    ),
    "insured_age": (
        "被保险人的年龄不在承保范围内。可以换一位家人投保，您的积分没有扣减。",
        (
            "The person to be insured is too young or too old for this cover. You can"
            " name somebody else of your family; no points were taken."
        ),
    ),
    "insured_already": (
        "被保险人已有一份同样的保障，每人只能有一份。您的积分没有扣减。",
        (
            "The person to be insured has this cover already, and can have only one."
            " No points were taken."
        ),
    ),
    "insured_id_refused": (
        "保险公司认不出这个证件号码，请核对后再试。",
        "The insurer cannot read this identity number. Please check it and try again.",
    ),
    "insurer_reviews": (
        "保险公司需要人工核保，暂时不能在这里办理。请联系保险公司，您的积分没有扣减。",
        (
            "A person at the insurer has to look at this first, so it cannot be had"
            " here now. Please ask the insurer; no points were taken."
        ),
    ),
    "insurer_silent": (
        "保险公司暂时没有答复，没有下单，积分也没有留住。请过几分钟再试。",
        (
            "The insurer did not answer. Nothing was ordered and no points were held."
            " Please try again in a few minutes."
        ),
    ),
    "no_certificate": (
        "暂时取不到保单凭证，请过几分钟再试。保单本身不受影响。",
        (
            "The certificate cannot be fetched just now. Please try again in a few"
            " minutes; your cover is not affected."
        ),
    ),
    "confirmation_missing": (
        "内容有变动，原来的验证码不再适用。请重新获取。",
        (
            "Something has changed, so the earlier code no longer fits."
            " Please get a new one."
        ),
    ),
    "order_moved_on": (
        "订单已经有了进展，不能这样办了。请看订单的最新状态。",
        "The order has moved on, so this is no longer possible. Please see its state.",
    ),
    "partner_is_asked": (
        "正在等待合作方的答复，答复到了就可以办。请过几分钟再试。",
        "We are waiting for a partner to answer. Please try again in a few minutes.",
    ),
    "not_returnable": (
        "这笔订单不能退。用过的券码、已寄出的物品都不能退。",
        "This cannot be given back: what was used or sent stays yours.",
    ),
    "free_look_over": (
        "犹豫期已过，不能再全额退保。",
        "The days in which it could be cancelled in full are over.",
    ),
    "return_too_large": (
        "只能退 {left} 份，请改一下数量。",
        "Only {left} can be given back. Please change the quantity.",
    ),
}

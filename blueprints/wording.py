"""What codes are called in front of people, in both languages.

Each refusal says what is missing and what can be done. Facts stand in braces and
are written as the page writes them: 1,300; ¥20.00 for names that end in `_fen`;
days and moments as people say them.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import Flask

from blueprints import formatting
from blueprints.language import speak
from loyalty.errors import LoyaltyError

Words = tuple[str, str]  # Chinese, English

# ---- what was refused: error code → sentences --------------------------------------

WORDS: dict[str, Words] = {
    # General: the families, and what the web itself answers.
    "missing": ("没有找到您要的内容。", "We could not find that."),
    "refused": ("按规则这次不能办理。", "The rules do not allow this."),
    "conflict": (
        "与已有的记录不一致，没有办理。请刷新页面后再看。",
        (
            "This differs from what we already have, so nothing was done."
            " Please reload the page and look again."
        ),
    ),
    "unavailable": (
        "暂时办不了。请过几分钟再试。",
        "This cannot be done right now. Please try again in a few minutes.",
    ),
    "database_silent": (
        "系统正在恢复，您的积分没有任何变动。请过几分钟再试。",
        (
            "The system is recovering; your points have not changed."
            " Please try again in a few minutes."
        ),
    ),
    # The ledger.
    "unknown_member": (
        "没有找到这位会员。请核对号码后再试。",
        "We could not find this member. Please check the number and try again.",
    ),
    "reference_reused": (
        "这笔申请已经办过，内容却不同。请回到上一页重新开始。",
        (
            "This request was made before with other contents."
            " Please go back and start again."
        ),
    ),
    "insufficient_points": (
        "积分不够，这次没有扣减。可以先看看现有积分能换什么。",
        (
            "There are too few points, and none were taken."
            " Have a look at what your points can get."
        ),
    ),
    "gate_closed": (
        "积分目前不能使用，多半是话费欠费或号码正在办理离网。缴清话费后即可恢复。",
        (
            "Points cannot be spent at present, most likely because a bill is overdue"
            " or the line is leaving. They can be spent again once the bills are paid."
        ),
    ),
    # Signing in and stepping up.
    "too_many_codes": (
        "验证码要得太频繁，请过 {retry_after} 秒再试。上一条在有效期内仍可使用。",
        (
            "You asked for many codes. Please wait {retry_after} seconds; the last one"
            " is still good while it lasts."
        ),
    ),
    "too_many_attempts": (
        "试错的次数太多，为了您的安全，请过 {retry_after} 秒再试。",
        (
            "Too many tries went wrong. To keep you safe, please wait {retry_after}"
            " seconds."
        ),
    ),
    "code_expired": (
        "验证码已过期，请重新获取一个。",
        "This code has expired. Please ask for a new one.",
    ),
    "code_spent": (
        "这个验证码不能再用了，请重新获取一个。",
        "This code can be used no more. Please ask for a new one.",
    ),
    "password_too_weak": (
        "这个密码太容易被猜到，请换一个。",
        "This password is too easy to guess. Please choose another.",
    ),
    "passkey_refused": (
        "通行密钥没有成功。可以再试一次，或改用别的方式。",
        "The passkey did not work. Try again, or choose another way.",
    ),
    "unknown_passkey": (
        "没有找到这把通行密钥，可能已经删除。",
        "We could not find this passkey; it may have been removed already.",
    ),
    "no_number": (
        "没有可以接收验证码的号码。请带身份证到营业厅办理。",
        (
            "There is no number a code could be sent to. Please come to a service hall"
            " with your identity card."
        ),
    ),
    "not_sent": (
        "验证码这次没有发出去，请过一会儿再试。",
        "The code could not be sent just now. Please try again in a moment.",
    ),
    # Approvals and staff.
    "unknown_approval": (
        "没有找到这个申请。",
        "We could not find this request.",
    ),
    "approval_expired": (
        "这个申请超过 72 小时没有处理，已经过期。可以重新提出。",
        "This request was open for 72 hours and has expired. It can be made again.",
    ),
    "approval_decided": (
        "这个申请已经处理过了，请刷新页面查看结果。",
        "This request has been decided already. Reload the page to see how.",
    ),
    "own_request": (
        "自己提出的申请要由别人审批。",
        "What you asked for yourself is decided by somebody else.",
    ),
    "not_your_request": (
        "只有提出申请的人可以撤回。",
        "Only who asked for this can withdraw it.",
    ),
    "already_requested": (
        "同样的申请正在等待审批，不用再提。",
        "The same is waiting for a decision already.",
    ),
    "unknown_staff": (
        "没有 {login} 这个登录名。",
        "Nobody has the login {login}.",
    ),
    "login_taken": (
        "登录名 {login} 已有人使用，请换一个。",
        "Somebody has the login {login} already. Please choose another.",
    ),
    "unknown_role": (
        "没有 {role} 这个角色。",
        "There is no role {role}.",
    ),
    "own_roles": (
        "不能为自己申请角色，请由别人提出。",
        "Nobody asks for roles of their own. Somebody else has to.",
    ),
    "not_permitted": (
        "{login} 的角色不包含这项权限。",
        "The roles of {login} do not allow this.",
    ),
    "amount_out_of_range": (
        "这个数量太大或太小，请改一下再试。",
        "This amount is too large or too small. Please change it and try again.",
    ),
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
    # The catalogue: what a form or a rule of publication asks for.
    "item_needed": ("上架前必须填写。", "Needed before it can go on sale."),
    "item_kind_not_of_family": (
        "这一类别不属于所选产品族。通信类选增值业务、新国信或终端，其他选产品、服务或活动。",
        (
            "This kind is not of the family. Telecom has value-added and New Guoxin"
            " services and handsets; the others have products, services, activities."
        ),
    ),
    "item_treatment_not_of_kind": (
        "成本列支须随类别：产品走积分预提，服务和活动走俱乐部成本，通信类不冲减收入。",
        (
            "The cost follows the kind: products are accrued, services and activities"
            " are club cost, telecom items have no effect on revenue."
        ),
    ),
    "item_telecom_needs_no_delivery": (
        "通信类充值产品一律电子化，不能配送；请选电子券或充值码。",
        (
            "Airtime is always electronic and never delivered. Please choose an"
            " e-voucher or a top-up code."
        ),
    ),
    "item_booking_of_a_product": (
        "只有服务和活动可以预约。",
        "Only services and activities are booked.",
    ),
    "item_settled_with_nobody": (
        "有结算价就要选结算伙伴。",
        "With a settlement price somebody has to be settled with.",
    ),
    "item_mix_not_whole": (
        "积分加现金要同时填积分和现金。",
        "Points with cash need both the points and the cash.",
    ),
    "item_mix_not_cheaper": (
        "加现金时的积分应少于全积分价。",
        "With cash it has to take fewer points than without.",
    ),
    "item_limit_not_whole": (
        "限兑要同时填份数和天数。",
        "A limit needs both a count and its days.",
    ),
    "item_tier_dearer_than_list": (
        "等级价不能高于积分价。",
        "A tier cannot pay more than the list price.",
    ),
    "item_script_needed": (
        "经营业厅、热线、客户经理或俱乐部办理的商品，必须有必说话术。",
        (
            "What halls, hotline, account managers or clubs sell needs the words that"
            " are said to the customer."
        ),
    ),
    "item_insurance_too_long": (
        "赠送保险的保障期最长 12 个月。",
        "Cover that is given may last 12 months at most.",
    ),
    "item_insurance_too_dear": (
        "赠送保险每人每次的结算价最高 ¥100.00。",
        "Cover that is given may settle at ¥100.00 at most.",
    ),
    "item_insurance_class": (
        "只能赠送意外险或健康险。",
        "Only accident or health cover may be given.",
    ),
    "item_insurer_needed": (
        "请选承保的保险公司。",
        "Please choose the insurer.",
    ),
    "item_ends_before_it_begins": (
        "截止日期早于开始日期。",
        "The last day lies before the first.",
    ),
    "item_other_strength_near": (
        "30 天内已有面向同一客户群、力度不同的商品。请错开日期、统一力度或换目标客户。",
        (
            "The same customers get another strength within 30 days. Please move the"
            " dates, make the strength the same, or choose another segment."
        ),
    ),
    "form_code": (
        "请用 2 至 20 个大写字母、数字或连字符，例如 EV100。",
        "Please use 2 to 20 capitals, digits or hyphens, such as EV100.",
    ),
    "form_needed": ("请填写。", "Please fill this in."),
    "form_too_long": (
        "写得太长了，请缩短一些。",
        "This is too long. Please shorten it.",
    ),
    "form_whole": (
        "请填整数，例如 2,500。",
        "Please give a whole number, such as 2,500.",
    ),
    "form_money": (
        "请填金额，最多两位小数，例如 20.00。",
        "Please give an amount with two decimals at most, such as 20.00.",
    ),
    "form_day": (
        "请填日期，例如 2026-12-31。",
        "Please give a day, such as 2026-12-31.",
    ),
    "form_choice": ("请从列表中选择。", "Please choose from the list."),
    "form_none_chosen": (
        "请至少选一项，或选择“不限”。",
        "Please choose at least one, or no limit.",
    ),
    # The catalogue: why it was not done.
    "item_code_taken": (
        "编码 {item_code} 已被占用，请换一个。",
        "Another item has the code {item_code}. Please choose another.",
    ),
    "not_publishable": (
        "还有几项不符合上架规则，见下面标出的地方。",
        "Some rules of publication are not met yet; they are marked below.",
    ),
    "item_not_in_that_state": (
        "商品的状态已经变了，这一步现在不能做。请看最新状态。",
        (
            "The item is in another state by now, so this cannot be done."
            " Please look at it again."
        ),
    ),
    "item_changed_meanwhile": (
        "申请之后商品又改过，内容与申请不一致。请驳回，由经办人重新申请。",
        (
            "The item was changed after the request and is no longer what it says."
            " Please reject it, so that it can be asked for anew."
        ),
    ),
    "item_change_waiting": (
        "已有一项变更将在 {effective_on} 生效。等它生效后再申请下一项。",
        (
            "Another change takes effect on {effective_on}. Please ask for the next"
            " one after that."
        ),
    ),
    "nothing_changes": (
        "与现在的内容完全一样，没有可以申请的变更。",
        "Nothing differs from how it is, so there is nothing to ask for.",
    ),
    "effective_too_soon": (
        "变更最早次日生效，请选 {earliest} 或以后的日期。",
        "A change takes effect on the next day at the earliest: {earliest} or later.",
    ),
    "stock_missing": (
        "库存不够减，或这件商品不限量。请看最新库存。",
        "Less is left than that, or the item never runs out. Please look again.",
    ),
    "unknown_tier": ("没有 {tier} 这个等级。", "There is no tier {tier}."),
    # The counter and fulfilment; channels and tiers are named by the page.
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

# What the web itself refuses, by status: a heading, and what can be done.
PAGES: Final[dict[int, tuple[Words, Words]]] = {
    400: (
        ("这个请求不完整", "This request was incomplete"),
        (
            "您的积分没有任何变动。请回到上一页再试一次；填过的内容还在那里。",
            (
                "Your points have not changed. Please go back and try again; what you"
                " typed is still there."
            ),
        ),
    ),
    401: (
        ("请先登录", "Please sign in first"),
        (
            "登录后就能继续。您的积分没有任何变动。",
            "You can go on after signing in. Your points have not changed.",
        ),
    ),
    403: (
        ("这里需要先获得许可", "You need permission for this"),
        (
            "您现在的身份不能打开这一页。如果您认为应该可以，请联系给您开通账号的人。",
            (
                "You may not open this page as who you are now. If you think you"
                " should, please ask whoever opened your account."
            ),
        ),
    ),
    404: (
        ("没有找到您要的内容", "We could not find that"),
        (
            "网址可能有误，或内容已经移走。",
            "The address may be mistyped, or the page has moved.",
        ),
    ),
    405: (
        ("这个网址不能这样打开", "This address cannot be opened like that"),
        (
            "它是表单提交的地址。请从页面上的按钮进入。",
            "It is where a form is sent. Please come by way of the button on its page.",
        ),
    ),
    409: (
        ("与已有的记录不一致", "This differs from what we already have"),
        ("您的积分没有任何变动。", "Your points have not changed."),
    ),
    413: (
        ("内容太大", "That was too large"),
        (
            "请减少一些内容或分几次提交。",
            "Please send less at once, or send it in parts.",
        ),
    ),
    422: (
        ("这次没有办成", "This could not be done"),
        ("您的积分没有任何变动。", "Your points have not changed."),
    ),
    429: (
        ("请稍等一会儿", "Please wait a moment"),
        (
            "短时间内试得太多了。为了您的安全，请过几分钟再试。",
            (
                "There were too many tries in a short time. To keep you safe, please"
                " try again in a few minutes."
            ),
        ),
    ),
    500: (
        ("我们这边出了问题", "Something went wrong on our side"),
        (
            (
                "问题已经记录下来，我们会处理。请稍后再试；如果刚才在兑换，"
                "请先到“订单”里看看是否已经办好。"
            ),
            (
                "It has been noted and will be looked at. Please try again in a moment;"
                " if you were redeeming, look under Orders first."
            ),
        ),
    ),
    503: (
        ("暂时无法办理", "This is not possible right now"),
        (
            "您的积分没有任何变动。请过几分钟再试。",
            "Your points have not changed. Please try again in a few minutes.",
        ),
    ),
}

# ---- states: code → words and tone --------------------------------------------------

STATES: dict[str, tuple[str, str, str]] = {  # Chinese, English, tone
    # orders
    "awaiting_review": ("等待审核", "Waiting for review", "wait"),
    "awaiting_payment": ("等待付款", "Waiting for payment", "warm"),
    "accepted": ("已受理", "Accepted", "wait"),
    "in_progress": ("办理中", "In progress", "wait"),
    "fulfilled": ("已完成", "Done", "done"),
    "canceled": ("已取消", "Canceled", ""),
    "failed": ("没有办成", "Failed", "harm"),
    "returned": ("已退回", "Returned", ""),
    # deliveries
    "packing": ("备货中", "Packing", "wait"),
    "shipped": ("已发货", "On its way", "wait"),
    "delivered": ("已送达", "Delivered", "done"),
    "lost": ("丢失", "Lost", "harm"),
    "sent_back": ("已退回寄件人", "Sent back", "warm"),
    # vouchers
    "pool": ("库存", "In stock", ""),
    "issued": ("可使用", "Ready to use", "done"),
    "used": ("已使用", "Used", ""),
    "void": ("已作废", "Void", ""),
    # bookings
    "booked": ("已预约", "Booked", "done"),
    "attended": ("已到场", "Attended", "done"),
    "missed": ("未到场", "Missed", "warm"),
    # prepaid credit
    "asked": ("正在入账", "Being credited", "wait"),
    "credited": ("已入账", "Credited", "done"),
    "refused": ("未能入账", "Not credited", "harm"),
    "taken_back": ("已收回", "Taken back", ""),
    # catalogue
    "draft": ("草稿", "Draft", ""),
    "approved": ("已批准", "Approved", "wait"),
    "published": ("在架", "On sale", "done"),
    "withdrawn": ("已下架", "Withdrawn", ""),
    # approvals
    "open": ("待批", "Waiting for approval", "warm"),
    "rejected": ("已驳回", "Rejected", "harm"),
    "expired": ("已过期", "Expired", ""),
}

# ---- what codes are called: (kind, code) --------------------------------------------

TERMS: dict[str, dict[str, Words]] = {
    "unit": {
        "CUP": ("联通积分", "Operator points"),
        "UNI": ("联盟积分", "Alliance points"),
    },
    # Whoever is not here has one name, which the partners' feed told.
    "partner": {
        "operator": ("话费积分", "Points from bills"),
        "CEB": ("光大银行", "China Everbright Bank"),
        "MU": ("东方航空", "China Eastern Airlines"),
        "PINGAN": ("平安保险", "Ping An Insurance"),
    },
    "network": {"CDMA": ("CDMA 网", "CDMA"), "GSM": ("GSM 网", "GSM")},
    "brand": {
        "worldwind": ("世界风", "Worldwind"),
        "newspacetime": ("新时空", "New Space-Time"),
        "up": ("UP 新势力", "UP"),
        "ruyitong": ("如意通", "Ruyitong"),
    },
    "pay_type": {
        "postpaid": ("后付费", "Postpaid"),
        "quasi_prepaid": ("准预付费", "Quasi-prepaid"),
        "prepaid": ("预付费", "Prepaid"),
    },
    "line_state": {
        "active": ("正常使用", "In use"),
        "suspended": ("停机", "Suspended"),
        "pre_cancelled": ("正在办理离网", "Leaving"),
        "ported_out": ("已携号转出", "Ported out"),
        "closed": ("已销号", "Closed"),
        "migrated": ("已换网", "Moved to another network of ours"),
        "transferred": ("已过户", "Transferred"),
        "deceased": ("机主已故", "Owner deceased"),
    },
    "tier": {
        "SILVER": ("银卡", "Silver"),
        "GOLD": ("金卡", "Gold"),
        "DIAMOND": ("钻石卡", "Diamond"),
    },
    "group": {
        "earned": ("获得", "Earned"),
        "spent": ("使用", "Spent"),
        "returned": ("退回", "Given back"),
        "expired": ("到期", "Expired"),
        "taken_back": ("扣回", "Taken back"),
        "pending": ("待生效", "Pending"),
    },
    "way": {
        "points": ("全用积分", "Points only"),
        "points_cash": ("积分加现金", "Points and cash"),
        "cash": ("现金预存", "Cash prepayment"),
    },
    "family": {
        "TELECOM": ("话费与通信", "Airtime and telecom"),
        "NON_TELECOM": ("保险与生活", "Cover and everyday life"),
        "ALLIANCE": ("联盟伙伴", "Alliance partners"),
    },
    "channel": {
        "web": ("网站", "Website"),
        "hall": ("营业厅", "Service hall"),
        "hotline": ("客服热线", "Hotline"),
        "manager": ("客户经理", "Account manager"),
        "club": ("俱乐部", "Club"),
        "agent": ("代理商", "Agent"),
        "partner": ("合作伙伴", "Partner"),
        "pos": ("商户 POS", "Merchant's till"),
    },
    # The console.
    "service_channel": {
        "CLUB": ("会员俱乐部", "Member club"),
        "RETENTION_WINDOW": ("维系窗口", "Retention window"),
    },
    "order_question": {
        "credit_prepaid": ("存入话费", "Credit airtime"),
        "issue_policy": ("出具保单", "Issue the policy"),
        "look_up_policy": ("查询保单", "Look the policy up"),
        "cancel_policy": ("退保", "Cancel the policy"),
        "take_back_prepaid": ("收回话费", "Take airtime back"),
        "give_up": ("不再询问", "Give up"),
    },
    "outcome": {
        "confirmed": ("已办妥", "Done"),
        "declined": ("被拒绝", "Refused"),
        "pending": ("对方办理中", "They are at it"),
        "absent": ("对方没有收到", "They never had it"),
        "unknown": ("没有答复", "No answer"),
    },
    "role": {
        "clerk": ("营业员", "Clerk"),
        "product": ("商品经理", "Product manager"),
        "finance_maker": ("财务经办", "Finance maker"),
        "finance_checker": ("财务复核", "Finance checker"),
        "supervisor": ("值班主管", "Supervisor"),
        "auditor": ("审计", "Auditor"),
        "admin": ("系统管理员", "Administrator"),
    },
    "action": {
        "catalogue.publish": ("商品上架", "Put an item on sale"),
        "catalogue.change": ("商品变更", "Change an item"),
        "staff.roles": ("角色调整", "Change of roles"),
        "member.erase": ("删除会员资料", "Erase a member"),
    },
    "kind": {
        "PRODUCT": ("产品", "Product"),
        "SERVICE": ("服务", "Service"),
        "ACTIVITY": ("活动", "Activity"),
        "VAS": ("增值业务", "Value-added service"),
        "GUOXIN": ("新国信业务", "New Guoxin service"),
        "TERMINAL": ("终端", "Handset or accessory"),
    },
    "cost_treatment": {
        "NO_REVENUE_EFFECT": ("不冲减收入", "No effect on revenue"),
        "POINTS_ACCRUAL": ("积分预提成本", "Accrued cost of points"),
        "CLUB_COST": ("客户俱乐部成本", "Member-club cost"),
    },
    "fulfilment": {
        "VOUCHER": ("电子券", "E-voucher"),
        "TOP_UP": ("充值码", "Top-up code"),
        "DELIVERY": ("配送", "Delivery"),
        "INSURANCE": ("保险", "Insurance"),
        "BOOKING": ("预约", "Booking"),
    },
    "code_source": {
        "GENERATED": ("系统生成", "Made by us"),
        "POOL": ("导入的券池", "From an imported pool"),
    },
    "segment": {
        "all": ("全体积分客户（常设）", "Everybody (standing range)"),
        "mid_high": ("中高端客户", "Mid and high-end customers"),
        "at_risk": ("预警客户", "Customers at risk of leaving"),
        "worldwind_vip": ("世界风 VIP", "Worldwind VIPs"),
        "partner_customers": ("合作伙伴的客户", "Customers of partners"),
    },
    "cover_class": {
        "ACCIDENT": ("意外险", "Accident"),
        "HEALTH": ("健康险", "Health"),
    },
    "emblem": {
        "umbrella": ("雨伞", "Umbrella"),
        "phone": ("手机", "Telephone"),
        "car": ("汽车", "Car"),
        "racket": ("球拍", "Racket"),
        "plane": ("飞机", "Plane"),
        "gift": ("礼物", "Gift"),
        "ticket": ("票券", "Ticket"),
        "card": ("卡片", "Card"),
        "shield": ("盾牌", "Shield"),
    },
    "item_field": {
        "item_code": ("商品编码", "Item code"),
        "state": ("状态", "State"),
        "title_zh": ("中文名称", "Name in Chinese"),
        "title_en": ("英文名称", "Name in English"),
        "description_zh": ("中文说明", "Description in Chinese"),
        "description_en": ("英文说明", "Description in English"),
        "script_zh": ("中文必说话术", "What to say, in Chinese"),
        "script_en": ("英文必说话术", "What to say, in English"),
        "emblem": ("图标", "Emblem"),
        "owner": ("责任部门", "Owner"),
        "family": ("产品族", "Family"),
        "kind": ("类别", "Kind"),
        "cost_treatment": ("成本列支", "Cost treatment"),
        "fulfilment": ("交付方式", "Fulfilment"),
        "code_source": ("券码来源", "Source of codes"),
        "valid_days": ("券有效天数", "Days a code is good for"),
        "points": ("积分价", "Points"),
        "cash_fen": ("现金预存价", "Cash prepayment"),
        "mix_points": ("积分加现金：积分", "Points with cash: points"),
        "mix_cash_fen": ("积分加现金：现金", "Points with cash: cash"),
        "market_fen": ("市场价", "Market price"),
        "settlement_fen": ("结算价", "Settlement price"),
        "partner": ("结算伙伴", "Settled with"),
        "tier_prices": ("等级价", "Prices by tier"),
        "tier_SILVER": ("银卡价", "Silver price"),
        "tier_GOLD": ("金卡价", "Gold price"),
        "tier_DIAMOND": ("钻石卡价", "Diamond price"),
        "channels": ("渠道", "Channels"),
        "brands": ("品牌", "Brands"),
        "tiers": ("会员等级", "Tiers"),
        "segment": ("目标客户", "Segment"),
        "entry_rule_zh": ("参与条件（中文）", "Who may have it, in Chinese"),
        "entry_rule_en": ("参与条件（英文）", "Who may have it, in English"),
        "min_spend_fen": ("最低月消费", "Minimum monthly spending"),
        "valid_from": ("开始日期", "First day"),
        "valid_until": ("截止日期", "Last day"),
        "limit_count": ("每人限兑份数", "Limit per member"),
        "limit_days": ("限兑周期（天）", "Days of the limit"),
        "free_look_days": ("犹豫期天数", "Free-look days"),
        "term_months": ("保障月数", "Months of cover"),
        "cover_class": ("险种", "Class of cover"),
        "priority": ("排序权重", "Priority"),
        "effective_on": ("生效日期", "Takes effect on"),
        "stock": ("库存", "Stock"),
        "reason": ("理由", "Reason"),
        "roles": ("角色", "Roles"),
        "person": ("个人资料", "Personal data"),
        "books": ("积分账", "Books of points"),
        "asked_at": ("会员申请时间", "Asked by the member"),
    },
}


@dataclass(frozen=True, slots=True)
class Said:
    """A state as it is shown."""

    words: str
    tone: str


def register(app: Flask) -> None:
    """Let every template ask what a code is called."""
    app.jinja_env.globals.update(
        state_words=state_words, term=term, issuer_name=issuer_name
    )


def state_words(state: str) -> Said:
    """Return the words and the tone of a state."""
    chinese, english, tone = STATES.get(state, (state, state, ""))
    return Said(speak(chinese, english), tone)


def term(kind: str, code: str | None) -> str:
    """Return what a code of some kind is called; the code itself if it has no name."""
    if code is None:
        return ""
    return speak(*TERMS.get(kind, {}).get(code, (code, code)))


def issuer_name(issuer: str, name: str | None) -> str:
    """Return what an issuer of points, or a partner, is called on this page."""
    known = term("partner", issuer)
    return known if known != issuer else name or issuer


def page(status: int) -> tuple[str, str]:
    """Return the heading of an error page, and what can be done."""
    family = 500 if status >= 500 else 400  # noqa: PLR2004 - HTTP's own border
    heading, advice = PAGES.get(status, PAGES[family])
    return speak(*heading), speak(*advice)


def say(error: LoyaltyError) -> str:
    """Return the sentence for an error: what is missing, and what can be done."""
    return words_for(error.code, error.facts) or speak(*_family(error))


def words_for(code: str, facts: dict[str, object]) -> str | None:
    """Return the sentence for a code with its facts; None: it has none."""
    words = WORDS.get(code)
    if words is None:
        return None
    try:
        return speak(*words).format(**{k: _as_said(k, v) for k, v in facts.items()})
    except KeyError:  # a fact the sentence wants was not told
        return None


def _family(error: LoyaltyError) -> Words:
    for kind in type(error).__mro__:
        code = kind.__dict__.get("code")
        if code in ("missing", "refused", "conflict", "unavailable"):
            return WORDS[code]
    return WORDS["refused"]


def _as_said(name: str, fact: object) -> object:
    """Return a fact as the page writes it."""
    if isinstance(fact, bool):
        return fact
    if isinstance(fact, int):
        return formatting.yuan(fact) if name.endswith("_fen") else f"{fact:,}"
    if isinstance(fact, datetime):
        return formatting.moment(fact)
    if isinstance(fact, date):
        return formatting.day(fact)
    return fact

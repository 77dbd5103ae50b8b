"""Refusals of the catalogue: what a form or a rule asks for, and why not."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
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
    "item_club_place_of_a_product": (
        "俱乐部会籍属于服务类。",
        "A place in a club is a service.",
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
}

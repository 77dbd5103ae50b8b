"""Leavings: refusals, and what their codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_departure": (
        "没有这条离网记录。请到“离网”列表里查找。",
        "There is no such leaving. Please look for it in the list of leavings.",
    ),
    "churn_step_moved_on": (
        "这一步已经办结，或还没有到要人工处理的时候。请看最新状态。",
        "This has come to its end, or is no alarm. Please look at it as it is now.",
    ),
    "churn_note_missing": (
        "请写明依据：谁在什么时候告知。",
        "Please say how we know: who told us, and when.",
    ),
    "no_churn_terms": (
        "还没有离网规则。请先运行 jifen init。",
        "Nothing says yet what leaving means. Please run jifen init first.",
    ),
    "unknown_churn_terms": (
        "没有第 {version} 版离网规则。",
        "There is no version {version} of the policy of leaving.",
    ),
    "bad_churn_terms": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "churn_terms_moved_on": (
        "第 {version} 版离网规则刚刚批准。请按它重新申请。",
        "Version {version} was approved meanwhile. Please ask anew on top of it.",
    ),
    "churn_terms_too_soon": (
        "离网规则最早 {earliest} 生效，请改日期。",
        "A policy holds from {earliest} at the earliest; please choose a later day.",
    ),
}
REASONS: Final[dict[str, Words]] = {
    "ported_out": ("携号转网", "Ported out"),
    "voluntary": ("主动销号", "Closed by choice"),
    "arrears": ("欠费销号", "Closed for arrears"),
    "lost": ("丢失销号", "Closed as lost"),
    "fraud": ("涉诈关停", "Closed for fraud"),
}
BENEFITS: Final[dict[str, Words]] = {
    "exchanges": ("尚未办完的积分兑换", "Exchanges under way"),
    "orders": ("尚未完成的订单", "Open orders"),
    "vouchers": ("未使用的券", "Unused vouchers"),
    "bookings": ("预约和赛事报名", "Bookings and contests"),
    "clubs": ("俱乐部会籍", "Club memberships"),
    "tier": ("会员等级", "Tier"),
    "points.pending": ("待生效积分", "Pending points"),
    "points.operator": ("联通积分", "Operator points"),
    "points.universal": ("联盟积分", "Alliance points"),
    "points.purchased": ("购买的积分", "Points that were bought"),
    "links": ("伙伴授权", "Consents for partners"),
    "card": ("联名卡的金融功能", "The co-brand card's function"),
}
_FACTS: Final[dict[str, Words]] = {
    "scope": ("何时算离网", "When one has left"),
    "notice_days": ("告知后保留天数", "Days of notice"),
    "grace_days": ("离网后保留天数", "Days of grace"),
    "may_redeem": ("保留期内可以兑换", "May redeem until then"),
    "reinstate_within_days": ("可恢复天数", "Days to come back in"),
    "voids": ("依次终止", "What ends, in order"),
    "comes_back": ("可恢复的", "What comes back"),
}
_OF_ALL: Final[dict[str, Words]] = {
    "starts_on": ("生效日期", "Holds from"),
    "bank_answers_within_days": (
        "银行回执期限（工作日）",
        "Working days the bank has to acknowledge",
    ),
    "freezes": ("冻结积分的停机", "Suspensions that freeze points"),
    "why": ("理由", "Why"),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "churn_reason": {
        **REASONS,
        "internal": ("内部迁移", "Moved inside"),
        "transferred": ("过户", "Handed over"),
        "deceased": ("机主身故", "Deceased"),
    },
    "churn_benefit": {
        **BENEFITS,
        "return.vouchers": ("恢复券", "Vouchers given back"),
        "return.bookings": ("恢复预约和报名", "Bookings given back"),
        "return.clubs": ("恢复俱乐部会籍", "Club memberships given back"),
    },
    "churn_notice": {
        "warning": ("办理销户时的提醒", "Warned when the line was about to close"),
        "leaving": ("离网后的提醒", "Reminded on leaving"),
        "void": ("作废通知", "Told what is void"),
        "return": ("恢复通知", "Told what came back"),
    },
    "churn_notice_how": {
        "sent": ("已发送", "Sent"),
        "unreachable": ("没有可用的号码", "No number to reach them"),
        "overtaken": ("已有新的通知，不再发送", "Not sent: something newer is told"),
    },
    # Why something outlives a leaving.
    "churn_why": {
        "voucher_used": ("券已经使用", "It was used already"),
        "not_returnable": ("货已送达，不再取消", "It was delivered and stays theirs"),
        "free_look_over": ("犹豫期已过，保单继续有效", "The free look is over"),
        "order_moved_on": ("订单已有进展，不能取消", "The order has moved on"),
    },
    "leaving_step": {
        "due": ("正在办理", "Under way"),
        "waiting": ("等待伙伴答复", "Waits for a partner"),
        "alarmed": ("人工跟进中", "A person is looking at it"),
        "done": ("已终止", "Ended"),
        "survived": ("保留", "Stays yours"),
        "dropped": ("在网情况有变，未办理", "Not done: a line came back or left again"),
        "back": ("已恢复", "Given back"),
    },
    "leaving_why": {
        "voucher_used": ("券已经使用", "It was used already"),
        "not_returnable": ("货已送达，归您所有", "It was delivered and stays yours"),
        "free_look_over": (
            "犹豫期已过，保单继续有效",
            "The policy stays in force",
        ),
        "order_moved_on": ("订单已办好，不再取消", "The order was done already"),
    },
    "spared": {
        "another_line": ("名下另有在网号码", "Another line of the person lives"),
        "internal_move": ("在本网内迁移", "Moved inside the network"),
        "deceased": ("机主已故", "The owner has died"),
        "arrears": ("只是欠费停机", "Suspended for arrears only"),
        "came_back": ("同一文件中又恢复在网", "Comes back in the same file"),
        "returns": ("恢复在网，找回积分", "Comes back, and has the points again"),
        "left_before": ("早已离网", "Left before"),
        "no_policy": ("没有适用的规则", "No policy for the reason"),
        "nothing_ends": ("没有号码终止", "No line ends"),
    },
    "cost_class": {
        "bill": ("话费积分", "From bills"),
        "activity": ("伙伴积分", "From partners"),
        "coalition": ("账单送的联盟方积分", "A coalition's, from bills"),
        "opening": ("接管时已有", "Taken over"),
        "exchange": ("互换而来", "Exchanged"),
        "goodwill": ("赠送积分", "Given"),
        "fraud": ("盗用补记", "Stolen and given again"),
        "adjustment": ("人工调整", "Changed by hand"),
    },
    "churn_field": {**_FACTS, **_OF_ALL},
    "churn_scope": {
        "identity": ("本人最后一条线路结束时", "When a person's last line has ended"),
        "line": ("任一线路结束时", "When any one line has ended"),
    },
    "churn_freeze": {
        "suspended:arrears": ("欠费停机", "Suspended for arrears"),
        "suspended:lost": ("挂失停机", "Suspended as lost"),
        "suspended:fraud": ("涉诈停机", "Suspended for fraud"),
        "suspended:voluntary": ("申请停机", "Suspended by choice"),
        "pre_cancelled:": ("预销户", "About to be closed"),
    },
    "churn_fault": {
        "never": (
            "这种情况从不作废权益，不能设规则。",
            "This never ends anything, and can be given no policy.",
        ),
        "unknown_reason": ("没有这种离网原因。", "There is no such reason to leave."),
        "missing_reason": ("缺少这个原因的规则。", "Its policy is missing."),
        "unknown_scope": ("请选择何时算离网。", "Please choose when one has left."),
        "unknown_benefit": ("没有这项权益。", "There is no such benefit."),
        "unknown_freeze": ("没有这种停机。", "There is no such suspension."),
        "twice": ("出现了两次。", "It is there twice."),
        "same_place": (
            "与另一项排在同一步，请改一个。",
            "Another has the same place. Please change one of them.",
        ),
        "no_place": ("没有这个顺序。", "There is no such place."),
        "not_days": (
            "请填合理的天数：整数，不能为负。",
            "Please give days that make sense: a whole number, none below zero.",
        ),
        "no_day": ("请填写日期。", "Please give a day."),
        "no_why": ("请写明理由。", "Please say why."),
        "points_come_back": (
            "积分在期限内一定恢复。",
            "Points always come back with a return in time.",
        ),
        "comes_back_unvoided": (
            "没有终止的不必恢复。",
            "What does not end cannot come back.",
        ),
        "ended_for_good": (
            "终止后不能恢复。",
            "Once ended, it does not come back.",
        ),
    },
}
FIELDS: Final[dict[str, Words]] = {
    **_OF_ALL,
    **{
        f"{reason}.{name}": (f"{of[0]}：{words[0]}", f"{of[1]}: {words[1].lower()}")
        for reason, of in REASONS.items()
        for name, words in _FACTS.items()
    },
}

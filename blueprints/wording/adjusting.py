"""Points changed by hand: refusals, and what their codes are called."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_adjustment": ("没有这条调整记录。", "There is no such adjustment."),
    "unknown_adjustment_reason": (
        "没有这个调整原因，请重新选择。",
        "There is no such reason. Please choose another.",
    ),
    "bad_adjustment": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "bad_evidence": (
        "凭证须是 PDF、图片或纯文本，不超过 2 MB。请换一个文件。",
        (
            "Evidence is a PDF, a picture or plain text, of 2 MB at most. Please take"
            " another file."
        ),
    ),
    "evidence_gone": (
        "会员资料已删除，凭证也一并销毁，只留下指纹。",
        "The member was erased and the evidence with them; only its hash is left.",
    ),
    "adjustment_ref_reused": (
        "这张表单已经提交过别的内容，请重新打开再填。",
        "Something else was sent with this form. Please open it anew.",
    ),
    "own_points": (
        "自己的积分由别的同事经办和审批。",
        "Your own points are looked after by others, who ask and who agree.",
    ),
    "same_person": (
        "第三位审批人不能是申请人或主管本人。",
        "The third person can be neither who asked nor who agreed first.",
    ),
    "adjustment_after_leaving": (
        "会员已离网，积分已作废，不能调整。",
        "The member has left and the points are void, so nothing can be changed.",
    ),
    "agent_cap_reached": (
        "您今天的申请额度是 {points_max} 积分，还剩 {left}。请由同事接手。",
        (
            "You may ask for {points_max} points a day and have {left} left. A"
            " colleague can take over."
        ),
    ),
    "member_cap_reached": (
        "每位会员一天最多调整 {points_max} 积分，今天还剩 {left}。请明天再办。",
        (
            "A member's points are changed by {points_max} a day at most, and {left}"
            " are left today. Please do it tomorrow."
        ),
    ),
    "adjustment_budget_used_up": (
        "本月赠送预算是 {points_max} 积分，还剩 {left}。请财务调整预算。",
        (
            "The month's budget is {points_max} points, of which {left} are left."
            " Finance can ask for another."
        ),
    ),
    "adjustment_points_gone": (
        "要扣 {needed} 积分，会员只有 {available}。这个原因不能记待还，请改数量。",
        (
            "{needed} points are to be taken and the member has {available}; this"
            " reason lets nobody owe. Please ask for fewer."
        ),
    ),
    "adjustment_undone": (
        "这条调整已经撤销，或者本身就是撤销。",
        "This was undone already, or undoes something itself.",
    ),
    "no_adjustment_limits": (
        "还没有调整限额。请先运行 jifen init。",
        "Nothing says yet how much may be changed. Please run jifen init first.",
    ),
    "adjustment_limits_moved_on": (
        "第 {version} 版限额刚刚批准。请按它重新申请。",
        "Version {version} was approved meanwhile. Please ask anew on top of it.",
    ),
    "adjustment_limits_too_soon": (
        "新限额最早 {earliest} 生效，请改日期。",
        "Limits hold from {earliest} at the earliest; please choose a later day.",
    ),
    "grant_file_wrong": (
        "文件与清单不符（{key}），整份没有接收。请让提供方重新出具。",
        (
            "The file is not what its manifest says ({key}), so nothing of it was"
            " taken. Please ask for it anew."
        ),
    ),
    "unknown_grant_file": ("没有这份文件。", "There is no such file."),
    "unknown_own_account": (
        "没有会员 {member_ref}，请核对会员编号。",
        "There is no member {member_ref}; please look the reference up.",
    ),
}
ACTIONS: Final[dict[str, Words]] = {
    "adjustment.ask": ("人工调整积分", "Change points by hand"),
    "adjustment.release": ("大额调整：财务复核", "Change many points: finance agrees"),
    "adjustment.grant": ("批量赠送积分", "Give points to many"),
    "adjustment.limits": ("人工调整限额", "Limits of changes by hand"),
}
FIELDS: Final[dict[str, Words]] = {
    "points_available": ("可用积分", "Points to spend"),
    "points_owed": ("待还积分", "Points owed"),
    "adjust_points": ("调整积分", "Points changed"),
    "adjust_unit": ("积分种类", "Unit"),
    "reason_words": ("原因", "Reason"),
    "evidence": ("凭证指纹（SHA-256）", "Evidence, by SHA-256"),
    "asked_by": ("最初申请人", "First asked by"),
    "undoes": ("撤销的调整", "Undoes"),
    "budget_left": ("本月预算剩余", "Left of the month's budget"),
    "grant_file": ("文件", "File"),
    "grant_lines": ("行数", "Lines"),
    "agent_points_per_day": ("每人每天申请上限", "A person's most in a day"),
    "member_points_per_day": ("每位会员每天上限", "A member's most in a day"),
    "third_above": ("超过此数须财务复核", "Finance agrees above"),
    "budget_points_per_month": ("每月赠送预算", "Goodwill in a month"),
}
TERMS: Final[dict[str, dict[str, Words]]] = {
    "adjust_money": {
        "goodwill": ("赠送费用 6601.03", "Goodwill, 6601.03"),
        "fraud": ("盗用损失 6711", "Loss by fraud, 6711"),
        "partner": ("伙伴承担", "Billed to the partner"),
        "correction": ("无损益", "No result of its own"),
        "forfeit": ("没收", "Forfeited"),
    },
    "adjust_reason": {
        "goodwill": ("善意赠送", "Goodwill"),
        "compensation": ("服务补偿", "Compensation"),
        "correction_up": ("差错更正：补记", "Correction: points missing"),
        "correction_down": ("差错更正：扣回", "Correction: points too many"),
        "fraud_recredit": ("盗用补记", "Stolen points given again"),
        "fraud_forfeit": ("欺诈没收", "Forfeited for fraud"),
        "partner_fault": ("伙伴责任补记", "A partner's fault"),
        "campaign": ("营销批量赠送", "Campaign, for many"),
    },
    "adjust_direction": {"up": ("增加", "Given"), "down": ("扣减", "Taken")},
    "grant_code": {
        "bad_points": ("积分数不可读", "No number of points"),
        "points_out_of_range": ("积分数超出范围", "Points out of range"),
        "no_reference": ("缺编号", "No reference"),
        "unknown_member": ("没有这位会员", "No such member"),
        "already_granted": ("已经赠送过", "Given already"),
        "reference_reused": ("编号已用于别的内容", "Reference used for something else"),
        "reference_twice": ("编号在文件中重复", "Reference twice in the file"),
        "member_twice": ("会员在文件中重复", "Member twice in the file"),
        "has_left": ("已离网", "Has left"),
        "own_points": ("经办人本人", "Of who asks or agrees"),
        "needs_third_person": (
            "超过单笔上限，须单独申请",
            "Too many: ask for it alone",
        ),
        "member_cap_reached": ("当天上限已到", "The member's day is full"),
    },
}

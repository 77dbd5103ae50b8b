"""Refusals around clubs: joining, leaving, and having what belonging brings."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    "unknown_club": (
        "没有这个俱乐部。",
        "There is no such club.",
    ),
    "unknown_membership": (
        "没有找到这份会籍，可能已经结束。",
        "We could not find this membership; it may have ended.",
    ),
    "not_taking_part": (
        "已离网的会员不能加入俱乐部。重新入网后再来。",
        "Members who have left the network cannot join. Please come back with a line.",
    ),
    "membership_ref_reused": (
        "这次申请已经提交过，内容不同。请回到俱乐部页面重新开始。",
        "This was sent before with other content. Please begin again from the club.",
    ),
    "club_way_not_open": (
        "这个俱乐部不能这样加入。请看俱乐部页面上的方式。",
        "This club is not joined like that. Its page says how.",
    ),
    "club_tier_too_low": (
        "您的会员等级还不能免费加入。升级进度可在首页查看。",
        "Your tier does not open this club yet. Your progress is on the home page.",
    ),
    "club_not_invited": (
        "没有有效的邀请。邀请可能已过期，或已经用过。",
        "There is no invitation that is still good: it may be over, or used.",
    ),
    "club_invitation_days": (
        "邀请有效期为 1 至 {days_max} 天。",
        "An invitation is good for 1 to {days_max} days.",
    ),
    "already_club_member": (
        "您已是会员，有效期至 {until}；{renew_from} 起可以续会。",
        "You belong to it until {until}, and can renew from {renew_from}.",
    ),
    "club_place_ordered": (
        "您已下单加入，正在等待付款。请先在订单里完成或取消。",
        "You ordered a place already. Please pay or cancel that order first.",
    ),
    "club_not_allowed": (
        "这一项只提供给相应俱乐部的会员。先加入俱乐部，再来兑换。",
        "This is for members of a club. Join it first, then come back.",
    ),
    "not_a_club_member": (
        "会籍不在有效期内。续会后可以继续使用。",
        "The membership does not hold today. Renew it to go on.",
    ),
    "unknown_benefit": (
        "这个俱乐部没有这项权益。",
        "This club does not offer that.",
    ),
    "benefit_used_up": (
        "这项权益每个会期 {per_term} 次，已经用完。续会后重新计算。",
        (
            "This can be had {per_term} times a term, and all are used. A renewal"
            " begins anew."
        ),
    ),
    "unknown_benefit_code": (
        "没有这个权益码。请看清后再输一遍。",
        "There is no such code. Please look again and retype it.",
    ),
    "benefit_code_spent": (
        "这个码已经用过，或已被新的码代替。请会员重新取码。",
        "This code was used, or a newer one replaces it. Please ask for a new one.",
    ),
    "benefit_code_expired": (
        "这个码已在 {expired_at} 过期。请会员重新取码。",
        "This code expired on {expired_at}. Please ask for a new one.",
    ),
    "unknown_benefit_use": (
        "没有找到这次使用记录。",
        "We could not find this use.",
    ),
    "benefit_use_not_reversible": (
        "撤销记录不能再撤销。",
        "An undoing cannot be undone.",
    ),
    "benefit_reason_missing": (
        "请写明撤销的原因。",
        "Please say why it is undone.",
    ),
}

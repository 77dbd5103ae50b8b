"""Refusals of the programme as a whole, of signing in, and of four eyes."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
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
}

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
    "amount_out_of_range": (
        "这个数量太大或太小，请改一下再试。",
        "This amount is too large or too small. Please change it and try again.",
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
    "way": {
        "points": ("全用积分", "Points only"),
        "points_cash": ("积分加现金", "Points and cash"),
        "cash": ("现金预存", "Cash prepayment"),
    },
    "channel": {
        "web": ("网站", "Website"),
        "hall": ("营业厅", "Service hall"),
        "hotline": ("客服热线", "Hotline"),
        "manager": ("客户经理", "Account manager"),
        "club": ("俱乐部", "Club"),
        "agent": ("代理商", "Agent"),
    },
}


@dataclass(frozen=True, slots=True)
class Said:
    """A state as it is shown."""

    words: str
    tone: str


def register(app: Flask) -> None:
    """Let every template ask what a code is called."""
    app.jinja_env.globals.update(state_words=state_words, term=term)


def state_words(state: str) -> Said:
    """Return the words and the tone of a state."""
    chinese, english, tone = STATES.get(state, (state, state, ""))
    return Said(speak(chinese, english), tone)


def term(kind: str, code: str | None) -> str:
    """Return what a code of some kind is called; the code itself if it has no name."""
    if code is None:
        return ""
    return speak(*TERMS.get(kind, {}).get(code, (code, code)))


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

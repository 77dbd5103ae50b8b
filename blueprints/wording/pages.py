"""What the web itself refuses, by status: a heading, and what can be done."""

from typing import Final

from blueprints.wording.words import Words

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

"""Refusals of sessions at venues, and of tournaments."""

from typing import Final

from blueprints.wording.words import Words

REFUSALS: Final[dict[str, Words]] = {
    # Sessions.
    "unknown_session": (
        "没有这一场活动。请回到活动列表再看看。",
        "There is no such session. Please look at the list again.",
    ),
    "unknown_place": (
        "您在这一场没有预约，也没有候补。",
        "There is no booking for this session, and no wait for one.",
    ),
    "bad_session": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "no_longer_member": (
        "您已离开网络，不能预约。重新入网后可以再来。",
        "You have left the network and cannot book. You can once you are back.",
    ),
    "session_closed": (
        "这一场已经开始、结束或取消了。请看看别的场次。",
        "This session has begun, is over or was called off. Please look at others.",
    ),
    "session_not_begun": (
        "{starts_at} 当天才能登记到场。",
        "Who comes is noted on the day itself: {starts_at}.",
    ),
    "for_the_club": (
        "这一场只对俱乐部成员开放。加入俱乐部后就可以预约。",
        "This session is for members of the club. Join it, and you can book.",
    ),
    "place_not_offered": (
        "这一场目前不对您开放。请看看别的场次。",
        "This session is not offered to you now. Please look at others.",
    ),
    "place_price_changed": (
        "价格刚刚有变，现在是 {points} 积分。您的积分没有扣减，请再确认一次。",
        (
            "The price has just changed to {points} points. None were taken; please"
            " confirm again."
        ),
    ),
    "place_points_missing": (
        "需要 {needed} 积分，还差 {missing}。缴清话费后积分会增加。",
        "It takes {needed} points; {missing} are missing. Paid bills bring more.",
    ),
    "spending_closed": (
        "积分暂时不能使用，多半有话费未缴。缴清后就能预约。",
        (
            "Points cannot be spent just now, most likely for an unpaid bill. Once it"
            " is paid you can book."
        ),
    ),
    "places_locked": (
        "您锁定了积分。请先在“我的”里解锁。",
        "You have locked your points. Please unlock them in your profile first.",
    ),
    "cancel_too_late": (
        "{until} 以后不能再取消，场地已为您留好。实在来不了，请与场馆联系。",
        (
            "It could be canceled until {until}; the place is kept for you now. If you"
            " cannot come, please call the venue."
        ),
    ),
    "place_moved_on": (
        "这个预约的状态已变，请刷新后再看。",
        "The booking is in another state by now. Please reload and look again.",
    ),
    "too_few_places": (
        "已有 {taken} 人预约，名额不能更少。",
        "{taken} have booked already; there cannot be fewer places.",
    ),
    # Tournaments.
    "unknown_contest": (
        "没有这项比赛，或这里没有分站赛。",
        "There is no such tournament, or none in that city.",
    ),
    "bad_contest": (
        "有几项不合理，请看下面。",
        "Some of it makes no sense; please see below.",
    ),
    "entries_closed": (
        "报名已在 {until}截止。可以看看别的比赛。",
        "Entries closed on {until}. Please look at other tournaments.",
    ),
    "not_for_outsiders": (
        "这项比赛只对俱乐部成员开放。加入俱乐部后就可以报名。",
        "This tournament is for members of the club. Join it, and you can enter.",
    ),
    "entered_elsewhere": (
        "您已在{city}报名。要换城市，请先在那里退赛。",
        "You have entered in {city}. To play elsewhere, withdraw there first.",
    ),
    "not_entered": (
        "您没有报名这项比赛，或已经退赛。",
        "You have not entered this tournament, or have withdrawn.",
    ),
    "draw_too_early": (
        "报名截止后才能抽签；总决赛要等各分站赛结束。",
        "The draw waits until entries are closed, a final until its heats are over.",
    ),
    "already_drawn": (
        "已经抽过签了，抽签只有一次。",
        "The draw has been made, and is made only once.",
    ),
    "not_playing": (
        "这一组现在没有比赛：还没抽签，或已经结束。",
        "Nobody plays in this group now: it is not drawn yet, or is over.",
    ),
    "bad_result": (
        "这几场的结果填不进去：{matches}。它们可能已经有结果。",
        "These results do not fit: {matches}. They may have been noted already.",
    ),
}

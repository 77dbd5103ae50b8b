"""States as people see them: code → words and tone."""

from typing import Final

from blueprints.wording import settling

STATES: Final[dict[str, tuple[str, str, str]]] = {  # Chinese, English, tone
    # orders
    "awaiting_review": ("等待审核", "Waiting for review", "wait"),
    "awaiting_payment": ("等待付款", "Waiting for payment", "warm"),
    "accepted": ("已受理", "Accepted", "wait"),
    "in_progress": ("办理中", "In progress", "wait"),
    "fulfilled": ("已完成", "Done", "done"),
    "canceled": ("已取消", "Canceled", ""),
    "failed": ("没有办成", "Failed", "harm"),
    "returned": ("已退回", "Returned", ""),
    # points that are bought
    "purchase_awaiting_payment": ("等待付款", "Waiting for payment", "warm"),
    "purchase_bought": ("已到账", "Bought", "done"),
    "purchase_lapsed": ("未付款", "Not paid", ""),
    "purchase_returned": ("已退回", "Given back", ""),
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
    # memberships of clubs
    "club_waiting": ("待开始", "Begins later", "wait"),
    "club_active": ("有效", "Holds", "done"),
    "club_lapsed": ("已到期", "Ended", ""),
    "club_ended": ("已退出", "Left", ""),
    "club_refunded": ("已退出并退款", "Left, paid back", ""),
    # prepaid credit
    "asked": ("正在入账", "Being credited", "wait"),
    "credited": ("已入账", "Credited", "done"),
    "refused": ("未能入账", "Not credited", "harm"),
    "taken_back": ("已收回", "Taken back", ""),
    # places in sessions, and sessions
    "place_booked": ("已预约", "Booked", "done"),
    "place_waiting": ("候补中", "Waiting", "wait"),
    "place_canceled": ("已取消", "Canceled", ""),
    "place_attended": ("已到场", "Attended", "done"),
    "place_missed": ("未到场", "Missed", "warm"),
    "session_open": ("可预约", "Open", "done"),
    "session_closed": ("已结束", "Over", ""),
    "session_called_off": ("已取消", "Called off", "harm"),
    # tournaments
    "entry_entered": ("已报名", "Entered", "done"),
    "entry_waiting": ("候补中", "Waiting", "wait"),
    "entry_withdrawn": ("已退赛", "Withdrawn", ""),
    "entry_not_reached": ("候补未到", "No place became free", "warm"),
    "group_gathering": ("未抽签", "Not drawn yet", "wait"),
    "group_playing": ("进行中", "Under way", "done"),
    "group_over": ("已结束", "Over", ""),
    "match_open": ("待赛", "To be played", "wait"),
    "match_played": ("已赛", "Played", "done"),
    "match_walkover": ("对手弃权", "Walkover", ""),
    "match_bye": ("轮空", "Bye", ""),
    "match_void": ("双方弃权", "Nobody came", "warm"),
    # catalogue
    "draft": ("草稿", "Draft", ""),
    "approved": ("已批准", "Approved", "wait"),
    "published": ("在架", "On sale", "done"),
    "withdrawn": ("已下架", "Withdrawn", ""),
    # exchanges, rate cards, and accounts that are bound
    "exchange_requested": ("已申请", "Asked for", "wait"),
    "exchange_sent": ("办理中", "In progress", "wait"),
    "exchange_confirmed": ("已完成", "Done", "done"),
    "exchange_declined": ("没有办成", "Not done", ""),
    "exchange_disputed": ("核对中", "Being checked", "warm"),
    # names that partners checked
    "name_valid": ("相符", "Matched", "done"),
    "name_invalid": ("不符", "Did not match", "warm"),
    "name_review": ("待人工核对", "To be compared", "wait"),
    # what partners dispute
    "dispute_open": ("待答复", "Waiting for an answer", "warm"),
    "dispute_answered": ("已答复", "Answered", "done"),
    "dispute_accepted": ("已接受", "Accepted", "done"),
    "dispute_rejected": ("未接受", "Rejected", ""),
    "dispute_settled": ("已结清", "Settled", "done"),
    **settling.STATES,
    "card_draft": ("草稿", "Draft", ""),
    "card_approved": ("已批准", "Approved", "done"),
    "card_withdrawn": ("已停用", "Stopped", ""),
    "account_asked": ("等待对方确认", "Waiting for their answer", "wait"),
    "account_review": ("等待核对姓名", "Name being checked", "wait"),
    "account_waiting": ("等待生效", "Takes effect later", "wait"),
    "account_bound": ("已绑定", "Connected", "done"),
    "account_replaced": ("已更换", "Replaced", ""),
    "account_refused": ("没有通过", "Not accepted", "harm"),
    # approvals
    "open": ("待批", "Waiting for approval", "warm"),
    "rejected": ("已驳回", "Rejected", "harm"),
    "expired": ("已过期", "Expired", ""),
    # leavings, and what they end
    "leaving_kept": ("权益保留中", "Benefits kept for now", "wait"),
    "leaving_open": ("正在终止", "Being ended", "wait"),
    "leaving_alarmed": ("需要处理", "Look here", "harm"),
    "leaving_ended": ("已终止", "Ended", ""),
    "leaving_returned": ("已恢复", "Back in time", "done"),
    "churn_planned": ("将终止", "Will end", "wait"),
    "churn_nothing": ("没有", "None", ""),
    "churn_kept": ("保留", "Kept", "done"),
    "churn_due": ("待办", "To be done", "wait"),
    "churn_waiting": ("等待中", "Waiting", "wait"),
    "churn_alarmed": ("需要处理", "Look here", "harm"),
    "churn_done": ("已办", "Done", "done"),
    "churn_survived": ("不受影响", "Stays", "done"),
    "churn_dropped": ("不再需要", "No longer needed", ""),
    # links with partners
    "consent_rejected": ("没有同意", "Not agreed to", ""),
    "consent_revoked": ("已撤回", "Ended", ""),
    "consent_expired": ("已到期", "Expired", ""),
}

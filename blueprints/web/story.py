"""What happened to an order, and how it stands, in words for its owner.

Sentences are looked up from the most particular to the most general: fulfilment,
state and reason; state and reason; fulfilment and state; state alone. What staff
noted down is for staff and is not told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from blueprints.language import speak
from blueprints.wording.words import Words
from loyalty.orders.showing import EventView, OrderView

EVENTS: Final[dict[str, Words]] = {
    "awaiting_review": ("已提交，等待核对", "Placed, waiting to be checked"),
    "awaiting_payment": ("已提交，等待付款", "Placed, waiting for payment"),
    "accepted": ("已受理", "Accepted"),
    "accepted.paid": ("已付款", "Paid"),
    "INSURANCE.accepted": ("已提交，积分已留住", "Placed, points set aside"),
    "INSURANCE.accepted.paid": ("已付款，等待出单", "Paid, waiting for the policy"),
    "DELIVERY.accepted": ("已兑换，正在备货", "Redeemed, being packed"),
    "DELIVERY.accepted.paid": ("已付款，正在备货", "Paid, being packed"),
    "BOOKING.accepted": ("已预约", "Booked"),
    "BOOKING.accepted.paid": ("已付款，已预约", "Paid and booked"),
    "in_progress": ("办理中", "In progress"),
    "in_progress.shipped": ("已寄出", "Sent"),
    "INSURANCE.in_progress": ("已交给保险公司", "Handed to the insurer"),
    "in_progress.credit_prepaid": ("话费正在入账", "Airtime is being credited"),
    "in_progress.canceled_by_member": ("正在退保", "Being cancelled at the insurer"),
    "in_progress.cancel": ("正在退保", "Being cancelled at the insurer"),
    "fulfilled": ("已完成", "Done"),
    "VOUCHER.fulfilled": ("已兑换，券码已发放", "Redeemed, code issued"),
    "TOP_UP.fulfilled": ("已兑换，充值码已发放", "Redeemed, top-up code issued"),
    "CLUB.fulfilled": ("已加入俱乐部", "Joined the club"),
    "CLUB.fulfilled.paid": ("已付款，已加入俱乐部", "Paid, and joined the club"),
    "fulfilled.policy_issued": ("保单已出具", "Policy issued"),
    "fulfilled.insurer_kept_policy": (
        "保险公司没有同意退保，保障继续",
        "The insurer did not cancel; the cover goes on",
    ),
    "fulfilled.delivered": ("已送达", "Delivered"),
    "fulfilled.attended": ("已到场", "You came"),
    "fulfilled.missed": ("当天未到场", "You did not come"),
    "fulfilled.returned": ("退回了一部分", "Part was given back"),
    "canceled": ("已取消", "Cancelled"),
    "canceled.free_look": ("已退保", "Cover cancelled"),
    "canceled.canceled_by_member": ("您取消了订单", "You cancelled the order"),
    "canceled.payment_expired": (
        "没有按时付款，已自动取消",
        "Not paid in time, cancelled by itself",
    ),
    "canceled.review_lapsed": (
        "七天内没有核对完，已自动取消",
        "Not checked within seven days, cancelled by itself",
    ),
    "failed": ("没有办成", "It could not be done"),
    "failed.lost": ("寄丢了", "Lost on the way"),
    "failed.declined_by_insurer": ("保险公司没有承保", "The insurer declined"),
    "failed.no_policy_in_time": (
        "48 小时内没有拿到保单",
        "No policy came within 48 hours",
    ),
    "failed.not_credited": (
        "话费没能存入号码",
        "The airtime could not be credited",
    ),
    "returned": ("已全部退回", "All of it was given back"),
    "returned.left_club": (
        "退出俱乐部，没开始的月份已退",
        "Left the club; months that had not begun were given back",
    ),
    "returned.sent_back": ("退回给我们了", "It came back to us"),
}

# How the order stands, as the heading of its page.
STANDS: Final[dict[str, Words]] = {
    "awaiting_review": ("等待核对", "Waiting to be checked"),
    "awaiting_payment": ("还差一步：付款", "One step left: payment"),
    "accepted": ("已受理", "Accepted"),
    "INSURANCE.accepted": ("正在出保单", "Your policy is being issued"),
    "INSURANCE.in_progress": ("保险公司正在处理", "The insurer is at it"),
    "DELIVERY.accepted": ("正在备货", "Being packed"),
    "DELIVERY.in_progress": ("在路上了", "On its way"),
    "BOOKING.accepted": ("已为您留好席位", "Your place is kept"),
    "in_progress": ("办理中", "In progress"),
    "fulfilled": ("已完成", "Done"),
    "VOUCHER.fulfilled": ("可以使用了", "Ready to use"),
    "TOP_UP.fulfilled": ("可以充值了", "Ready to top up"),
    "INSURANCE.fulfilled": ("保障已生效", "You are covered"),
    "DELIVERY.fulfilled": ("已送达", "Delivered"),
    "BOOKING.fulfilled": ("活动已结束", "It has taken place"),
    "CLUB.fulfilled": ("欢迎加入", "Welcome to the club"),
    "CLUB.returned": ("已退出俱乐部", "You have left the club"),
    "used": ("已经用掉了", "Used"),
    "lapsed": ("已过有效期", "No longer valid"),
    "canceled": ("已取消", "Cancelled"),
    "INSURANCE.canceled": ("已取消", "Cancelled"),
    "failed": ("没有办成", "It could not be done"),
    "returned": ("已退回", "Given back"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, or is about to, as a timeline shows it."""

    title: str
    at: datetime | None = None  # None: it lies ahead
    words: str = ""
    state: str = ""  # done, now, or "" for what lies ahead


def heading(shown: OrderView, *, usable: int) -> str:
    """Return how an order stands; `usable` counts the codes that still serve."""
    if shown.state == "fulfilled" and shown.vouchers and usable == 0:
        is_used = any(voucher.state == "used" for voucher in shown.vouchers)
        return speak(*STANDS["used" if is_used else "lapsed"])
    return speak(*_found(STANDS, shown.fulfilment, shown.state, None))


def story(shown: OrderView) -> list[Step]:
    """Return what happened to an order in order, and what is waited for."""
    steps = [
        Step(
            title=speak(*_found(EVENTS, shown.fulfilment, event.state, event.reason)),
            at=event.at,
            words=_about(shown, event),
            state="done",
        )
        for event in shown.events
    ]
    ahead = _ahead(shown)
    return steps if ahead is None else [*steps, ahead]


def _found(
    catalogue: dict[str, Words], fulfilment: str, state: str, reason: str | None
) -> Words:
    keys = _keys(fulfilment, state, reason)
    return next(catalogue[key] for key in keys if key in catalogue)


def _keys(fulfilment: str, state: str, reason: str | None) -> Iterator[str]:
    if reason is not None:
        yield f"{fulfilment}.{state}.{reason}"
        yield f"{state}.{reason}"
    yield f"{fulfilment}.{state}"
    yield state


def _about(shown: OrderView, event: EventView) -> str:
    """Return what else to say of an event."""
    parcel = shown.delivery
    if event.reason == "shipped" and parcel is not None and parcel.tracking_no:
        return f"{parcel.carrier} {parcel.tracking_no}"
    return ""


def _ahead(shown: OrderView) -> Step | None:
    """Return what is waited for; None: nothing is."""
    key = f"{shown.fulfilment}.{shown.state}"
    words = {
        "awaiting_review": ("专人核对后放行", "A person checks it and lets it go"),
        "awaiting_payment": ("您付款", "You pay"),
        "INSURANCE.accepted": ("保险公司出具保单", "The insurer issues the policy"),
        "INSURANCE.in_progress": ("保险公司答复", "The insurer answers"),
        "DELIVERY.accepted": ("寄出", "It is sent"),
        "DELIVERY.in_progress": ("送到您手上", "It reaches you"),
        "BOOKING.accepted": ("当天到场", "You come on the day"),
    }
    said = words.get(key) or words.get(shown.state)
    return None if said is None else Step(speak(*said), state="now")

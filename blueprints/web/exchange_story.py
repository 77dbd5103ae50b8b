"""What happened to an exchange, and how it stands, in words for its owner."""

from typing import Final

from blueprints.formatting import moment
from blueprints.language import speak
from blueprints.web.story import Step
from blueprints.wording import issuer_name
from blueprints.wording.words import Words
from loyalty.exchange.queries import EventView, ExchangeView

_EVENTS: Final[dict[str, Words]] = {
    "out.requested": ("已申请，积分已留住", "Asked for, points set aside"),
    "in.requested": ("已申请", "Asked for"),
    "sent": ("已交给{name}", "Handed to {name}"),
    "out.confirmed": ("{name}已入账", "{name} has credited it"),
    "in.confirmed": ("积分已到账", "The points have come"),
    "confirmed.asked_back": ("正在请{name}撤回", "{name} is asked to take it back"),
    "confirmed.kept_by_partner": ("{name}不能撤回", "{name} cannot take it back"),
    "confirmed.written_off": ("已核对完成", "Checked and done"),
    "declined": ("没有办成", "It could not be done"),
    "declined.canceled": ("您取消了", "You called it off"),
    "declined.refused": ("{name}没有接受", "{name} did not accept it"),
    "declined.account_refused": (
        "{name}说姓名和号码对不上",
        "{name} says that name and number do not match",
    ),
    "declined.no_answer_in_time": (
        "{name}没有按时办理",
        "{name} did not do it in time",
    ),
    "declined.refused_after_acceptance": (
        "{name}入账后又退回了",
        "{name} took it back after all",
    ),
    "declined.taken_back_by_partner": ("{name}已收回", "{name} has taken it back"),
    "disputed": ("双方记录不一致，正在核对", "Our records differ; being checked"),
}
_HEADINGS: Final[dict[str, Words]] = {
    "requested": ("已申请", "Asked for"),
    "sent": ("正在等{name}答复", "Waiting for {name}"),
    "confirmed": ("已完成", "Done"),
    "declined": ("没有办成，已退回", "Not done, all is back"),
    "in.declined": ("没有办成", "Not done"),
    "disputed": ("正在核对", "Being checked"),
}


def heading(shown: ExchangeView) -> str:
    """Return how an exchange stands."""
    words = _HEADINGS.get(f"{shown.direction}.{shown.state}") or _HEADINGS[shown.state]
    return _said(shown, words)


def story(shown: ExchangeView) -> list[Step]:
    """Return what happened in order, and what is waited for."""
    steps = [
        Step(
            title=_said(shown, _event(shown, event)),
            at=event.at,
            words=_about(shown, event),
            state="done",
        )
        for event in shown.events
    ]
    ahead = _ahead(shown)
    return steps if ahead is None else [*steps, ahead]


def _event(shown: ExchangeView, event: EventView) -> Words:
    keys = (
        f"{event.state}.{event.reason}",
        f"{shown.direction}.{event.state}",
        event.state,
    )
    return next(_EVENTS[key] for key in keys if key in _EVENTS)


def _about(shown: ExchangeView, event: EventView) -> str:
    if event.reason == "first_time":
        return speak(
            f"第一次换到这个账号，{moment(shown.send_after)}后才办理，"
            "这之前可以随时取消。",
            f"The first exchange to this account begins after"
            f" {moment(shown.send_after)}; until then you can call it off.",
        )
    if event.state == "declined" and shown.direction == "out":
        return speak(
            "积分回到原来的批次，有效期不变。",
            "The points are back in the lots they came from, good as long.",
        )
    return ""


def _ahead(shown: ExchangeView) -> Step | None:
    """Return what is waited for; None: nothing is."""
    words: dict[str, Words] = {
        "requested": ("交给{name}", "It is handed to {name}"),
        "out.sent": ("{name}入账", "{name} credits it"),
        "in.sent": ("{name}扣除后，积分到账", "{name} debits it, and the points come"),
        "disputed": (
            "专人核对，不用您做什么",
            "A person checks it; you need do nothing",
        ),
    }
    said = words.get(f"{shown.direction}.{shown.state}") or words.get(shown.state)
    return None if said is None else Step(_said(shown, said), state="now")


def _said(shown: ExchangeView, words: Words) -> str:
    return speak(*words).format(name=issuer_name(shown.partner, shown.partner_name))

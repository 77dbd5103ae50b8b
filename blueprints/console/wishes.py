"""What a customer at a counter wants, what it comes to, and why it cannot be had."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from blueprints.formatting import points as points_words
from blueprints.formatting import yuan
from blueprints.language import speak
from blueprints.sessions import this_staff
from blueprints.web.recipients import asked_of, read
from blueprints.wording import say, term, words_for
from loyalty.access.queries import (
    numbers_of,
)
from loyalty.catalogue.rules import WhyNot
from loyalty.clock import now
from loyalty.orders.errors import PointsMissing
from loyalty.orders.quotes import Quote, quote
from loyalty.orders.rules import (
    QUANTITY_MAX,
    Recipient,
    Way,
    binding,
    recipient_hint,
)

_TYPED = (
    "name",
    "phone",
    "address",
    "insured_name",
    "insured_id",
    "msisdn",
    "on_day",
    "consent",
)


# Where somebody can be sent instead; tills and partners are not among them.
CHANNELS_SPOKEN_OF = ("hall", "hotline", "manager", "club", "web")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer wants, as the form says it."""

    order_ref: str
    item_code: str
    quantity: int
    way: str
    typed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Deal:
    """A wish with what it costs, and whom it is for."""

    wish: Wish
    offer: Quote
    recipient: Recipient | None  # None: the item asks for nobody
    faults: dict[str, str]  # field → code of what is wrong with it

    @property
    def hint(self) -> str | None:
        """What may be shown of the recipient."""
        return recipient_hint(self.recipient)

    @property
    def bound(self) -> str:
        """What a code confirms, and nothing else."""
        return binding(
            order_ref=self.wish.order_ref,
            item_code=self.wish.item_code,
            quantity=self.wish.quantity,
            way=self.wish.way,
            points=self.offer.points,
            cash_fen=self.offer.cash_fen,
            recipient_hint=self.hint,
        )

    @property
    def noted(self) -> dict[str, Any]:
        """What the audit trail keeps of it."""
        return {
            "order_ref": self.wish.order_ref,
            "item_code": self.wish.item_code,
            "quantity": self.wish.quantity,
            "way": self.wish.way,
            "points": self.offer.points,
            "cash_fen": self.offer.cash_fen,
        }


def wish_told() -> Wish:
    """Return what the form asks for; nonsense is refused by what is done with it."""
    form = request.form
    quantity = form.get("quantity", "1")
    is_count = quantity.isdecimal() and len(quantity) <= len(str(QUANTITY_MAX))
    return Wish(
        order_ref=form.get("order_ref", ""),
        item_code=form.get("item_code", ""),
        quantity=int(quantity) if is_count else 0,
        way=form.get("way", Way.POINTS),
        typed={name: form.get(name, "") for name in _TYPED},
    )


def deal_of(session: Session, *, member_id: int, wish: Wish) -> Deal:
    """Return what a wish comes to now."""
    offer = quote(
        session,
        member_id=member_id,
        item_code=wish.item_code,
        quantity=wish.quantity,
        way=wish.way,
        channel=this_staff().channel,
        on=now().date(),
    )
    recipient, faults = read(
        wish.typed,
        asked=asked_of(offer.item, way=wish.way),
        lines=numbers_of(session, member_id=member_id, at=now()),
    )
    return Deal(wish, offer, recipient, faults)


def obstacle_of(deal: Deal) -> str | None:
    """Return why a code would be sent in vain; the order itself looks again."""
    if deal.offer.why_not is not None:
        return why_not_words(deal.offer.why_not, channel=this_staff().channel)
    if deal.offer.missing:
        return say(
            PointsMissing(needed=deal.offer.points, available=deal.offer.available)
        )
    if deal.faults:
        return speak(
            "还有几处需要填写或改正。", "Some things are still to be filled in."
        )
    return None


def why_not_words(why_not: WhyNot, *, channel: str) -> str:
    """Return why an item cannot be had at this counter."""
    facts: Mapping[str, Any] = why_not.facts
    if why_not.code == "channel_not_allowed":
        sold_in = [code for code in facts["channels"] if code in CHANNELS_SPOKEN_OF]
        return speak(
            f"{term('channel', channel)}不能办理这一项，"
            f"只在{'、'.join(term('channel', code) for code in sold_in)}办理。",
            f"This is not sold by way of {term('channel', channel).lower()}, only by"
            f" {', '.join(term('channel', code).lower() for code in sold_in)}.",
        )
    if why_not.code in ("brand_not_allowed", "tier_not_allowed", "club_not_allowed"):
        kind = why_not.code.removesuffix("_not_allowed")
        names = [term(kind, code) for code in facts[f"{kind}s"]]
        return speak(
            f"这一项只提供给{'、'.join(names)}会员。",
            f"This is for {' and '.join(names)} members only.",
        )
    if why_not.code == "limit_reached":
        return speak(
            f"这位会员已兑满 {facts['count']} 份。",
            f"This member has had all {facts['count']} of these.",
        )
    if why_not.code == "sold_out":
        return speak("已经兑完，补货后再来。", "All of them are gone for now.")
    return words_for(why_not.code, dict(facts)) or speak(
        "这一项现在不供应。", "This is not on offer now."
    )


def cost_of(offer: Quote) -> str:
    """Return what an order costs, in words."""
    parts = [points_words(offer.points)] if offer.points or not offer.cash_fen else []
    parts += [yuan(offer.cash_fen)] if offer.cash_fen else []
    return " + ".join(parts)

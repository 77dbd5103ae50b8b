"""Orders that partners place for their own customers, once per partner's reference."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.values import digest
from loyalty.keyring import Keyring
from loyalty.members.models import Claim
from loyalty.orders.errors import PartnerRefReused, UnknownOrder
from loyalty.orders.operations import cancel, place
from loyalty.orders.quotes import quote
from loyalty.orders.rules import Recipient, Way
from loyalty.orders.showing import OrderView, order
from loyalty.settings import TIME_ZONE

CHANNEL: Final = "partner"
_SPACE: Final = "partner_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerWish:
    """What a partner orders, and for whom."""

    partner: str
    partner_ref: str
    member_id: int
    item_code: str
    quantity: int
    recipient: Recipient | None


def place_for(
    session: Session, wish: PartnerWish, *, keyring: Keyring, at: datetime
) -> OrderView:
    """Order something by points for a partner's customer, who is known there.

    The partner has made sure of the person, as far as a fresh sign-in of ours would;
    what asks for more than that is refused. Raises `PartnerRefReused`, and as `place`
    does.
    """
    content = digest(
        {
            "member": wish.member_id,
            "item": wish.item_code,
            "quantity": wish.quantity,
            "recipient": repr(wish.recipient),
        }
    )
    key = f"{wish.partner}/{wish.partner_ref}"
    taken = session.scalar(
        text(
            "INSERT INTO claim (space, key, member_id, content)"
            " VALUES (:space, :key, :member, :content)"
            " ON CONFLICT DO NOTHING RETURNING key"
        ),
        {"space": _SPACE, "key": key, "member": wish.member_id, "content": content},
    )
    order_ref = _order_ref(wish.partner, wish.partner_ref)
    if taken is None:
        known = session.get_one(Claim, (_SPACE, key), populate_existing=True)
        if known.content != content:
            raise PartnerRefReused(partner_ref=wish.partner_ref)
        return _order(session, wish.member_id, order_ref, at)
    offer = quote(
        session,
        member_id=wish.member_id,
        item_code=wish.item_code,
        quantity=wish.quantity,
        channel=CHANNEL,
        on=at.astimezone(TIME_ZONE).date(),
    )
    return place(
        session,
        member_id=wish.member_id,
        order_ref=order_ref,
        item_code=wish.item_code,
        quantity=wish.quantity,
        way=Way.POINTS,
        channel=CHANNEL,
        recipient=wish.recipient,
        staff_id=None,
        fresh_at=at,
        expected_points=offer.points,
        expected_cash_fen=offer.cash_fen,
        keyring=keyring,
        at=at,
    ).order


def order_for(
    session: Session, *, partner: str, partner_ref: str, at: datetime
) -> OrderView:
    """Return an order of a partner.

    Raises `UnknownOrder`.
    """
    member_id = _member_of(session, partner, partner_ref)
    return _order(session, member_id, _order_ref(partner, partner_ref), at)


def cancel_for(
    session: Session, *, partner: str, partner_ref: str, at: datetime
) -> OrderView:
    """Cancel an order of a partner, where its customer could.

    Raises `UnknownOrder`, and as `cancel` does.
    """
    return cancel(
        session,
        member_id=_member_of(session, partner, partner_ref),
        order_ref=_order_ref(partner, partner_ref),
        actor=f"member:{partner}",
        reason="partner",
        at=at,
    )


def _member_of(session: Session, partner: str, partner_ref: str) -> int:
    claim = session.get(Claim, (_SPACE, f"{partner}/{partner_ref}"))
    if claim is None:
        raise UnknownOrder(order_ref=partner_ref)
    return claim.member_id


def _order(session: Session, member_id: int, order_ref: str, at: datetime) -> OrderView:
    return order(
        session,
        member_id=member_id,
        order_ref=order_ref,
        on=at.astimezone(TIME_ZONE).date(),
    )


def _order_ref(partner: str, partner_ref: str) -> str:
    return hashlib.sha256(f"{partner}/{partner_ref}".encode()).hexdigest()[:32]

"""What two people charge to a partner, sell to it, or correct of what it owes.

Each is written once, when the second person agrees, and never changed. One that comes
after its month was closed is booked on the first open day, and keeps its own.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.alliance.models import Partner
from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.catalogue.models import CatalogueItem
from loyalty.prepaid.billing import billing_on
from loyalty.settings import TIME_ZONE
from loyalty.settlement.calendars import booked_on
from loyalty.settlement.errors import BadCharge, NoPriceForPoints, OrderKnown
from loyalty.settlement.models import (
    PartnerAdjustment,
    PartnerFee,
    PartnerPurchase,
)
from loyalty.settlement.rules import FEE_CAUSES, PARTS

FEE: Final = "settlement.fee"
PURCHASE: Final = "settlement.purchase"
ADJUST: Final = "settlement.adjust"
FEN_MAX: Final = 10**13
QUANTITY_MAX: Final = 10_000_000


def ask_fee(
    session: Session,
    *,
    partner: str,
    cause: str,
    about: str,
    fen: int | None,
    points: int | None,
    on: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask to charge a partner for lines that came late or wrong, in money or points.

    Points cost what the partner pays for those that its members earn. Raises
    `BadCharge` with the names of what makes no sense, `NoPriceForPoints` and
    `AlreadyRequested`.
    """
    _check(
        session,
        partner=partner,
        on=on,
        at=at,
        cause=cause not in FEE_CAUSES,
        about=not about,
        fen=(fen is None) == (points is None)
        or not 0 < (fen if fen is not None else points or 0) <= FEN_MAX,
    )
    if fen is None:
        assert points is not None
        fen = _worth(session, partner=partner, points=points, on=on)
    return request(
        session,
        action=FEE,
        subject=f"{partner} {about}",
        before=None,
        after={
            "partner": partner,
            "fee_cause": cause,
            "about": about,
            "fee_points": points,
            "fee_fen": fen,
            "happened_on": on.isoformat(),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_fee(session: Session, *, approval: Approval, at: datetime) -> PartnerFee:
    """Charge a fee that two people have agreed to."""
    assert (approval.action, approval.state) == (FEE, "approved")
    said = approval.after
    on = date.fromisoformat(said["happened_on"])
    fee = PartnerFee(
        approval_id=approval.approval_id,
        partner=said["partner"],
        cause=said["fee_cause"],
        about=said["about"],
        points=said["fee_points"],
        fen=said["fee_fen"],
        charged_on=booked_on(session, on),
        original_on=on,
        reason=approval.reason,
        recorded_at=at,
    )
    session.add(fee)
    session.flush()
    return fee


def ask_purchase(
    session: Session,
    *,
    partner: str,
    order_ref: str,
    item_code: str,
    quantity: int,
    price_fen: int | None,
    on: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask to sell a partner so many of a standard product of ours (domain.md A12).

    It costs its market price unless another one was agreed. Raises `BadCharge`,
    `OrderKnown` and `AlreadyRequested`.
    """
    item = session.get(CatalogueItem, item_code)
    is_ours = item is not None and item.family == "TELECOM" and item.partner is None
    price = price_fen if price_fen is not None or item is None else item.market_fen
    _check(
        session,
        partner=partner,
        on=on,
        at=at,
        order_ref=not order_ref,
        item_code=not is_ours,
        quantity=not 0 < quantity <= QUANTITY_MAX,
        price_fen=not 0 < (price or 0) <= FEN_MAX // QUANTITY_MAX,
    )
    assert price is not None
    _new_order(session, partner, order_ref)
    return request(
        session,
        action=PURCHASE,
        subject=f"{partner} {order_ref}",
        before=None,
        after={
            "partner": partner,
            "order_number": order_ref,
            "item_code": item_code,
            "quantity": quantity,
            "price_fen": price,
            "revenue_fen": quantity * price,
            "happened_on": on.isoformat(),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_purchase(
    session: Session, *, approval: Approval, at: datetime
) -> PartnerPurchase:
    """Sell what two people have agreed to: revenue that the partner owes.

    Raises `OrderKnown`.
    """
    assert (approval.action, approval.state) == (PURCHASE, "approved")
    said = approval.after
    on = date.fromisoformat(said["happened_on"])
    _new_order(session, said["partner"], said["order_number"])
    purchase = PartnerPurchase(
        approval_id=approval.approval_id,
        partner=said["partner"],
        order_ref=said["order_number"],
        item_code=said["item_code"],
        quantity=said["quantity"],
        price_fen=said["price_fen"],
        fen=said["revenue_fen"],
        ordered_on=booked_on(session, on),
        original_on=on,
        recorded_at=at,
    )
    session.add(purchase)
    session.flush()
    return purchase


def ask_adjustment(
    session: Session,
    *,
    partner: str,
    about: str,
    fen: int,
    on: date,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask to correct what a partner owes; above zero it owes more.

    Raises `BadCharge` and `AlreadyRequested`.
    """
    _check(
        session,
        partner=partner,
        on=on,
        at=at,
        about=not about,
        fen=not 0 < abs(fen) <= FEN_MAX,
    )
    return request(
        session,
        action=ADJUST,
        subject=f"{partner} {about}",
        before=None,
        after={
            "partner": partner,
            "about": about,
            "adjusted_fen": fen,
            "happened_on": on.isoformat(),
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_adjustment(
    session: Session, *, approval: Approval, at: datetime
) -> PartnerAdjustment:
    """Correct what two people have agreed to."""
    assert (approval.action, approval.state) == (ADJUST, "approved")
    said = approval.after
    on = date.fromisoformat(said["happened_on"])
    adjustment = PartnerAdjustment(
        approval_id=approval.approval_id,
        partner=said["partner"],
        about=said["about"],
        fen=said["adjusted_fen"],
        adjusted_on=booked_on(session, on),
        original_on=on,
        reason=approval.reason,
        recorded_at=at,
    )
    session.add(adjustment)
    session.flush()
    return adjustment


def _check(
    session: Session, *, partner: str, on: date, at: datetime, **wrong: bool
) -> None:
    """Raise `BadCharge` with the names of what is wrong."""
    faults: Mapping[str, bool] = {
        "partner": session.get(Partner, partner) is None,
        "on": on > at.astimezone(TIME_ZONE).date(),
        **wrong,
    }
    if any(faults.values()):
        raise BadCharge(faults=[name for name, is_so in faults.items() if is_so])


def _worth(session: Session, *, partner: str, points: int, on: date) -> int:
    """Return what a partner pays for so many points, half a fen rounded up.

    Raises `NoPriceForPoints`.
    """
    billing = billing_on(session, partner=partner, on=on)
    if billing is None or billing.thousand_fen is None:
        raise NoPriceForPoints(partner=partner)
    parts = points * billing.thousand_fen * billing.billing_pct
    fen = (2 * parts + PARTS) // (2 * PARTS)
    if fen == 0:
        raise NoPriceForPoints(partner=partner)
    return fen


def _new_order(session: Session, partner: str, order_ref: str) -> None:
    known = session.scalar(
        select(PartnerPurchase.approval_id).where(
            PartnerPurchase.partner == partner, PartnerPurchase.order_ref == order_ref
        )
    )
    if known is not None:
        raise OrderKnown(order_ref=order_ref)

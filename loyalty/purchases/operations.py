"""Buy points for cash: ask for the money, post the points, take unspent ones back.

The provider is asked in `delivery`. A purchase is decided under its owner's lock.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.access.queries import guard
from loyalty.payments.models import Payment
from loyalty.payments.operations import ask as ask_payment
from loyalty.payments.operations import ask_refund, locked_payment
from loyalty.payments.rules import payment_deadline
from loyalty.points.entries import PURCHASED
from loyalty.points.operations import first_open_day
from loyalty.purchases import queries
from loyalty.purchases.errors import (
    MayNotBuy,
    NothingUnspent,
    NotYetAMember,
    PointsNotSold,
    PriceMoved,
    PurchaseRefReused,
    PurchasesNotOffered,
    ReturnTooLate,
    TooMuchAtOnce,
    UnknownPurchase,
)
from loyalty.purchases.models import PointPurchase, PointPurchaseReturn
from loyalty.purchases.queries import PurchaseView
from loyalty.purchases.rules import PURPOSE, Terms, share
from loyalty.settings import TIME_ZONE

_OPERATOR: Final = "operator"
_OPEN_GATE: Final = "open"


def place(
    session: Session,
    *,
    member_id: int,
    purchase_ref: str,
    points: int,
    expected_fen: int,
    at: datetime,
) -> PurchaseView:
    """Ask for points; they come when they are paid. The same reference is the same.

    Raises `PurchasesNotOffered`, `PointsNotSold`, `PriceMoved`, `MayNotBuy`,
    `NotYetAMember`, `TooMuchAtOnce` and `PurchaseRefReused`.
    """
    today = at.astimezone(TIME_ZONE).date()
    # All of one identity take turns, so that no limit is passed by two at once.
    Book(session).lock(queries.kin(session, member_id=member_id))
    known = session.get(PointPurchase, (member_id, purchase_ref))
    if known is not None:
        if (known.points, known.price_fen) != (points, expected_fen):
            raise PurchaseRefReused(purchase_ref=purchase_ref)
        return queries.purchase(
            session, member_id=member_id, purchase_ref=purchase_ref, at=at
        )
    terms = queries.terms_on(session, day=today)
    if terms is None or not terms.is_offered:
        raise PurchasesNotOffered
    price_fen = _price(terms, points=points, expected_fen=expected_fen)
    _check_buyer(session, member_id, terms, today=today)
    left = queries.room(session, member_id=member_id, terms=terms, at=at)
    if price_fen > left.fen:
        raise TooMuchAtOnce(
            left_fen=left.fen, day_fen=terms.day_fen_max, year_fen=terms.year_fen_max
        )
    payment = ask_payment(
        session,
        member_id=member_id,
        payment_ref=f"points-{purchase_ref}-{member_id}",
        purpose=PURPOSE,
        purpose_ref=purchase_ref,
        amount_fen=price_fen,
        title=f"{points:,} 积分",
        at=at,
        expires_at=payment_deadline(at),
    )
    session.execute(
        insert(PointPurchase).values(
            member_id=member_id,
            purchase_ref=purchase_ref,
            terms_version=terms.version,
            unit=terms.unit,
            points=points,
            price_fen=price_fen,
            payment_ref=payment.payment_ref,
            state="awaiting_payment",
            placed_at=at,
            state_at=at,
        )
    )
    return queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )


def paid(
    session: Session, *, member_id: int, purchase_ref: str, at: datetime
) -> PurchaseView:
    """Post points whose payment has come; said again, it changes nothing.

    Money that comes after the purchase was given up, or for somebody who has left
    meanwhile, goes back. Raises `UnknownPurchase`.
    """
    payment, bought = _in_hand(session, member_id=member_id, purchase_ref=purchase_ref)
    if payment.state == "succeeded" and bought.state == "awaiting_payment":
        if _has_left(session, member_id):
            _lapse(bought, at=at)
            _refund(session, payment, name="left", reason="has_left", at=at)
        else:
            _post(session, bought, at=at)
    elif (
        payment.state == "succeeded"
        and bought.state == "lapsed"
        and payment.refunding_fen == 0
    ):
        _refund(session, payment, name="late", reason="paid_too_late", at=at)
    session.flush()
    return queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )


def payment_expired(
    session: Session, *, member_id: int, purchase_ref: str, at: datetime
) -> PurchaseView:
    """Give up a purchase that will not be paid; said again, it changes nothing.

    Raises `UnknownPurchase`.
    """
    payment, bought = _in_hand(session, member_id=member_id, purchase_ref=purchase_ref)
    if payment.state == "expired" and bought.state == "awaiting_payment":
        _lapse(bought, at=at)
        session.flush()
    return queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )


def refunded(
    session: Session, *, member_id: int, purchase_ref: str, at: datetime
) -> PurchaseView:
    """Take note that money went back; the refunds tell which.

    Raises `UnknownPurchase`.
    """
    return queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )


def take_back(
    session: Session,
    *,
    member_id: int,
    purchase_ref: str,
    reason: str,
    actor: str,
    at: datetime,
) -> PurchaseView:
    """Take all unspent points of a purchase back, and refund what they cost.

    Within the days of its terms; of somebody who has left, as long as they are good.
    Asked twice in a row nothing is left to take, which is what it says.
    Raises `UnknownPurchase`, `ReturnTooLate` and `NothingUnspent`.
    """
    payment, bought = _in_hand(session, member_id=member_id, purchase_ref=purchase_ref)
    view = queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )
    if not view.unspent:
        raise NothingUnspent
    if not view.may_return:
        raise ReturnTooLate(until=view.return_until)
    nth = 1 + (
        session.scalar(
            select(func.count()).where(
                PointPurchaseReturn.member_id == member_id,
                PointPurchaseReturn.purchase_ref == purchase_ref,
            )
        )
        or 0
    )
    assert bought.earned_in is not None, "what is unspent was bought"
    _, open_on = _days(session, at)
    entry_id = (
        Book(session)
        .post(
            Entry(
                member_id=member_id,
                reference=f"purchase:{purchase_ref}:return:{nth}",
                kind="purchase_return",
                transfers=(
                    Transfer(
                        "available",
                        "issued",
                        (bought.unit,),
                        view.unspent,
                        _lot(bought.earned_in, bought.expires_on),
                    ),
                ),
                effective_on=open_on,
                occurred_at=at,
                actor=actor,
                asked={"of": bought.entry_id, "nth": nth},
            )
        )
        .id
    )
    fen = share(
        bought.price_fen,
        points=view.unspent,
        returned=view.returned_points,
        of=bought.points,
    )
    session.execute(
        insert(PointPurchaseReturn).values(
            member_id=member_id,
            purchase_ref=purchase_ref,
            nth=nth,
            points=view.unspent,
            fen=fen,
            entry_id=entry_id,
            refund_ref=_refund(
                session, payment, name=str(nth), reason=reason, at=at, fen=fen
            ),
            reason=reason,
            effective_on=open_on,
            occurred_at=at,
            actor=actor,
        )
    )
    return queries.purchase(
        session, member_id=member_id, purchase_ref=purchase_ref, at=at
    )


def _price(terms: Terms, *, points: int, expected_fen: int) -> int:
    price_fen = terms.price_fen(points)
    if price_fen is None:
        raise PointsNotSold(points_min=terms.points_min, step=terms.step_points)
    if price_fen != expected_fen:
        raise PriceMoved(points=points, price_fen=price_fen)
    return price_fen


def _check_buyer(
    session: Session, member_id: int, terms: Terms, *, today: date
) -> None:
    """Refuse who may not buy: gone, frozen, locked by themselves, or too new."""
    row = session.execute(
        text(
            "SELECT m.joined_on, m.left_on, b.gate FROM member m"
            "  JOIN ledger.book b USING (member_id) WHERE m.member_id = :member"
        ),
        {"member": member_id},
    ).first()
    if row is None or row.left_on is not None or row.gate != _OPEN_GATE:
        raise MayNotBuy
    if guard(session, member_id).spend_locked_at is not None:
        raise MayNotBuy
    from_day = row.joined_on + timedelta(days=terms.member_days)
    if today < from_day:
        raise NotYetAMember(from_day=from_day)


def _in_hand(
    session: Session, *, member_id: int, purchase_ref: str
) -> tuple[Payment, PointPurchase]:
    """Return a purchase that nobody else moves, with its payment.

    Raises `UnknownPurchase`.
    """
    known = session.get(PointPurchase, (member_id, purchase_ref))
    if known is None:
        raise UnknownPurchase
    # Events of the provider lock the payment first of all, and so do we.
    payment = locked_payment(
        session, member_id=member_id, payment_ref=known.payment_ref
    )
    Book(session).lock([member_id])
    bought = session.get_one(
        PointPurchase, (member_id, purchase_ref), populate_existing=True
    )
    return payment, bought


def _post(session: Session, bought: PointPurchase, *, at: datetime) -> None:
    today, open_on = _days(session, at)
    terms = queries.terms_of(session, version=bought.terms_version)
    earned_in = today.replace(day=1)
    lot = _lot(earned_in, terms.expires_on(earned_in))
    posted = Book(session).post(
        Entry(
            member_id=bought.member_id,
            reference=f"purchase:{bought.purchase_ref}",
            kind="purchase",
            transfers=(
                Transfer("issued", "available", (bought.unit,), bought.points, lot),
            ),
            effective_on=open_on,
            occurred_at=at,
            actor="payments",
            rule_version=bought.terms_version,
            asked={"points": bought.points, "payment": bought.payment_ref},
        )
    )
    bought.entry_id, bought.effective_on = posted.id, open_on
    bought.earned_in, bought.expires_on = lot.earned_in, lot.expires_on
    bought.state, bought.state_at = "bought", at


def _lot(earned_in: date, expires_on: date | None) -> Lot:
    return Lot(_OPERATOR, _OPERATOR, PURCHASED, earned_in, expires_on)


def _lapse(bought: PointPurchase, *, at: datetime) -> None:
    bought.state, bought.state_at = "lapsed", at


def _refund(
    session: Session,
    payment: Payment,
    *,
    name: str,
    reason: str,
    at: datetime,
    fen: int | None = None,
) -> str | None:
    """Ask for money back, all of it unless told; the provider is told later.

    Returns the refund's reference; None: there is nothing to refund.
    """
    amount_fen = payment.refundable_fen if fen is None else fen
    if not amount_fen:
        return None
    known: dict[str, Any] = {"payment_ref": payment.payment_ref}
    return ask_refund(
        session,
        member_id=payment.member_id,
        refund_ref=f"{payment.payment_ref}:{name}",
        amount_fen=amount_fen,
        reason=reason,
        at=at,
        **known,
    ).refund_ref


def _has_left(session: Session, member_id: int) -> bool:
    return bool(
        session.scalar(
            text("SELECT left_on IS NOT NULL FROM member WHERE member_id = :member"),
            {"member": member_id},
        )
    )


def _days(session: Session, at: datetime) -> tuple[date, date]:
    """Return the day it is, and the day that entries are dated to."""
    today = at.astimezone(TIME_ZONE).date()
    return today, max(today, first_open_day(session) or today)

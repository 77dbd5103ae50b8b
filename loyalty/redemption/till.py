"""Spend points at a partner's till: authorize, then capture, cancel or refund.

An authorization is a hold over all universal units, soonest-expiring first. What is
given back goes to the same lots with the same last good day.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import GateClosed, InsufficientPoints
from ledger.values import digest
from loyalty.events.operations import record as tell
from loyalty.members.models import Claim
from loyalty.points.entries import UNIVERSAL
from loyalty.points.operations import first_open_day
from loyalty.redemption.errors import (
    AccountClosed,
    AuthorizationExpired,
    NameReused,
    NoTillTerms,
    RedemptionMovedOn,
    RefundTooLarge,
    TooFewPoints,
    UnknownRedemption,
)
from loyalty.redemption.models import MerchantRedemption
from loyalty.redemption.operations import (
    Step,
    capture,
    give_back,
    hold,
    record,
    record_return,
    release,
)
from loyalty.redemption.rules import TillTerms
from loyalty.settings import TIME_ZONE

_SPACE: Final = "merchant_redemption"
_ITEM: Final = "TILL"
_COST_TREATMENT: Final = "POINTS_ACCRUAL"
_AT_ONCE: Final = 200

_TERMS = text(
    """
    SELECT t.version, t.pays_num, t.pays_den, t.settles_num, t.settles_den,
           t.hold_minutes
      FROM till_terms t JOIN partner p ON p.kind = t.partner_kind
     WHERE p.partner = :partner AND t.partner IN (p.partner, '*')
       AND (CAST(:version AS int) IS NULL OR t.version = :version)
     ORDER BY t.version DESC, t.partner DESC LIMIT 1
    """
)
_SPENDABLE = text(
    """
    SELECT coalesce(sum(units_left), 0) FROM ledger.lot
     WHERE member_id = :member AND unit = ANY (:units) AND expires_on >= :on
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a till asks for: points, or an amount that points shall pay."""

    partner: str
    partner_ref: str
    member_id: int
    points: int | None  # None: an amount was told
    amount_fen: int | None  # None: points were told
    partial_allowed: bool
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is to happen to a redemption, by whom and when."""

    partner: str
    partner_ref: str
    actor: str
    at: datetime


def authorize(session: Session, wish: Wish) -> MerchantRedemption:
    """Hold points for a till, once per `partner_ref`; the same wish has one answer.

    With `partial_allowed` as many points are held as there are, and the member pays
    the rest. Raises `NoTillTerms`, `NameReused`, `TooFewPoints`, `AccountClosed`.
    """
    version, terms = _terms(session, wish.partner)
    on = first_open_day(session)
    if not _claim(session, wish):
        return _known(session, wish.partner, wish.partner_ref)
    Book(session).lock([wish.member_id])
    today = _day(wish.at, on)
    asked = wish.points or terms.points_for(wish.amount_fen or 0)
    points = _within(session, wish, asked=asked, on=today)
    step = _step(wish.member_id, wish.partner, wish.partner_ref, wish, today)
    try:
        held_by = hold(session, step, points=points)
    except GateClosed as error:
        raise AccountClosed from error
    except InsufficientPoints as error:
        raise TooFewPoints(needed=asked, available=0) from error
    amount = wish.amount_fen or terms.paid_by(asked)
    redemption = MerchantRedemption(
        member_id=wish.member_id,
        partner=wish.partner,
        partner_ref=wish.partner_ref,
        asked=asked,
        points=points,
        self_paid_fen=0 if points == asked else amount - terms.paid_by(points),
        terms_version=version,
        state="authorized",
        authorized_at=wish.at,
        expires_at=wish.at + terms.held_for,
        state_at=wish.at,
        held_by=held_by,
        captured_by=None,
        refunded=0,
        returns=0,
    )
    session.add(redemption)
    _tell(session, redemption, "redemption.authorized", wish.at)
    session.flush()
    return redemption


def capture_held(session: Session, move: Move) -> MerchantRedemption:
    """Let held points go to the partner; captured ones stay so.

    Raises `UnknownRedemption`, `AuthorizationExpired`, `RedemptionMovedOn`.
    """
    redemption, on = _taken(session, move)
    if redemption.state == "captured":
        return redemption
    if redemption.state == "authorized" and redemption.expires_at > move.at:
        step = _step_of(redemption, move, on)
        redemption.captured_by = capture(
            session,
            step,
            held_by=redemption.held_by,
            account=f"redeemed.merchant:{redemption.partner}",
        )
        _, terms = _terms(session, redemption.partner, redemption.terms_version)
        record(
            session,
            step,
            item_code=_ITEM,
            quantity=1,
            channel="pos",
            points=redemption.points,
            settlement_fen=terms.settled_for(redemption.points),
            partner=redemption.partner,
            cost_treatment=_COST_TREATMENT,
            entry_id=redemption.captured_by,
        )
        return _moved(session, redemption, "captured", move.at)
    if redemption.state in ("authorized", "expired"):
        raise AuthorizationExpired
    raise RedemptionMovedOn(state=redemption.state)


def cancel(session: Session, move: Move) -> MerchantRedemption:
    """Give all points back to the lots they came from: a void.

    What is let go already stays so. Raises `UnknownRedemption`.
    """
    redemption, on = _taken(session, move)
    if redemption.state in ("cancelled", "expired"):
        return redemption
    if redemption.state == "authorized":
        step = _step_of(redemption, move, on)
        release(session, step, held_by=redemption.held_by)
    elif redemption.refunded < redemption.points:
        _give_back(
            session, redemption, move, on, redemption.points - redemption.refunded
        )
    return _moved(session, redemption, "cancelled", move.at)


def refund(session: Session, move: Move, *, points: int) -> MerchantRedemption:
    """Give some captured points back, the last drawn first.

    Raises `UnknownRedemption`, `RedemptionMovedOn`, `RefundTooLarge`.
    """
    redemption, on = _taken(session, move)
    if redemption.state != "captured":
        raise RedemptionMovedOn(state=redemption.state)
    left = redemption.points - redemption.refunded
    if points > left:
        raise RefundTooLarge(points=points, left=left)
    _give_back(session, redemption, move, on, points)
    return _moved(session, redemption, "captured", move.at, told="refunded")


def release_expired(session: Session, *, at: datetime) -> int:
    """Let go of what was not captured in time; return how many redemptions were due.

    What was captured at the last moment, while this waited for it, stays so.
    """
    due = session.execute(
        select(MerchantRedemption.partner, MerchantRedemption.partner_ref)
        .where(
            MerchantRedemption.state == "authorized",
            MerchantRedemption.expires_at <= at,
        )
        .order_by(MerchantRedemption.member_id, MerchantRedemption.partner_ref)
        .limit(_AT_ONCE)
    ).all()
    for partner, partner_ref in due:
        move = Move(
            partner=partner,
            partner_ref=partner_ref,
            actor="job:release-authorizations",
            at=at,
        )
        redemption, on = _taken(session, move)
        if redemption.state == "authorized":
            step = _step_of(redemption, move, on)
            release(session, step, held_by=redemption.held_by)
            _moved(session, redemption, "expired", at)
    return len(due)


def redemption_of(
    session: Session, *, partner: str, partner_ref: str
) -> MerchantRedemption:
    """Return a redemption of a partner.

    Raises `UnknownRedemption`.
    """
    return _known(session, partner, partner_ref)


def _terms(
    session: Session, partner: str, version: int | None = None
) -> tuple[int, TillTerms]:
    row = session.execute(_TERMS, {"partner": partner, "version": version}).first()
    if row is None:
        raise NoTillTerms
    return int(row[0]), TillTerms(*row[1:])


def _claim(session: Session, wish: Wish) -> bool:
    """Claim the partner's reference for the member; tell if it is new.

    Raises `NameReused` if it was claimed with another wish.
    """
    content = digest(
        {
            "member": wish.member_id,
            "points": wish.points,
            "amount": wish.amount_fen,
            "partial": wish.partial_allowed,
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
    if taken is not None:
        return True
    known = session.get_one(Claim, (_SPACE, key), populate_existing=True)
    if known.content != content:
        raise NameReused
    return False


def _within(session: Session, wish: Wish, *, asked: int, on: date) -> int:
    """Return how many points can be held.

    Raises `TooFewPoints`.
    """
    facts = {"member": wish.member_id, "units": list(UNIVERSAL), "on": on}
    available = int(session.scalar(_SPENDABLE, facts) or 0)
    if available >= asked:
        return asked
    if not wish.partial_allowed or available == 0:
        raise TooFewPoints(needed=asked, available=available)
    return available


def _known(session: Session, partner: str, partner_ref: str) -> MerchantRedemption:
    claim = session.get(Claim, (_SPACE, f"{partner}/{partner_ref}"))
    found = None
    if claim is not None:
        key = (claim.member_id, partner, partner_ref)
        found = session.get(MerchantRedemption, key, populate_existing=True)
    if found is None:
        raise UnknownRedemption
    return found


def _taken(session: Session, move: Move) -> tuple[MerchantRedemption, date]:
    """Return a redemption to go on with, its member's book locked, and the day."""
    on = first_open_day(session)
    known = _known(session, move.partner, move.partner_ref)
    Book(session).lock([known.member_id])
    return _known(session, move.partner, move.partner_ref), _day(move.at, on)


def _day(at: datetime, first_open: date | None) -> date:
    today = at.astimezone(TIME_ZONE).date()
    return today if first_open is None else max(today, first_open)


def _step(
    member_id: int, partner: str, partner_ref: str, by: Wish | Move, on: date
) -> Step:
    return Step(
        member_id=member_id,
        ref=f"merchant:{partner}/{partner_ref}",
        on=on,
        at=by.at,
        actor=by.actor,
    )


def _step_of(redemption: MerchantRedemption, move: Move, on: date) -> Step:
    return _step(redemption.member_id, move.partner, move.partner_ref, move, on)


def _give_back(
    session: Session, redemption: MerchantRedemption, move: Move, on: date, points: int
) -> None:
    """Give captured points back, and owe the partner the less for them."""
    assert redemption.captured_by is not None
    step = _step_of(redemption, move, on)
    nth = redemption.returns + 1
    entry_id = give_back(
        session, step, redeemed_by=redemption.captured_by, points=points, nth=nth
    )
    _, terms = _terms(session, redemption.partner, redemption.terms_version)
    before = redemption.points - redemption.refunded
    record_return(
        session,
        step,
        nth=nth,
        quantity=1,
        points=points,
        settlement_fen=terms.settled_for(before) - terms.settled_for(before - points),
        entry_id=entry_id,
    )
    redemption.refunded += points
    redemption.returns = nth


def _moved(
    session: Session,
    redemption: MerchantRedemption,
    state: str,
    at: datetime,
    *,
    told: str | None = None,
) -> MerchantRedemption:
    redemption.state, redemption.state_at = state, at
    name = told or ("cancelled" if state == "expired" else state)
    _tell(session, redemption, f"redemption.{name}", at)
    session.flush()
    return redemption


def _tell(
    session: Session, redemption: MerchantRedemption, type_: str, at: datetime
) -> None:
    tell(
        session,
        partner=redemption.partner,
        type_=type_,
        data={
            "partner_ref": redemption.partner_ref,
            "state": redemption.state,
            "points": redemption.points,
            "refunded": redemption.refunded,
        },
        at=at,
    )

"""What people decide about exchanges: what partners left open, did late, or undo.

An answer that somebody got by telephone or on paper is settled like one that came by
itself. Where value moves a second person agrees.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request as ask_second_person
from loyalty.exchange.errors import (
    ExchangeFinal,
    ExchangeMovedOn,
    PartnerHasTime,
    ReversalUnderWay,
)
from loyalty.exchange.models import Exchange
from loyalty.exchange.moving import Hand, draw, move, take
from loyalty.exchange.operations import case_of, settle
from loyalty.exchange.queries import rate_card
from loyalty.exchange.rules import REVERSING, Direction, Question
from partners.ports import Outcome, Receipt

SETTLE = "exchange.settle"
TAKE_BACK = "exchange.take_back"
WRITE_OFF = "exchange.write_off"


def ask_settlement(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    outcome: Outcome,
    partner_ref: str | None,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask to settle by what somebody learned at the partner: done, or declined.

    `reason` says how it was learned. Raises `UnknownExchange`, `PartnerHasTime`,
    `ExchangeMovedOn` and `AlreadyRequested`.
    """
    hand = take(session, member_id, exchange_ref, actor=f"staff:{maker}", at=at)
    _check_settleable(hand, outcome)
    exchange = hand.exchange
    return _ask(
        hand,
        action=SETTLE,
        after={
            "exchange_state": "confirmed"
            if outcome is Outcome.CONFIRMED
            else "declined",
            "partner": exchange.partner,
            "partner_number": partner_ref,
            **_units(exchange),
        },
        reason=reason,
        maker=maker,
    )


def apply_settlement(session: Session, *, approval: Approval, at: datetime) -> Exchange:
    """Take what was learned for the partner's answer; a day later it is looked up.

    Raises `ExchangeMovedOn` if it was settled meanwhile.
    """
    hand = _approved(session, approval, action=SETTLE, at=at)
    is_done = approval.after["exchange_state"] == "confirmed"
    outcome = Outcome.CONFIRMED if is_done else Outcome.DECLINED
    _check_settleable(hand, outcome)
    return settle(
        session,
        **hand.key,
        ask=None,
        receipt=Receipt(
            outcome,
            partner_ref=approval.after["partner_number"],
            reason=approval.reason,
        ),
        at=at,
        actor=hand.actor,
        unasked=Question.LEARN,
    )


def _check_settleable(hand: Hand, outcome: Outcome) -> None:
    """Let an exchange be settled whose partner has had its time, or took units back."""
    assert outcome in (Outcome.CONFIRMED, Outcome.DECLINED)
    exchange = hand.exchange
    if exchange.state == "sent" and hand.at < exchange.deadline:
        raise PartnerHasTime(until=exchange.deadline)
    is_back = exchange.state == "disputed" and outcome is Outcome.DECLINED
    if exchange.state != "sent" and not is_back:
        raise _moved_on(exchange)


def ask_back(
    session: Session, *, member_id: int, exchange_ref: str, actor: str, at: datetime
) -> Exchange:
    """Let the partner be asked to take back what it did too late.

    Raises `UnknownExchange`, and `ExchangeMovedOn` if it is not disputed.
    """
    hand = take(session, member_id, exchange_ref, actor=actor, at=at)
    if hand.exchange.state != "disputed":
        raise _moved_on(hand.exchange)
    _want_back(hand)
    return hand.exchange


def ask_take_back(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for what a partner has credited to be taken back, and points with it.

    Raises `UnknownExchange`, `ExchangeMovedOn`, `AlreadyRequested`, and
    `ExchangeFinal` where the rate card says that nothing comes back.
    """
    hand = take(session, member_id, exchange_ref, actor=f"staff:{maker}", at=at)
    _check_revocable(hand)
    exchange = hand.exchange
    return _ask(
        hand,
        action=TAKE_BACK,
        after={
            "exchange_state": "declined",
            "partner": exchange.partner,
            **_units(exchange),
        },
        reason=reason,
        maker=maker,
    )


def apply_take_back(session: Session, *, approval: Approval, at: datetime) -> Exchange:
    """Let the partner be asked to take it back; what it answers decides.

    Raises as `ask_take_back` does.
    """
    hand = _approved(session, approval, action=TAKE_BACK, at=at)
    _check_revocable(hand)
    _want_back(hand)
    return hand.exchange


def _check_revocable(hand: Hand) -> None:
    """Keep what a partner has acknowledged from coming back, unless it may.

    What came in may be spent by now, and is never asked for. What the partner would
    not take back once it will not the next time.
    """
    exchange = hand.exchange
    if (
        exchange.state != "confirmed"
        or exchange.direction != Direction.OUT
        or exchange.entry_id is None
    ):
        raise _moved_on(exchange)
    card = rate_card(
        hand.session, exchange.partner, exchange.direction, exchange.rate_version
    )
    is_kept = any(
        one.what in REVERSING and one.outcome == Outcome.DECLINED
        for one in case_of(hand).asked
    )
    if card.is_irrevocable or is_kept:
        raise ExchangeFinal(partner=exchange.partner)


def _want_back(hand: Hand) -> None:
    exchange = hand.exchange
    if not exchange.is_reversal_wanted:
        exchange.is_reversal_wanted = True
        move(hand, exchange.state, "asked_back")


def ask_write_off(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask to let a member keep both points and miles, which we pay for (J20).

    Raises `UnknownExchange`, `ExchangeMovedOn`, `ReversalUnderWay` and
    `AlreadyRequested`.
    """
    hand = take(session, member_id, exchange_ref, actor=f"staff:{maker}", at=at)
    _check_writable_off(hand)
    exchange = hand.exchange
    return _ask(
        hand,
        action=WRITE_OFF,
        before={"money_fen": 0},
        after={
            "exchange_state": "confirmed",
            "partner": exchange.partner,
            "units_in": exchange.units_in,
            "points_kept": exchange.units_out,
            "money_fen": exchange.money_fen,
        },
        reason=reason,
        maker=maker,
    )


def apply_write_off(session: Session, *, approval: Approval, at: datetime) -> Exchange:
    """End a dispute at our cost: the partner is owed for its units all the same.

    Raises `ExchangeMovedOn` if it was settled meanwhile, and `ReversalUnderWay`.
    """
    hand = _approved(session, approval, action=WRITE_OFF, at=at)
    _check_writable_off(hand)
    exchange = hand.exchange
    if exchange.billing == "prepaid" and not draw(hand):
        exchange.billing = "postpaid"
    exchange.effective_on = hand.open_on
    move(hand, "confirmed", "written_off")
    return exchange


def _check_writable_off(hand: Hand) -> None:
    exchange = hand.exchange
    if exchange.state != "disputed" or exchange.direction != Direction.OUT:
        raise _moved_on(exchange)
    # We would pay for miles that are being taken back.
    if case_of(hand).is_reversal_open:
        raise ReversalUnderWay(exchange_ref=exchange.exchange_ref)


def _units(exchange: Exchange) -> dict[str, Any]:
    return {
        "units_given": exchange.units_out,
        "units_got": exchange.units_in,
        "exchange_fen": exchange.money_fen,
    }


def _ask(
    hand: Hand,
    *,
    action: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    reason: str,
    maker: int,
) -> Approval:
    """Ask for a second person; what is not told of before stays as it is."""
    exchange = hand.exchange
    return ask_second_person(
        hand.session,
        action=action,
        subject=f"{exchange.member_id}/{exchange.exchange_ref}",
        before={**after, "exchange_state": exchange.state, **(before or {})},
        after=after,
        reason=reason,
        maker=maker,
        at=hand.at,
    )


def _approved(
    session: Session, approval: Approval, *, action: str, at: datetime
) -> Hand:
    """Take in hand what a second person has agreed to."""
    assert approval.action == action
    assert approval.state == "approved"
    member_id, exchange_ref = approval.subject.split("/")
    actor = f"staff:{approval.checker}"
    return take(session, int(member_id), exchange_ref, actor=actor, at=at)


def _moved_on(exchange: Exchange) -> ExchangeMovedOn:
    return ExchangeMovedOn(exchange_ref=exchange.exchange_ref, state=exchange.state)

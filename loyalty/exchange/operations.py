"""Move exchanges through their states; `request` begins them, `deciding` ends disputes.

Every use case locks in one order: the day that entries may be dated to, then the
member's book, which guards the exchange and all that hangs on it; what members share
(the card's cap, blocks, a partner's credit) comes last.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from loyalty.exchange import linking
from loyalty.exchange.errors import ExchangeMovedOn
from loyalty.exchange.models import Exchange, ExchangeAttempt
from loyalty.exchange.moving import Hand, confirm, draw, move, release, take
from loyalty.exchange.requesting import Requested, bound, request
from loyalty.exchange.rules import (
    REVERSING,
    Asked,
    Case,
    Direction,
    Question,
    Verdict,
    next_question,
    verdict,
)
from loyalty.keyring import Keyring
from loyalty.prepaid import blocks
from partners.ports import AirlineMember, MilesOrder, MilesReversal, Receipt

__all__ = [
    "Ask",
    "Requested",
    "bound",
    "cancel",
    "claim",
    "request",
    "settle",
]

PARTNERS = "partners"  # who acts when a partner has answered
ACTIVITY = "points_exchange"  # what miles are booked as at airlines
_DETAIL_LENGTH_MAX = 300
_TAKEN_BACK = "taken_back_by_partner"


def cancel(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    actor: str,
    at: datetime,
    reason: str = "canceled",
) -> Exchange:
    """Call an exchange off that nobody was asked for yet; everything goes back.

    One that is over already stays as it is. Raises `UnknownExchange`, and
    `ExchangeMovedOn` once the partner may have been reached.
    """
    hand = take(session, member_id, exchange_ref, actor=actor, at=at)
    state = hand.exchange.state
    if state == "declined":
        return hand.exchange
    if state != "requested":
        raise ExchangeMovedOn(exchange_ref=exchange_ref, state=state)
    release(hand, reason)
    return hand.exchange


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that has been written down and is to be asked now."""

    what: Question
    attempt_no: int
    direction: str
    order: MilesOrder
    reversal: MilesReversal


def claim(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    keyring: Keyring,
    at: datetime,
    is_reachable: bool = True,
    is_urged: bool = False,
) -> Ask | None:
    """Write down the next question of an exchange; None: nothing to ask now.

    One that has waited too long ends here; so does one that its partner asked for
    itself, once its day of waiting is over. Where the partner cannot be reached
    nothing else happens. `is_urged`: a person wants to know now. Raises
    `UnknownExchange`.
    """
    hand = take(session, member_id, exchange_ref, actor=PARTNERS, at=at)
    exchange = hand.exchange
    if exchange.partner_ref is not None and exchange.state == "requested":
        if at >= exchange.send_after:
            confirm(hand, "asked_by_partner")
        return None
    what = next_question(case_of(hand), at=at, is_urged=is_urged)
    if what is Question.GIVE_UP:
        release(hand, "no_answer_in_time")
        return None
    if what is None or not is_reachable:
        return None
    last = session.scalar(
        select(ExchangeAttempt)
        .where(*_attempts(hand.exchange))
        .order_by(ExchangeAttempt.attempt_no.desc())
        .limit(1)
    )
    attempt_no = last.attempt_no + 1 if last is not None else 1
    session.execute(
        insert(ExchangeAttempt).values(
            **hand.key, attempt_no=attempt_no, what=what, asked_at=at
        )
    )
    if what is Question.MOVE and hand.exchange.state == "requested":
        move(hand, "sent")
    return _ask(hand, what, attempt_no, keyring, last.partner_ref if last else None)


def settle(
    session: Session,
    *,
    member_id: int,
    exchange_ref: str,
    ask: Ask | None,
    receipt: Receipt,
    at: datetime,
    actor: str = PARTNERS,
    unasked: Question = Question.LOOK_UP,
) -> Exchange:
    """Write an answer down, and do what it means.

    `ask` None: nobody was asked. The partner told it by itself, which is an answer to
    a look-up, or a person learned it there, as `unasked` says. Raises
    `UnknownExchange`.
    """
    hand = take(session, member_id, exchange_ref, actor=actor, at=at)
    what = unasked if ask is None else ask.what
    detail = receipt.reason and receipt.reason[:_DETAIL_LENGTH_MAX]
    answer = {
        "answered_at": at,
        "outcome": str(receipt.outcome),
        "partner_ref": receipt.partner_ref,
        "detail": detail,
    }
    if ask is None:
        nth = session.scalar(select(func.count()).where(*_attempts(hand.exchange)))
        session.execute(
            insert(ExchangeAttempt).values(
                **hand.key, attempt_no=(nth or 0) + 1, what=what, asked_at=at, **answer
            )
        )
    else:
        session.execute(
            update(ExchangeAttempt)
            .where(
                *_attempts(hand.exchange), ExchangeAttempt.attempt_no == ask.attempt_no
            )
            .values(**answer)
            .execution_options(synchronize_session=False)
        )
    said = verdict(
        state=hand.exchange.state,
        what=what,
        outcome=receipt.outcome,
        is_under_way=case_of(hand).may_have_arrived,
    )
    _do(hand, said, what)
    return hand.exchange


def _ask(
    hand: Hand,
    what: Question,
    attempt_no: int,
    keyring: Keyring,
    validation_ref: str | None,
) -> Ask:
    """Return a question with all that its partner needs to know."""
    exchange = hand.exchange
    is_out = exchange.direction == Direction.OUT
    miles = exchange.units_in if is_out else exchange.units_out
    return Ask(
        what,
        attempt_no,
        exchange.direction,
        MilesOrder(
            reference=exchange.exchange_ref,
            member=_member(hand, what, keyring),
            miles=miles,
            activity=ACTIVITY,
            activity_on=exchange.requested_on,
            validation_ref=validation_ref if what is Question.MOVE else None,
        ),
        MilesReversal(
            reference=f"{exchange.exchange_ref}-r",
            original=exchange.exchange_ref,
            miles=miles,
        ),
    )


def _member(hand: Hand, what: Question, keyring: Keyring) -> AirlineMember:
    """Return who is asked about; what is only looked up needs no name any more."""
    exchange = hand.exchange
    if what not in (Question.VALIDATE, Question.MOVE):
        return AirlineMember("", "", exchange.account_ref)
    return linking.named(
        hand.session,
        member_id=exchange.member_id,
        partner=exchange.partner,
        account_ref=exchange.account_ref,
        keyring=keyring,
    )


def case_of(hand: Hand) -> Case:
    """Return what decides whom to ask next."""
    exchange = hand.exchange
    attempts = hand.session.execute(
        select(ExchangeAttempt.what, ExchangeAttempt.asked_at, ExchangeAttempt.outcome)
        .where(*_attempts(exchange))
        .order_by(ExchangeAttempt.attempt_no)
    )
    return Case(
        state=exchange.state,
        state_at=exchange.state_at,
        send_after=exchange.send_after,
        deadline=exchange.deadline,
        is_reversal_wanted=exchange.is_reversal_wanted,
        asked=[Asked(*attempt) for attempt in attempts],
    )


def _do(hand: Hand, said: Verdict, what: Question) -> None:
    """Do what an answer means."""
    match said:
        case Verdict.CONFIRM:
            confirm(hand)
        case Verdict.RELEASE:
            reason = "account_refused" if what is Question.VALIDATE else "refused"
            release(hand, reason)
        case Verdict.UNDO:
            is_reversed = what in REVERSING
            cause = _TAKEN_BACK if is_reversed else "refused_after_acceptance"
            hand.undo(cause=cause)
            blocks.put_back(hand.session, [hand.exchange.exchange_ref], at=hand.at)
            move(hand, "declined", cause)
        case Verdict.DISPUTE:
            _come_late(hand)
        case Verdict.RESOLVE:
            move(hand, "declined", _TAKEN_BACK)
        case Verdict.KEPT:
            # A dispute is still to be ended; what was confirmed stays so.
            hand.exchange.is_reversal_wanted = hand.exchange.state == "disputed"
            move(hand, hand.exchange.state, "kept_by_partner")
        case Verdict.KEEP:
            return


def _come_late(hand: Hand) -> None:
    """Take in what a partner did after we had given up.

    Points that were given back and units that came are for finance to see. Units that
    were taken, for nothing so far, are worth their points still.
    """
    exchange = hand.exchange
    if exchange.direction == Direction.IN and (
        exchange.billing == "postpaid" or draw(hand)
    ):
        confirm(hand, "came_late")
    else:
        move(hand, "disputed", "confirmed_after_release")


def _attempts(exchange: Exchange) -> tuple[Any, ...]:
    return (
        ExchangeAttempt.member_id == exchange.member_id,
        ExchangeAttempt.exchange_ref == exchange.exchange_ref,
    )

"""Put questions about orders to partners: which one, and what its answer means.

A question is written down before it is asked and answered after, in transactions of
their own; whoever finds one unanswered knows that somebody may still be waiting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from loyalty.keyring import Keyring
from loyalty.orders import quotes
from loyalty.orders.models import OrderAttempt, OrderEvent, Policy
from loyalty.orders.moving import (
    InHand,
    credit_of,
    let_go,
    move,
    recipient_of,
    refund,
    spend_points,
    take,
    undo,
)
from loyalty.orders.rules import (
    OVER_STATES,
    POLICY_WITHIN,
    Asked,
    Case,
    Question,
    next_question,
    partner_reference,
)
from loyalty.tiers.rules import months_later
from partners.ports import Outcome, PolicyOrder, PrepaidOrder, Receipt

ACTOR = "partners"
_DETAIL_LENGTH_MAX = 300
# ABSENT: this asking never left us, which says nothing of an earlier one.
_UNCLEAR = frozenset({Outcome.UNKNOWN, Outcome.PENDING, Outcome.ABSENT})


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that has been written down and is to be asked now."""

    what: Question
    attempt_no: int
    reference: str
    policy: PolicyOrder | None = None
    policy_no: str = ""
    prepaid: PrepaidOrder | None = None


def claim(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    keyring: Keyring,
    at: datetime,
) -> Ask | None:
    """Write down the next question of an order; None: there is nothing to ask now.

    An order that has waited too long fails here. Raises `UnknownOrder`.
    """
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=ACTOR, at=at)
    what = next_question(_case(hand), at=at)
    if what is Question.GIVE_UP:
        let_go(hand, "failed", "no_policy_in_time")
        what = next_question(_case(hand), at=at)
    if what is None:
        return None
    attempt_no = session.scalar(
        select(func.coalesce(func.max(OrderAttempt.attempt_no), 0) + 1).where(
            OrderAttempt.member_id == member_id, OrderAttempt.order_ref == order_ref
        )
    )
    assert attempt_no is not None
    session.execute(
        insert(OrderAttempt).values(
            **hand.key, attempt_no=attempt_no, what=what, asked_at=at
        )
    )
    if hand.order.state == "accepted":
        move(hand, "in_progress", what)
    return _ask(hand, what, attempt_no, keyring)


def settle(
    session: Session,
    *,
    member_id: int,
    order_ref: str,
    ask: Ask,
    receipt: Receipt,
    at: datetime,
) -> None:
    """Write an answer down, and do what it means. Raises `UnknownOrder`."""
    hand = take(session, member_id=member_id, order_ref=order_ref, actor=ACTOR, at=at)
    detail = receipt.reason or receipt.partner_ref
    session.execute(
        update(OrderAttempt)
        .where(
            OrderAttempt.member_id == member_id,
            OrderAttempt.order_ref == order_ref,
            OrderAttempt.attempt_no == ask.attempt_no,
        )
        .values(
            answered_at=at,
            outcome=str(receipt.outcome),
            detail=detail and detail[:_DETAIL_LENGTH_MAX],
        )
        .execution_options(synchronize_session=False)
    )
    match ask.what:
        case Question.CREDIT:
            _credited(hand, receipt)
        case Question.ISSUE | Question.LOOK_UP:
            _issued(hand, receipt, ask)
        case Question.CANCEL:
            _canceled(hand, receipt)
        case Question.TAKE_BACK:
            _taken_back(hand, receipt)


def _case(hand: InHand) -> Case:
    """Return what decides whom to ask next."""
    session, order = hand.session, hand.order
    credit, policy = credit_of(hand), _policy(hand)
    accepted_at = session.scalar(
        select(func.max(OrderEvent.at)).where(
            OrderEvent.member_id == order.member_id,
            OrderEvent.order_ref == order.order_ref,
            OrderEvent.state == "accepted",
        )
    )
    attempts = session.execute(
        select(OrderAttempt.what, OrderAttempt.asked_at, OrderAttempt.outcome)
        .where(
            OrderAttempt.member_id == order.member_id,
            OrderAttempt.order_ref == order.order_ref,
        )
        .order_by(OrderAttempt.attempt_no)
    )
    return Case(
        state=order.state,
        is_insurance=order.fulfilment == "INSURANCE",
        accepted_at=accepted_at or order.placed_at,
        prepaid=credit.state if credit else None,
        has_policy=policy is not None and policy.canceled_on is None,
        asked=[Asked(*attempt) for attempt in attempts],
    )


def _ask(hand: InHand, what: Question, attempt_no: int, keyring: Keyring) -> Ask:
    """Return a question with all that its partner needs to know."""
    order = hand.order
    reference = partner_reference(member_id=order.member_id, order_ref=order.order_ref)
    if what is Question.ISSUE:
        given = recipient_of(keyring, order)
        lines = quotes.lines_of(hand.session, member_id=order.member_id)
        return Ask(
            what,
            attempt_no,
            reference,
            policy=PolicyOrder(
                reference=reference,
                product=order.item_code,
                quantity=order.quantity,
                insured_name=given.insured_name or "",
                insured_id=given.insured_id or "",
                msisdn=given.msisdn or (lines[0] if lines else ""),
                # Cover begins with the day after, as short-term policies do.
                starts_on=hand.on + timedelta(days=1),
            ),
        )
    if what is Question.CANCEL:
        policy = _policy(hand)
        assert policy is not None
        return Ask(what, attempt_no, reference, policy_no=policy.policy_no)
    credit = credit_of(hand)
    if what is Question.LOOK_UP or credit is None:
        return Ask(what, attempt_no, reference)
    prepaid = PrepaidOrder(
        reference=reference, msisdn=credit.msisdn, amount_fen=credit.amount_fen
    )
    return Ask(what, attempt_no, reference, prepaid=prepaid)


def _credited(hand: InHand, receipt: Receipt) -> None:
    """Go on once the prepaid balance has the money, or give it back."""
    credit = credit_of(hand)
    assert credit is not None
    if credit.state != "asked":
        return
    if receipt.outcome is Outcome.CONFIRMED:
        credit.state, credit.state_at = "credited", hand.at
    elif receipt.outcome is Outcome.DECLINED:
        credit.state, credit.state_at = "refused", hand.at
    hand.session.flush()
    if credit.state != "refused":
        return
    if hand.order.state in OVER_STATES:
        refund(hand, name="all", amount_fen=hand.order.cash_fen, reason="not_credited")
    else:
        let_go(hand, "failed", "not_credited")


def _issued(hand: InHand, receipt: Receipt, ask: Ask) -> None:
    """Let the points go for a policy; give them back where none will come."""
    order = hand.order
    is_open = order.state in ("accepted", "in_progress")
    if receipt.outcome is Outcome.CONFIRMED:
        if _policy(hand) is not None:
            return  # two asked at once, and both were answered
        _write_policy(hand, receipt.partner_ref or ask.reference)
        if is_open:
            spend_points(hand)
            move(hand, "fulfilled", "policy_issued")
    elif is_open and _policy(hand) is None:
        is_late = hand.at >= _case(hand).accepted_at + POLICY_WITHIN
        if receipt.outcome is Outcome.DECLINED:
            let_go(hand, "failed", "declined_by_insurer")
        elif ask.what is Question.LOOK_UP and is_late:
            let_go(hand, "failed", "no_policy_in_time")


def _write_policy(hand: InHand, policy_no: str) -> None:
    order = hand.order
    free_look = order.free_look_days
    hand.session.add(
        Policy(
            **hand.key,
            insurer=order.partner or "",
            policy_no=policy_no,
            issued_on=hand.on,
            covered_until=months_later(hand.on, order.term_months or 0),
            free_look_until=hand.on + timedelta(days=free_look) if free_look else None,
        )
    )
    hand.session.flush()


def _canceled(hand: InHand, receipt: Receipt) -> None:
    """Give everything back for a policy that its insurer has canceled."""
    policy, is_wish = _policy(hand), hand.order.state == "in_progress"
    if policy is None or policy.canceled_on is not None:
        return
    if receipt.outcome is Outcome.CONFIRMED:
        policy.canceled_on = hand.on
        hand.session.flush()
        if is_wish:
            undo(hand, quantity=hand.left, reason="free_look", restock=True)
            move(hand, "canceled", "free_look")
    elif is_wish and receipt.outcome not in _UNCLEAR:
        move(hand, "fulfilled", "insurer_kept_policy")


def _taken_back(hand: InHand, receipt: Receipt) -> None:
    """Refund what was taken back from the prepaid balance; what was spent stays."""
    credit = credit_of(hand)
    if credit is None or credit.state not in ("asked", "credited"):
        return
    if receipt.outcome is Outcome.CONFIRMED:
        credit.state, credit.state_at = "taken_back", hand.at
        hand.session.flush()
        refund(hand, name="all", amount_fen=hand.order.cash_fen, reason="taken_back")
    elif receipt.outcome is Outcome.DECLINED:
        credit.state, credit.state_at = "kept", hand.at
        hand.session.flush()


def _policy(hand: InHand) -> Policy | None:
    key = (hand.order.member_id, hand.order.order_ref)
    return hand.session.get(Policy, key, populate_existing=True)

"""End what a leaver still has: one thing at a time, each in a transaction of its own.

What to end, and in which order, is the policy's; `end` says how each is ended. All of
it is safe to repeat, and whoever is killed half-way goes on at the next step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.churn.models import ENDED_STATES, OPEN_STATES, ChurnStep
from loyalty.churn.rules import again_at, working_days_later
from loyalty.clubs.ending import Leaver
from loyalty.clubs.ending import end_all as end_memberships
from loyalty.clubs.ending import reinstate as give_memberships_back
from loyalty.contests.leaving import end_all as withdraw_from_contests
from loyalty.contests.leaving import reinstate as enter_contests_again
from loyalty.errors import LoyaltyError
from loyalty.events.operations import record as tell
from loyalty.exchange.models import Exchange
from loyalty.exchange.operations import cancel as cancel_exchange
from loyalty.linking.models import LinkConsent
from loyalty.linking.operations import revoke
from loyalty.orders.errors import PartnerIsAsked
from loyalty.orders.models import MemberOrder
from loyalty.orders.operations import cancel as cancel_order
from loyalty.orders.rules import OVER_STATES
from loyalty.points.models import Departure
from loyalty.settings import TIME_ZONE
from loyalty.venues.leaving import end_all as give_up_places
from loyalty.venues.leaving import reinstate as give_places_back
from loyalty.vouchers.operations import make_good, void_unused
from partners.ports import CardInstruction, Outcome, Receipt

ACTOR: Final = "job:chase-churn"
PERSON: Final = "person"  # who has to look
_FAILURES: Final = 5  # after so many, a person has to look


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of taking up a step."""

    state: Literal["done", "survived", "dropped", "waiting", "alarmed"]
    detail: Mapping[str, Any] = field(default_factory=dict)
    waits_for: str | None = None  # a partner, or a person


@dataclass(frozen=True, slots=True)
class Hand:
    """A step in hand, locked, and the leaving it belongs to."""

    session: Session
    step: ChurnStep
    departure: Departure
    at: datetime


def take(
    session: Session,
    *,
    member_id: int,
    departure_ref: str,
    benefit: str,
    subject: str,
    at: datetime,
) -> Hand | None:
    """Take a step in hand; None: it has come to its end."""
    step = session.get(
        ChurnStep,
        (member_id, departure_ref, benefit, subject),
        with_for_update=True,
        populate_existing=True,
    )
    if step is None or step.state not in OPEN_STATES:
        return None
    departure = session.get_one(Departure, (member_id, departure_ref))
    return Hand(session, step, departure, at)


def go_on(session: Session, *, at: datetime, **key: Any) -> str | None:
    """Take up a step that needs no partner's answer; return its state.

    None: it has come to its end already.
    """
    hand = take(session, at=at, **key)
    if hand is None:
        return None
    hand.step.attempts += 1
    write(hand, end(hand))
    return hand.step.state


def note_failure(session: Session, *, at: datetime, **key: Any) -> None:
    """Write down that a step could not go on; one that never can is an alarm."""
    hand = take(session, at=at, **key)
    if hand is None:
        return
    step = hand.step
    step.attempts += 1
    if step.attempts >= _FAILURES:
        step.state, step.waits_for = "alarmed", PERSON
    step.due_at = again_at(at, step.attempts)
    session.flush()


def end(hand: Hand) -> Verdict:
    """End one benefit, or give one back, as `WAYS` says."""
    return WAYS[hand.step.benefit](hand)


def write(hand: Hand, verdict: Verdict) -> None:
    """Write down what came of a step."""
    step = hand.step
    step.state = verdict.state
    step.waits_for = verdict.waits_for
    step.detail = {**(step.detail or {}), **verdict.detail} or None
    is_over = verdict.state in ENDED_STATES
    step.ended_at = hand.at if is_over else None
    step.due_at = hand.at if is_over else again_at(hand.at, step.attempts)
    hand.session.flush()


def _end_exchange(hand: Hand) -> Verdict:
    step = hand.step
    exchange = hand.session.get_one(Exchange, (step.member_id, step.subject))
    if exchange.state == "requested":
        exchange = cancel_exchange(
            hand.session,
            member_id=step.member_id,
            exchange_ref=step.subject,
            actor=ACTOR,
            at=hand.at,
            reason="has_left",
        )
        return Verdict("done", {"outcome": exchange.state})
    if exchange.state == "sent":
        return Verdict("waiting", waits_for=exchange.partner)
    if exchange.state == "disputed":
        return Verdict("waiting", waits_for=PERSON)
    # What was given there stays given; what came back here was void at once.
    is_kept = exchange.state == "confirmed"
    return Verdict("survived" if is_kept else "done", {"outcome": exchange.state})


def _end_order(hand: Hand) -> Verdict:
    step = hand.step
    order = hand.session.get_one(MemberOrder, (step.member_id, step.subject))
    if order.state in OVER_STATES:
        return Verdict("done", {"outcome": order.state})
    if hand.departure.reinstated_on is not None and order.state != "in_progress":
        return Verdict("dropped")  # nobody has called it off, nor shall they now
    try:
        with hand.session.begin_nested():
            cancel_order(
                hand.session,
                member_id=step.member_id,
                order_ref=step.subject,
                actor=ACTOR,
                reason="has_left",
                at=hand.at,
            )
    except PartnerIsAsked:
        return Verdict("waiting", waits_for=order.partner)
    except LoyaltyError as refused:
        return Verdict("survived", {"why": refused.code})
    hand.session.refresh(order)
    if order.state in OVER_STATES:
        return Verdict("done", {"outcome": order.state})
    return Verdict("waiting", waits_for=order.partner)


def _end_vouchers(hand: Hand) -> Verdict:
    voided = void_unused(
        hand.session,
        member_id=hand.step.member_id,
        order_ref=hand.step.subject,
        on=hand.departure.void_on,
        at=hand.at,
    )
    if not voided:
        return Verdict("survived", {"why": "voucher_used"})
    return Verdict("done", {"vouchers": [str(voucher_id) for voucher_id in voided]})


def _end_bookings(hand: Hand) -> Verdict:
    leavers = {hand.step.member_id: hand.step.departure_ref}
    ended = give_up_places(hand.session, leavers=leavers, actor=ACTOR, at=hand.at)
    ended += withdraw_from_contests(
        hand.session, leavers=leavers, actor=ACTOR, at=hand.at
    )
    return Verdict("done", {"places": ended})


def _end_clubs(hand: Hand) -> Verdict:
    ended = end_memberships(
        hand.session, leavers=[_leaver(hand)], actor=ACTOR, at=hand.at
    )
    return Verdict("done", {"memberships": ended.memberships, "kept": ended.kept})


def _return_clubs(hand: Hand) -> Verdict:
    given = give_memberships_back(
        hand.session, returners=[_leaver(hand)], actor=ACTOR, at=hand.at
    )
    return Verdict("done", {"memberships": given.memberships})


def _leaver(hand: Hand) -> Leaver:
    return Leaver(
        member_id=hand.step.member_id,
        on=hand.departure.reinstated_on or hand.departure.void_on,
        reference=hand.step.departure_ref,
    )


def _return_vouchers(hand: Hand) -> Verdict:
    ended = hand.session.get_one(
        ChurnStep,
        (
            hand.step.member_id,
            hand.step.departure_ref,
            "vouchers",
            hand.step.subject,
        ),
    )
    good = make_good(
        hand.session,
        member_id=hand.step.member_id,
        voucher_ids=[UUID(one) for one in (ended.detail or {}).get("vouchers", [])],
        at=hand.at,
    )
    return Verdict("done", {"vouchers": [str(voucher_id) for voucher_id in good]})


def _return_bookings(hand: Hand) -> Verdict:
    returners = {hand.step.member_id: hand.step.departure_ref}
    given = give_places_back(hand.session, returners=returners, actor=ACTOR, at=hand.at)
    given += enter_contests_again(hand.session, returners=returners, at=hand.at)
    return Verdict("done", {"places": given})


def _end_link(hand: Hand) -> Verdict:
    found = hand.session.scalar(
        select(LinkConsent).where(LinkConsent.consent_ref == hand.step.subject)
    )
    assert found is not None
    if found.state == "authorized" and "churn.notify" in found.kinds:
        tell(
            hand.session,
            partner=found.partner,
            type_="subscription.churned",
            data={
                "link": found.consent_ref,
                "left_on": hand.departure.left_on.isoformat(),
            },
            at=hand.at,
        )
    revoke(
        hand.session,
        consent_ref=hand.step.subject,
        reason="has_left",
        at=hand.at,
        member_id=found.member_id,
    )
    return Verdict("done", {"partner": found.partner})


# What becomes of each benefit, in a sentence (domain.md A31, Q19). The policy says
# which of them end for whom, and in which order; points and tiers end by themselves.
WAYS: Final[Mapping[str, Callable[[Hand], Verdict]]] = {
    "exchanges": _end_exchange,  # not sent: called off; in flight: settles first
    "orders": _end_order,  # not delivered, or in its free look: canceled
    "vouchers": _end_vouchers,  # not used: void
    "bookings": _end_bookings,  # to come, or not over: the place is given up
    "clubs": _end_clubs,  # as the terms of each club say; what was paid is given back
    "links": _end_link,  # nothing more is told or done there
    "return.vouchers": _return_vouchers,  # what was void is good again
    "return.clubs": _return_clubs,  # with what was used of them
    "return.bookings": _return_bookings,  # where there is still room
}


@dataclass(frozen=True, slots=True)
class CardAsk:
    """A question to a bank about the end of a card's function, to be asked now."""

    partner: str
    order: CardInstruction
    is_new: bool  # False: ask what became of it


def claim_card(session: Session, *, at: datetime, **key: Any) -> CardAsk | None:
    """Write down that a bank is asked now; None: there is nothing to ask.

    The operator cannot end the contract of a card: the bank is instructed, and its
    acknowledgement waited for (domain.md A31, Q17).
    """
    hand = take(session, at=at, **key)
    if hand is None:
        return None
    step = hand.step
    partner, _, account = step.subject.partition("/")
    detail = step.detail or {}
    is_new = not detail.get("sent_at")
    if is_new and hand.departure.reinstated_on is not None:
        write(hand, Verdict("dropped"))  # they never heard of it, nor shall they now
        return None
    if is_new:
        detail = detail | {"sent_at": at.isoformat()}
        tell(
            session,
            partner=partner,
            type_="card_function.cancel_requested",
            data={
                "reference": reference_of(step),
                "effective_on": hand.departure.left_on.isoformat(),
            },
            at=at,
        )
    step.attempts += 1
    step.state = "alarmed" if step.state == "alarmed" else "waiting"
    step.waits_for, step.detail = partner, detail
    step.due_at = again_at(at, step.attempts)
    session.flush()
    return CardAsk(
        partner,
        CardInstruction(
            reference=reference_of(step),
            account_ref=account,
            cause="subscriber_left",
            effective_on=hand.departure.left_on,
        ),
        is_new=is_new,
    )


def settle_card(
    session: Session, *, receipt: Receipt | None, at: datetime, **key: Any
) -> str | None:
    """Take in a bank's answer; None instead of one: the bank cannot be asked.

    Without an acknowledgement in the working days that the terms give, or after a no,
    the step is an alarm and a person has to look; the bank is asked again all the same.
    Returns the state of the step; None: it had come to its end.
    """
    hand = take(session, at=at, **key)
    if hand is None:
        return None
    step = hand.step
    partner = step.subject.partition("/")[0]
    outcome = Outcome.UNKNOWN if receipt is None else receipt.outcome
    if receipt is not None and outcome is Outcome.CONFIRMED:
        write(hand, Verdict("done", {"acknowledged": receipt.partner_ref}))
        return step.state
    detail: dict[str, Any] = {}
    if receipt is not None and outcome is Outcome.DECLINED:
        detail = {"declined": receipt.reason or ""}
    elif receipt is not None and outcome is Outcome.ABSENT:
        detail = {"sent_at": None}  # they never heard of it: it is sent again
    days: int = session.scalar(
        text(
            "SELECT bank_answers_within_days FROM churn_terms"
            " WHERE version = coalesce(:version, version)"
            " ORDER BY version DESC LIMIT 1"
        ),
        {"version": hand.departure.policy_version},
    )
    begun = step.made_at.astimezone(TIME_ZONE).date()
    is_late = at.astimezone(TIME_ZONE).date() > working_days_later(begun, days)
    if is_late or outcome is Outcome.DECLINED:
        write(hand, Verdict("alarmed", detail, waits_for=partner))
    else:
        write(hand, Verdict("waiting", detail, waits_for=partner))
    return step.state


def reference_of(step: ChurnStep) -> str:
    """Return the name by which a bank knows an instruction, for ever."""
    card = sha256(step.subject.encode()).hexdigest()[:8]
    return f"churn:{step.member_id}:{card}:{step.departure_ref}"


def card_named(session: Session, *, reference: str) -> dict[str, Any] | None:
    """Return the key of the step that a bank's word is about; None: of none of ours."""
    prefix, _, rest = reference.partition(":")
    member, _, rest = rest.partition(":")
    card, _, departure = rest.partition(":")
    if prefix != "churn" or not member.isascii() or not member.isdigit():
        return None
    steps = session.scalars(
        select(ChurnStep).where(
            ChurnStep.member_id == int(member),
            ChurnStep.departure_ref == departure,
            ChurnStep.benefit == "card",
        )
    )
    for step in steps:
        if reference_of(step).split(":")[2] == card:
            return key_of(step)
    return None


def key_of(step: ChurnStep) -> dict[str, Any]:
    """Return what names a step."""
    return {
        "member_id": step.member_id,
        "departure_ref": step.departure_ref,
        "benefit": step.benefit,
        "subject": step.subject,
    }

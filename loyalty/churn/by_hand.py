"""Settle by hand what a bank leaves open: an alarm that a person looked into."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from loyalty.churn.errors import ChurnNoteMissing, ChurnStepMovedOn
from loyalty.churn.saga import Verdict, take, write


class ByHand(StrEnum):
    """What a person found out at the bank."""

    DONE = "done"  # the function has ended there
    GIVEN_UP = "given_up"  # it stays; nobody asks for it any more


def settle_card(
    session: Session,
    *,
    member_id: int,
    departure_ref: str,
    subject: str,
    outcome: ByHand,
    note: str,
    actor: str,
    at: datetime,
) -> str:
    """Bring a card that is an alarm to its end; return the state of the step.

    Who did so and how they know stands with the step for good, and the bank is not
    asked again. Raises `ChurnNoteMissing`, and `ChurnStepMovedOn` where the bank has
    answered meanwhile or still has its time.
    """
    if not note:
        raise ChurnNoteMissing
    hand = take(
        session,
        member_id=member_id,
        departure_ref=departure_ref,
        benefit="card",
        subject=subject,
        at=at,
    )
    if hand is None or hand.step.state != "alarmed":
        raise ChurnStepMovedOn(benefit="card")
    told = {"by_hand": outcome.value, "by": actor, "note": note}
    is_done = outcome is ByHand.DONE
    write(hand, Verdict("done" if is_done else "survived", told))
    return hand.step.state

"""Read members and their lines."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.members.models import Claim, Subscription


def member_id_of(session: Session, *, member_ref: str) -> int | None:
    """Return the member whom the operator calls so; None: nobody."""
    return session.scalar(
        select(Claim.member_id).where(Claim.space == "member", Claim.key == member_ref)
    )


def subscriptions(session: Session, *, member_id: int) -> Sequence[Subscription]:
    """Return the lines a member has or had, oldest first."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.member_id == member_id)
        .order_by(Subscription.activated_on, Subscription.msisdn)
    ).all()

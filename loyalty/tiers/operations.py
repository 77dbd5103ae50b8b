"""Give tiers."""

from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.tiers.errors import UnknownTier
from loyalty.tiers.models import TierGrant
from loyalty.tiers.queries import ladder


def grant(
    session: Session,
    *,
    member_id: int,
    tier: str,
    granted_on: date,
    until: date,
    reason: str,
    actor: str,
    approval_id: int | None = None,
) -> None:
    """Give a member a tier until a day; the same grant again changes nothing.

    Raises `UnknownTier`.
    """
    if tier not in {rung.tier for rung in ladder(session)}:
        raise UnknownTier(tier=tier)
    session.execute(
        insert(TierGrant)
        .values(
            member_id=member_id,
            tier=tier,
            granted_on=granted_on,
            until=until,
            reason=reason,
            actor=actor,
            approval_id=approval_id,
        )
        .on_conflict_do_nothing()
    )

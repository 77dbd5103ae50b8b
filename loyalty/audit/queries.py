"""Read what staff did."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.audit.models import Audit


def trail(
    session: Session,
    *,
    actor: str | None = None,
    action: str | None = None,
    object_: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Audit]:
    """Return what was done, newest first, of one actor, action or object if told."""
    wanted = select(Audit).order_by(Audit.id.desc()).limit(limit)
    if actor is not None:
        wanted = wanted.where(Audit.actor == actor)
    if action is not None:
        wanted = wanted.where(Audit.action == action)
    if object_ is not None:
        wanted = wanted.where(Audit.object_ == object_)
    if before_id is not None:
        wanted = wanted.where(Audit.id < before_id)
    return session.scalars(wanted).all()

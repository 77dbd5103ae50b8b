"""Write down what staff did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.audit.models import Audit


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    roles: Sequence[str],
    source: str,
    action: str,
    object_: str,
    request_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    approval_id: int | None = None,
) -> None:
    """Keep who did what to what, with how it was before and after."""
    session.execute(
        insert(Audit).values(
            at=at,
            actor=actor,
            roles=list(roles),
            source=source,
            action=action,
            object_=object_,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            reason=reason,
            approval_id=approval_id,
            request_id=request_id,
        )
    )

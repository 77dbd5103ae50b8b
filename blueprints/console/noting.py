"""Write down what staff do here, with who they are and where they sit."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from blueprints.sessions import caller_address, request_id, this_staff
from loyalty.audit.operations import record
from loyalty.clock import now


def note(
    session: Session,
    *,
    action: str,
    object_: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    approval_id: int | None = None,
) -> None:
    """Keep what the signed-in member of staff did to what, in this transaction."""
    who = this_staff()
    record(
        session,
        at=now(),
        actor=who.login,
        roles=who.roles,
        source=caller_address(),
        action=action,
        object_=object_,
        before=before,
        after=after,
        reason=reason,
        approval_id=approval_id,
        request_id=request_id(),
    )

"""Let members of the demo confirm what they do, with codes as in life."""

from datetime import datetime

from sqlalchemy.orm import Session

from loyalty.access.operations import issue_code, verify_code
from loyalty.keyring import Keyring


def confirm(
    session: Session,
    *,
    member_id: int,
    purpose: str = "confirm",
    bound: str,
    keyring: Keyring,
    at: datetime,
) -> None:
    """Let a member confirm exactly one thing."""
    issued = issue_code(
        session,
        member_id=member_id,
        purpose=purpose,
        bound=bound,
        keyring=keyring,
        at=at,
    )
    is_right = verify_code(
        session, code_id=issued.code_id, code=issued.code, keyring=keyring, at=at
    )
    assert is_right, "a code that was just issued is right"

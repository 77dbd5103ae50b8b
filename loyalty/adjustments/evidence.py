"""What is shown for a request: looked at, hashed, and sealed."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.adjustments.errors import BadEvidence
from loyalty.adjustments.models import AdjustmentEvidence
from loyalty.adjustments.queries import PURPOSE
from loyalty.adjustments.rules import EVIDENCE_BYTES_MAX, media_type_of
from loyalty.keyring import Keyring

_NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class Shown:
    """A file that was looked at: what it is, and what stands in it."""

    name: str
    content: bytes
    media_type: str
    sha256: str


def look_at(*, name: str, content: bytes) -> Shown:
    """Take a file as evidence, if it is of a kind that can be looked at again.

    Raises `BadEvidence`.
    """
    media_type = media_type_of(content) if len(content) <= EVIDENCE_BYTES_MAX else None
    if media_type is None:
        raise BadEvidence(bytes_max=EVIDENCE_BYTES_MAX)
    return Shown(
        name=name[-_NAME_MAX:],
        content=content,
        media_type=media_type,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def keep(
    session: Session,
    *,
    member_id: int,
    adjustment_ref: str,
    shown: Shown,
    keyring: Keyring,
) -> None:
    """Keep what was shown for a request, so that nobody reads it in the database."""
    session.execute(
        insert(AdjustmentEvidence).values(
            member_id=member_id,
            adjustment_ref=adjustment_ref,
            sha256=shown.sha256,
            size=len(shown.content),
            media_type=shown.media_type,
            name=shown.name,
            sealed=keyring.seal(PURPOSE, shown.content.hex()),
        )
    )

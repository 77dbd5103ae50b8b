"""Write down what clubs cost."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


def incur(
    session: Session,
    *,
    club: str | None,
    venue: str | None,
    member_id: int | None,
    on: date,
    effective_on: date,
    fen: int,
    kind: str,
    reference: str,
) -> None:
    """Put money on the club cost line, once per reference; nothing costs nothing.

    It counts on its accounting day, the first open one where its own is closed.

    What is undone is put there with another reference, below zero.
    """
    if fen == 0:
        return
    session.execute(
        text(
            """
            INSERT INTO club_cost
                   (club, venue, member_id, incurred_on, effective_on, fen, kind,
                    reference)
            VALUES (:club, :venue, :member, :on, :effective_on, :fen, :kind, :reference)
            """
        ),
        {
            "club": club,
            "venue": venue,
            "member": member_id,
            "on": on,
            "effective_on": effective_on,
            "fen": fen,
            "kind": kind,
            "reference": reference,
        },
    )

"""Read pools of voucher codes."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Pool:
    """How the codes of an item stand."""

    item_code: str
    left: int
    reserved: int
    issued: int
    used: int
    void: int
    batches: int


def pools(session: Session) -> list[Pool]:
    """Return how the codes of every item stand, by its code."""
    rows = session.execute(
        text(
            """
            SELECT item_code,
                   count(*) FILTER (WHERE state = 'pool'),
                   count(*) FILTER (WHERE state = 'reserved'),
                   count(*) FILTER (WHERE state = 'issued'),
                   count(*) FILTER (WHERE state = 'used'),
                   count(*) FILTER (WHERE state = 'void'),
                   count(DISTINCT batch)
              FROM voucher GROUP BY item_code ORDER BY item_code
            """
        )
    )
    return [Pool(*row) for row in rows]


def expiring(session: Session, *, member_id: int, until: date) -> int:
    """Return how many unused vouchers of a member end by a day."""
    return int(
        session.scalar(
            text(
                "SELECT count(*) FROM voucher WHERE member_id = :member"
                " AND state = 'issued' AND valid_until <= :until"
            ),
            {"member": member_id, "until": until},
        )
        or 0
    )

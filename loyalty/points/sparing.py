"""Points that were bought stay when leaving voids the rest, unless its policy says so.

Leaving itself is booked by `loyalty.churn`; here is what comes back afterwards.
"""

from contextlib import suppress
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.errors import NothingToPost
from ledger.values import Entry, Scope, Transfer
from loyalty.points.entries import BOUGHT, PURCHASED, UNIVERSAL


def is_spared(session: Session, *, member_id: int, entry_id: UUID) -> bool:
    """Whether an entry drew bought points whose owner's leaving does not void them."""
    return bool(
        session.scalar(
            text(
                """
                SELECT EXISTS (
                    SELECT FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x
                     WHERE t.member_id = :member AND t.id = :entry
                       AND x.cost_class = :purchased)
                   AND NOT EXISTS (
                    SELECT FROM (SELECT d.policy_version, d.reason FROM departure d
                                  WHERE d.member_id = :member
                                    AND d.reinstated_on IS NULL
                                  ORDER BY d.left_at DESC LIMIT 1) d
                      JOIN churn_benefit b ON b.version = d.policy_version
                       AND b.reason = d.reason AND b.benefit = 'points.purchased')
                """
            ),
            {"member": member_id, "entry": entry_id, "purchased": PURCHASED},
        )
    )


def void_rest(
    session: Session,
    *,
    member_id: int,
    reference: str,
    of: UUID,
    amount: int | None = None,
    on: date,
    at: datetime,
    actor: str,
) -> None:
    """Void what came back to somebody who has left, and was not bought.

    `amount` is the most that is void; None: all there is.
    """
    # All of it may have been bought, or have paid what the member owed.
    with suppress(NothingToPost):
        Book(session).post(
            Entry(
                member_id=member_id,
                reference=reference,
                kind="churn_void",
                transfers=(
                    Transfer(
                        "available",
                        "voided.churn",
                        UNIVERSAL,
                        amount,
                        BOUGHT,
                        Scope.SPARING,
                    ),
                ),
                effective_on=on,
                occurred_at=at,
                actor=actor,
                asked={"kind": "churn_void", "of": of},
            )
        )

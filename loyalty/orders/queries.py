"""Read what orders there are: of members, of clerks, and what waits for whom."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.access.queries import member_of_number
from loyalty.members.queries import member_id_of
from loyalty.orders.rules import (
    GIVE_UP_AFTER,
    OPEN_STATES,
    POLICY_WITHIN,
    REVIEW_WITHIN,
    Way,
)
from loyalty.orders.showing import PolicyView

_REF_BEGINNING = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order in a list."""

    member_id: int
    member_ref: str
    order_ref: str
    item_code: str
    title_zh: str
    title_en: str
    emblem: str
    quantity: int
    way: Way
    points: int
    cash_fen: int
    fulfilment: str
    channel: str
    staff_id: int | None
    recipient_hint: str | None
    state: str
    state_at: datetime
    placed_at: datetime
    returned_quantity: int


@dataclass(frozen=True, slots=True)
class WorkQueues:
    """What waits for staff, the oldest first."""

    reviews: list[OrderLine]
    deliveries: list[OrderLine]  # to be packed, or on their way
    bookings: list[OrderLine]
    stuck: list[OrderLine]  # a partner gave no answer, or one that needs a person


_LINES = """
SELECT o.member_id, m.member_ref, o.order_ref, o.item_code, i.title_zh, i.title_en,
       i.emblem, o.quantity, o.way, o.points, o.cash_fen, o.fulfilment, o.channel,
       o.staff_id, o.recipient_hint, o.state, o.state_at, o.placed_at,
       o.returned_quantity
  FROM member_order o JOIN catalogue_item i USING (item_code)
  JOIN member m USING (member_id)
"""


# Whatever somebody was asked and has not answered, with a plain yes or no, for days.
_STUCK = """
EXISTS (SELECT FROM order_attempt a
         WHERE a.member_id = o.member_id AND a.order_ref = o.order_ref
           AND a.outcome IS DISTINCT FROM 'confirmed'
           AND NOT EXISTS (
               SELECT FROM order_attempt l
                WHERE l.member_id = a.member_id AND l.order_ref = a.order_ref
                  AND l.attempt_no > a.attempt_no)
           AND (a.asked_at < CAST(:at AS timestamptz) - CAST(:give_up AS interval)
                OR a.what IN ('cancel_policy', 'take_back')
                   AND a.outcome = 'declined'
                   AND o.state IN ('canceled', 'failed')
                   AND EXISTS (SELECT FROM policy p
                                WHERE p.member_id = o.member_id
                                  AND p.order_ref = o.order_ref
                                  AND p.canceled_on IS NULL)))
"""


def orders(
    session: Session,
    *,
    member_id: int,
    before: tuple[datetime, str] | None = None,
    limit: int = 20,
) -> list[OrderLine]:
    """Return a member's orders, the newest first.

    `before` is the cursor: `placed_at` and `order_ref` of the last one already seen.
    """
    placed_at, ref = before or (None, "")
    return _lines(
        session,
        """
        WHERE o.member_id = :member
          AND (CAST(:placed_at AS timestamptz) IS NULL
               OR (o.placed_at, o.order_ref) < (:placed_at, :ref))
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {"member": member_id, "placed_at": placed_at, "ref": ref, "limit": limit},
    )


def open_orders(session: Session, *, member_id: int) -> list[OrderLine]:
    """Return a member's orders that are not fulfilled or over, the oldest first.

    Leaving the network cancels them (domain.md Q19).
    """
    return _lines(
        session,
        """
        WHERE o.member_id = :member AND o.state = ANY (:open)
        ORDER BY o.placed_at, o.order_ref
        """,
        {"member": member_id, "open": list(OPEN_STATES)},
    )


def policies(session: Session, *, member_id: int) -> list[tuple[OrderLine, PolicyView]]:
    """Return the policies a member's orders brought, the newest first."""
    lines = _lines(
        session,
        """
        WHERE o.member_id = :member AND EXISTS (
                  SELECT FROM policy p WHERE p.member_id = o.member_id
                     AND p.order_ref = o.order_ref)
        ORDER BY o.placed_at DESC, o.order_ref DESC
        """,
        {"member": member_id},
    )
    found = {
        ref: PolicyView(*facts)
        for ref, *facts in session.execute(
            text(
                "SELECT order_ref, insurer, policy_no, issued_on, covered_until,"
                " free_look_until, canceled_on FROM policy WHERE member_id = :member"
            ),
            {"member": member_id},
        )
    }
    return [(line, found[line.order_ref]) for line in lines]


def orders_of_staff(
    session: Session, *, staff_id: int, on: date | None = None, limit: int = 50
) -> list[OrderLine]:
    """Return what a clerk took, the newest first; `on`: of one day only."""
    return _lines(
        session,
        """
        WHERE o.staff_id = :staff
          AND (CAST(:on AS date) IS NULL
               OR o.placed_at >= CAST(:on AS date)
                  AND o.placed_at < CAST(:on AS date) + 1)
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {"staff": staff_id, "on": on, "limit": limit},
    )


def search(
    session: Session, *, words: str, at: datetime, limit: int = 50
) -> list[OrderLine]:
    """Return the orders that somebody means, the newest first.

    By the order's number or its first eight characters or more, the tracking number
    of its parcel, or the member: by reference, or by a number of theirs.
    """
    words = words.strip()
    ref = words.lower()
    is_ref = _REF_BEGINNING.fullmatch(ref) is not None
    member_id = member_id_of(session, member_ref=words)
    if member_id is None:
        member_id = member_of_number(session, msisdn=words, at=at)
    return _lines(
        session,
        """
        WHERE (o.member_id, o.order_ref) IN (
                  SELECT member_id, order_ref FROM member_order
                   WHERE order_ref BETWEEN :first AND :last
                   UNION SELECT member_id, order_ref FROM member_order
                   WHERE member_id = :member
                   UNION SELECT member_id, order_ref FROM delivery
                   WHERE tracking_no = :words)
        ORDER BY o.placed_at DESC, o.order_ref DESC LIMIT :limit
        """,
        {
            "first": f"{ref:0<32}" if is_ref else None,
            "last": f"{ref:f<32}" if is_ref else None,
            "member": member_id,
            "words": words,
            "limit": limit,
        },
    )


def work_queues(session: Session, *, at: datetime, limit: int = 200) -> WorkQueues:
    """Return what waits for staff, the oldest first."""
    facts = {"at": at, "give_up": GIVE_UP_AFTER, "limit": limit}
    conditions = (
        "o.state = 'awaiting_review'",
        "o.fulfilment = 'DELIVERY' AND o.state IN ('accepted', 'in_progress')",
        "o.fulfilment = 'BOOKING' AND o.state = 'accepted'",
        _STUCK,
    )
    return WorkQueues(
        *(
            _lines(
                session,
                f"WHERE {condition} ORDER BY o.state_at, o.order_ref LIMIT :limit",
                facts,
            )
            for condition in conditions
        )
    )


def due(session: Session, *, at: datetime) -> list[tuple[int, str]]:
    """Return the orders that somebody has to take up, the longest waiting first.

    Those whose partner is to be asked, perhaps again; whose payment nobody has made in
    time, or may make no longer; whose refund is not through; whose review is over.
    """
    rows = session.execute(
        text(
            """
            WITH lying AS (
                SELECT member_id, order_ref FROM member_order
                 WHERE state IN ('accepted', 'in_progress')
                   AND fulfilment = 'INSURANCE'
                UNION
                SELECT member_id, order_ref FROM member_order
                 WHERE state = 'awaiting_review'
                   AND placed_at <= CAST(:at AS timestamptz) - :review
                UNION
                SELECT o.member_id, o.order_ref
                  FROM member_order o JOIN payment p
                    ON p.member_id = o.member_id AND p.purpose = 'order'
                   AND p.purpose_ref = o.order_ref
                 WHERE o.state = 'awaiting_payment'
                   AND (p.state IN ('succeeded', 'expired') OR p.expires_at <= :at)
                UNION
                SELECT p.member_id, p.purpose_ref
                  FROM payment p JOIN member_order o
                    ON o.member_id = p.member_id AND o.order_ref = p.purpose_ref
                 WHERE p.state IN ('asked', 'open') AND p.purpose = 'order'
                   AND o.state IN ('canceled', 'failed')
                UNION
                SELECT p.member_id, p.purpose_ref
                  FROM refund r JOIN payment p USING (member_id, payment_ref)
                 WHERE r.state = 'asked' AND p.purpose = 'order'
                UNION
                SELECT o.member_id, o.order_ref FROM member_order o
                 WHERE o.state IN ('canceled', 'failed') AND o.fulfilment = 'INSURANCE'
                   AND o.state_at > CAST(:at AS timestamptz) - :give_up
                   AND EXISTS (
                       SELECT FROM order_attempt a
                        WHERE a.member_id = o.member_id AND a.order_ref = o.order_ref)
            )
            SELECT member_id, order_ref
              FROM lying JOIN member_order USING (member_id, order_ref)
             ORDER BY state_at, member_id, order_ref
            """
        ),
        {"at": at, "review": REVIEW_WITHIN, "give_up": POLICY_WITHIN + GIVE_UP_AFTER},
    )
    return [(member_id, order_ref) for member_id, order_ref in rows]


def _lines(session: Session, where: str, facts: dict[str, object]) -> list[OrderLine]:
    return [
        OrderLine(**{**row, "way": Way(row["way"])})
        for row in session.execute(text(_LINES + where), facts).mappings()
    ]

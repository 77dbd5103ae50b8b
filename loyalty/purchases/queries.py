"""Read the terms of buying points, what was bought, and what may be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.points.entries import PURCHASED
from loyalty.purchases.errors import UnknownPurchase
from loyalty.purchases.rules import PURPOSE, Room, Terms, share
from loyalty.settings import TIME_ZONE

LISTED_MAX: Final = 100

# The identity of a member: everybody whom the operator knows by one document.
_KIN: Final = """
SELECT CAST(:member AS bigint) UNION
SELECT k.member_id FROM person p JOIN person k ON k.id_hash = p.id_hash
 WHERE p.member_id = :member AND p.id_hash <> ''
"""


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """A purchase as its owner and staff see it."""

    member_id: int
    purchase_ref: str
    points: int
    unit: str
    price_fen: int
    state: str  # awaiting_payment, bought, lapsed; returned: nothing is left of it
    placed_at: datetime
    payment_ref: str
    payment_state: str
    payment_url: str | None  # None: there is no page to pay on
    expires_on: date | None  # None: there are no points yet
    returned_points: int
    returned_fen: int
    unspent: int  # of it, in the lot it went to
    return_until: date  # while its owner is with us
    may_return: bool  # now
    return_fen: int  # what that would pay back

    @property
    def is_open(self) -> bool:
        """Whether it waits for money."""
        return self.state == "awaiting_payment"


_VIEW: Final = """
SELECT p.*, t.return_days, y.state AS payment_state, y.url,
       y.refunding_fen, coalesce(b.points, 0) AS returned_points,
       coalesce(b.fen, 0) AS returned_fen, coalesce(l.units_left, 0) AS lot_left,
       m.left_on IS NOT NULL AS has_left
  FROM point_purchase p
  JOIN purchase_terms t ON t.version = p.terms_version
  JOIN payment y ON y.member_id = p.member_id AND y.payment_ref = p.payment_ref
  JOIN member m ON m.member_id = p.member_id
  LEFT JOIN LATERAL (
      SELECT sum(r.points)::bigint AS points, sum(r.fen)::bigint AS fen
        FROM point_purchase_return r
       WHERE r.member_id = p.member_id AND r.purchase_ref = p.purchase_ref) b ON true
  LEFT JOIN LATERAL (
      SELECT sum(l.units_left)::bigint AS units_left FROM ledger.lot l
       WHERE l.member_id = p.member_id AND l.unit = p.unit
         AND l.cost_class = :purchased AND l.earned_in = p.earned_in
         AND l.expires_on = p.expires_on) l ON true
 WHERE p.member_id = :member
"""


def terms_on(session: Session, *, day: date) -> Terms | None:
    """Return the terms in force on a day; None: there are none."""
    row = session.execute(
        text(
            """
            SELECT version, is_offered, unit, step_points, step_fen, steps_min,
                   day_fen_max, year_fen_max, member_days, expiry_months, return_days,
                   on_leaving
              FROM purchase_terms WHERE valid_from <= :day
             ORDER BY version DESC LIMIT 1
            """
        ),
        {"day": day},
    ).first()
    return None if row is None else Terms(*row)


def terms_of(session: Session, *, version: int) -> Terms:
    """Return the terms under which something was bought."""
    return Terms(
        *session.execute(
            text(
                """
                SELECT version, is_offered, unit, step_points, step_fen, steps_min,
                       day_fen_max, year_fen_max, member_days, expiry_months,
                       return_days, on_leaving
                  FROM purchase_terms WHERE version = :version
                """
            ),
            {"version": version},
        ).one()
    )


def room(session: Session, *, member_id: int, terms: Terms, at: datetime) -> Room:
    """Return what an identity may still pay, with what it is about to pay counted.

    What was given back counts all the same: the limit is on what is taken in.
    """
    day = at.astimezone(TIME_ZONE).date()
    row = session.execute(
        text(
            f"""
            SELECT coalesce(sum(price_fen) FILTER (WHERE placed_at >= :day), 0) AS day,
                   coalesce(sum(price_fen), 0) AS year
              FROM point_purchase
             WHERE member_id IN ({_KIN}) AND state <> 'lapsed' AND placed_at >= :year
            """
        ),
        {
            "member": member_id,
            "day": datetime(day.year, day.month, day.day, tzinfo=TIME_ZONE),
            "year": datetime(day.year, 1, 1, tzinfo=TIME_ZONE),
        },
    ).one()
    return Room(
        today_fen=terms.day_fen_max - int(row.day),
        year_fen=terms.year_fen_max - int(row.year),
    )


def kin(session: Session, *, member_id: int) -> Sequence[int]:
    """Return all members that are one identity, in order."""
    return sorted(session.scalars(text(_KIN), {"member": member_id}))


def purchases(session: Session, *, member_id: int, at: datetime) -> list[PurchaseView]:
    """Return what a member has bought, the newest first."""
    rows = session.execute(
        text(f"{_VIEW} ORDER BY p.placed_at DESC, p.purchase_ref LIMIT {LISTED_MAX}"),
        {"member": member_id, "purchased": PURCHASED},
    )
    return [_view(row, at=at) for row in rows]


def purchase(
    session: Session, *, member_id: int, purchase_ref: str, at: datetime
) -> PurchaseView:
    """Return one purchase of a member.

    Raises `UnknownPurchase`.
    """
    row = session.execute(
        text(f"{_VIEW} AND p.purchase_ref = :ref"),
        {"member": member_id, "ref": purchase_ref, "purchased": PURCHASED},
    ).first()
    if row is None:
        raise UnknownPurchase
    return _view(row, at=at)


def due(session: Session, *, at: datetime) -> list[tuple[int, str]]:
    """Return the purchases that somebody has to take up, the longest waiting first.

    Those whose payment has ended or may be made no longer, and those with a refund
    that is not through.
    """
    rows = session.execute(
        text(
            """
            SELECT p.member_id, p.purchase_ref
              FROM point_purchase p
              JOIN payment y ON y.member_id = p.member_id
                            AND y.payment_ref = p.payment_ref
             WHERE p.state = 'awaiting_payment'
               AND (y.state IN ('succeeded', 'expired') OR y.expires_at <= :at)
             UNION
            SELECT y.member_id, y.purpose_ref
              FROM refund r JOIN payment y USING (member_id, payment_ref)
             WHERE r.state = 'asked' AND y.purpose = :purpose
             ORDER BY 1, 2
            """
        ),
        {"at": at, "purpose": PURPOSE},
    )
    return [(member_id, purchase_ref) for member_id, purchase_ref in rows]


def left_behind(session: Session, *, limit: int) -> list[tuple[int, str]]:
    """Return purchases with unspent points whose owners have left and get money back.

    Those whose points the policy of their leaving does not void, once it has voided
    the others, by the terms under which they were bought.
    """
    rows = session.execute(
        text(
            """
            SELECT p.member_id, p.purchase_ref
              FROM departure d
              JOIN member m ON m.member_id = d.member_id AND m.left_on IS NOT NULL
              JOIN point_purchase p ON p.member_id = d.member_id AND p.state = 'bought'
              JOIN purchase_terms t ON t.version = p.terms_version
                                   AND t.on_leaving = 'refund'
             WHERE d.reinstated_on IS NULL AND d.booked_at IS NOT NULL
               AND EXISTS (
                   SELECT FROM ledger.lot l
                    WHERE l.member_id = p.member_id AND l.unit = p.unit
                      AND l.cost_class = :purchased AND l.earned_in = p.earned_in
                      AND l.expires_on = p.expires_on AND l.units_left > 0)
               AND p.points > (
                   SELECT coalesce(sum(r.points), 0) FROM point_purchase_return r
                    WHERE r.member_id = p.member_id
                      AND r.purchase_ref = p.purchase_ref)
             GROUP BY p.member_id, p.purchase_ref
             ORDER BY p.member_id, p.purchase_ref LIMIT :limit
            """
        ),
        {"purchased": PURCHASED, "limit": limit},
    )
    return [(member_id, purchase_ref) for member_id, purchase_ref in rows]


def _view(row: Row[tuple[object, ...]], *, at: datetime) -> PurchaseView:
    today = at.astimezone(TIME_ZONE).date()
    left = row.points - row.returned_points
    unspent = min(left, row.lot_left) if row.state == "bought" else 0
    until = row.placed_at.astimezone(TIME_ZONE).date() + timedelta(days=row.return_days)
    good = row.expires_on is not None and row.expires_on >= today
    may = bool(unspent) and good and (row.has_left or today <= until)
    return PurchaseView(
        member_id=row.member_id,
        purchase_ref=row.purchase_ref,
        points=row.points,
        unit=row.unit,
        price_fen=row.price_fen,
        state="returned" if row.state == "bought" and not left else row.state,
        placed_at=row.placed_at,
        payment_ref=row.payment_ref,
        payment_state=row.payment_state,
        payment_url=row.url,
        expires_on=row.expires_on,
        returned_points=row.returned_points,
        returned_fen=row.returned_fen,
        unspent=unspent,
        return_until=until,
        may_return=may,
        return_fen=share(
            row.price_fen, points=unspent, returned=row.returned_points, of=row.points
        )
        if may
        else 0,
    )

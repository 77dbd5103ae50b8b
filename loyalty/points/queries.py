"""Read a member's standing: lines, balances, lots, and how they came about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.book import Book
from loyalty.errors import Missing
from loyalty.members.models import Subscription
from loyalty.members.queries import member_id_of, subscriptions
from loyalty.points.entries import UNIVERSAL


class UnknownMember(Missing):
    """Nobody in the alliance has this reference."""

    code = "unknown_member"

    def __init__(self, *, member_ref: str) -> None:
        super().__init__(member_ref=member_ref)


def is_void(session: Session, *, member_id: int) -> bool:
    """Tell whether what a member had is void."""
    return member_id in void_members(session, [member_id])


def void_members(session: Session, member_ids: Sequence[int]) -> frozenset[int]:
    """Return those whose benefits are void: left, and no days of grace are left.

    What is given back to them is void at once.
    """
    return frozenset(
        session.scalars(
            text(
                """
                SELECT m.member_id FROM member m
                 WHERE m.member_id = ANY(:members) AND m.left_on IS NOT NULL
                   AND NOT EXISTS (
                       SELECT FROM departure d WHERE d.member_id = m.member_id
                          AND d.booked_at IS NULL AND d.reinstated_on IS NULL)
                """
            ),
            {"members": list(member_ids)},
        )
    )


def standing(
    session: Session, *, member_ref: str, all_lots: bool = False
) -> dict[str, object]:
    """Return what a member takes part with and has, ready for JSON.

    Lots come in the order in which they are drawn, those used up only if asked.
    Raises `UnknownMember`.
    """
    member_id = member_id_of(session, member_ref=member_ref)
    if member_id is None:
        raise UnknownMember(member_ref=member_ref)
    member = {"member": member_id}
    row = session.execute(
        text(
            """
            SELECT m.left_on, b.gate FROM member m
              LEFT JOIN ledger.book b ON b.member_id = m.member_id
             WHERE m.member_id = :member
            """
        ),
        member,
    ).one()
    balances = session.execute(
        text(
            """
            SELECT u.code, coalesce(b.available, 0) AS available,
                   coalesce(b.pending, 0) AS pending, coalesce(b.held, 0) AS held,
                   coalesce(b.owed, 0) AS owed
              FROM ledger.unit u
              LEFT JOIN ledger.balance b ON b.unit = u.code AND b.member_id = :member
             ORDER BY u.draw_rank, u.code
            """
        ),
        member,
    )
    lots = session.execute(
        text(
            """
            SELECT l.unit, l.issuer, l.funding, l.cost_class,
                   to_char(l.earned_in, 'YYYY-MM') AS earned_in,
                   CAST(nullif(l.expires_on, 'infinity') AS text) AS expires_on,
                   l.units_issued, l.units_left
              FROM ledger.lot l JOIN ledger.unit u ON u.code = l.unit
             WHERE l.member_id = :member AND (l.units_left > 0 OR :all_lots)
             ORDER BY l.expires_on, u.draw_rank, l.unit, l.issuer, l.earned_in,
                      l.funding, l.cost_class, l.origin_on
            """
        ),
        member | {"all_lots": all_lots},
    )
    return {
        "member_ref": member_ref,
        "left_on": row.left_on and row.left_on.isoformat(),
        "gate": row.gate,
        "subscriptions": [
            _line(line) for line in subscriptions(session, member_id=member_id)
        ],
        "balances": {
            balance.code: {
                "available": balance.available,
                "pending": balance.pending,
                "held": balance.held,
                "owed": balance.owed,
            }
            for balance in balances
        },
        "lots": [dict(lot) for lot in lots.mappings()],
    }


def _line(line: Subscription) -> dict[str, object]:
    return {
        "msisdn": line.msisdn,
        "network": line.network,
        "brand": line.brand,
        "pay_type": line.pay_type,
        "activated_on": line.activated_on.isoformat(),
        "city": line.city,
        "county": line.county,
        "hall": line.hall,
        "group_ref": line.group_ref,
        "state": line.state,
        "in_arrears": line.in_arrears,
        "ended_on": line.ended_on and line.ended_on.isoformat(),
    }


# ---- what members see of their own books --------------------------------------------


@dataclass(frozen=True, slots=True)
class IssuerPart:
    """The points of one issuer, and which of them go first."""

    issuer: str
    name: str | None  # None: the operator, or a partner nobody has named
    points: int
    next_points: int
    next_on: date | None  # their last good day; None: they never expire


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a member has, as one figure and by issuer."""

    available: int  # that can be spent on this day
    pending: int
    held: int
    owed: int
    gate: str
    left_on: date | None  # None: takes part
    reinstate_until: date | None  # the last day of a return in time; None: never left
    void_on: date | None  # when points will be void; None: they are, or nobody left
    parts: Sequence[IssuerPart]


def wallet(session: Session, *, member_id: int, on: date) -> Wallet:
    """Return what a member can spend on a day, by issuer, the largest part first.

    Lots whose last good day is over do not count, whether or not they were expired.
    """
    facts = {"member": member_id, "on": on, "units": list(UNIVERSAL)}
    parts = session.execute(
        text(
            """
            SELECT x.issuer, p.name, sum(x.points) AS points,
                   (array_agg(x.points ORDER BY x.expires_on))[1] AS next_points,
                   nullif(min(x.expires_on), 'infinity') AS next_on
              FROM (SELECT issuer, expires_on, sum(units_left) AS points
                      FROM ledger.lot
                     WHERE member_id = :member AND unit = ANY(:units)
                       AND units_left > 0 AND expires_on >= :on
                     GROUP BY issuer, expires_on) x
              LEFT JOIN partner p ON p.partner = x.issuer
             GROUP BY x.issuer, p.name
             ORDER BY sum(x.points) DESC, x.issuer
            """
        ),
        facts,
    ).all()
    total = session.execute(
        text(
            """
            SELECT coalesce(sum(b.pending), 0) AS pending,
                   coalesce(sum(b.held), 0) AS held, coalesce(sum(b.owed), 0) AS owed,
                   (SELECT gate FROM ledger.book WHERE member_id = :member) AS gate,
                   (SELECT left_on FROM member WHERE member_id = :member) AS left_on,
                   (SELECT max(reinstate_until) FROM departure
                     WHERE member_id = :member AND reinstated_on IS NULL)
                       AS reinstate_until,
                   (SELECT max(void_on) FROM departure
                     WHERE member_id = :member AND reinstated_on IS NULL
                       AND booked_at IS NULL) AS void_on
              FROM ledger.balance b
             WHERE b.member_id = :member AND b.unit = ANY(:units)
            """
        ),
        facts,
    ).one()
    return Wallet(
        available=sum(int(part.points) for part in parts),
        pending=int(total.pending),
        held=int(total.held),
        owed=int(total.owed),
        gate=total.gate or "closed",
        left_on=total.left_on,
        reinstate_until=total.reinstate_until,
        void_on=total.void_on,
        parts=[
            IssuerPart(
                issuer=part.issuer,
                name=part.name,
                points=int(part.points),
                next_points=int(part.next_points),
                next_on=part.next_on,
            )
            for part in parts
        ],
    )


def balance_by_day(
    session: Session, *, member_id: int, first: date, last: date
) -> list[tuple[date, int]]:
    """Return what was available at the end of each day, by effective day."""
    rows = session.execute(
        text(
            """
            WITH change AS (
                SELECT greatest(effective_on, :first) AS on_day,
                       sum(CASE credit WHEN 'available' THEN amount
                                       ELSE -amount END) AS points
                  FROM ledger.transfer
                 WHERE member_id = :member AND unit = ANY(:units)
                   AND 'available' IN (debit, credit) AND effective_on <= :last
                 GROUP BY 1)
            SELECT CAST(d.day AS date),
                   sum(coalesce(c.points, 0)) OVER (ORDER BY d.day)
              FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp),
                                   interval '1 day') d(day)
              LEFT JOIN change c ON c.on_day = d.day
             ORDER BY d.day
            """
        ),
        {"member": member_id, "first": first, "last": last, "units": list(UNIVERSAL)},
    )
    return [(day, int(points)) for day, points in rows]


def balance_on(
    session: Session, *, member_id: int, on: date, known_at: datetime | None
) -> int:
    """Return what was available at the end of a day, as it was known at a time."""
    book = Book(session)
    return sum(
        book.balance(member_id, unit, on=on, known_at=known_at).available
        for unit in UNIVERSAL
    )

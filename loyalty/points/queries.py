"""Read a member's standing: lines, balances and lots."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.errors import Missing
from loyalty.members.models import Subscription
from loyalty.members.queries import member_id_of, subscriptions


class UnknownMember(Missing):
    """Nobody in the alliance has this reference."""

    code = "unknown_member"

    def __init__(self, *, member_ref: str) -> None:
        super().__init__(member_ref=member_ref)


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

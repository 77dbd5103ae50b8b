"""Read blocks, what partners owe, and how they pay for accruals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from loyalty.prepaid.credit import OWED, Credit, alert_of
from loyalty.prepaid.models import AccrualBilling, CoalitionTerms, PointBlock


@dataclass(frozen=True, slots=True)
class CreditView:
    """What a partner owes, and how far it may."""

    partner: str
    outstanding_fen: int
    limit_fen: int | None  # None: no limit
    alert_fen: int | None  # None: no alert
    is_alarming: bool


def blocks(session: Session) -> Sequence[PointBlock]:
    """Return all blocks, by partner, in the order in which they are drawn."""
    return session.scalars(
        select(PointBlock)
        .order_by(
            PointBlock.partner,
            PointBlock.direction,
            PointBlock.starts_on,
            PointBlock.block_id,
        )
        .execution_options(populate_existing=True)
    ).all()


def to_reorder(session: Session, *, on: date) -> list[tuple[str, str, int]]:
    """Return partner, direction and what is free, where another block is due."""
    rows = session.execute(
        text(
            """
            SELECT partner, direction, sum(units_left - units_reserved) AS free
              FROM point_block
             WHERE starts_on <= :on AND coalesce(ends_on, 'infinity') >= :on
             GROUP BY partner, direction
            HAVING sum(units_left - units_reserved) < max(reorder_units)
             ORDER BY partner, direction
            """
        ),
        {"on": on},
    )
    return [(row.partner, row.direction, int(row.free)) for row in rows]


def credits_of_partners(session: Session) -> list[CreditView]:
    """Return what partners owe for exchanges that came in and for accruals."""
    rows = session.execute(
        text(
            f"""
            SELECT partner, coalesce(o.parts, 0) AS parts, c.limit_fen, c.alert_fen
              FROM partner_credit c FULL JOIN ({OWED}) o USING (partner)
             ORDER BY partner
            """
        )
    )
    return [
        _view(row.partner, Credit(row.limit_fen, row.alert_fen, int(row.parts)))
        for row in rows
    ]


def billings(session: Session) -> Sequence[AccrualBilling]:
    """Return how partners pay for accruals, the newest first day first."""
    return session.scalars(
        select(AccrualBilling).order_by(
            AccrualBilling.partner, AccrualBilling.valid_from.desc()
        )
    ).all()


def coalitions(session: Session) -> Sequence[CoalitionTerms]:
    """Return on which terms bills give coalitions' points, the newest day first."""
    return session.scalars(
        select(CoalitionTerms).order_by(
            CoalitionTerms.partner, CoalitionTerms.valid_from.desc()
        )
    ).all()


def _view(partner: str, credit: Credit) -> CreditView:
    return CreditView(
        partner=partner,
        outstanding_fen=credit.outstanding_fen,
        limit_fen=credit.limit_fen,
        alert_fen=alert_of(credit.limit_fen, credit.alert_fen),
        is_alarming=credit.is_alarming,
    )

"""Read what a report can be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.alliance.queries import partners
from loyalty.members.models import BRANDS

FAMILIES = ("TELECOM", "NON_TELECOM", "ALLIANCE")
_MONTHS_MAX = 120


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to narrow figures to, and from which month on there are any."""

    months: Sequence[date]  # the newest first
    brand: Sequence[str]
    city: Sequence[str]
    hall: Sequence[str]
    partner: Sequence[tuple[str, str]]  # code and name
    family: Sequence[str]


def choices(session: Session, *, today: date) -> Choices:
    """Return what there is to choose from."""
    months = session.scalars(
        text(
            """
            SELECT CAST(m AS date)
              FROM (SELECT min(effective_on) AS first, max(effective_on) AS last
                      FROM ledger.transfer) t
             CROSS JOIN LATERAL generate_series(
                   date_trunc('month', coalesce(first, CAST(:today AS date))),
                   greatest(coalesce(last, :today), :today),
                   interval '1 month') m
             ORDER BY 1 DESC LIMIT :most
            """
        ),
        {"today": today, "most": _MONTHS_MAX},
    ).all()
    places = [
        session.scalars(
            text(
                f"SELECT DISTINCT {place} FROM subscription"
                f" WHERE {place} IS NOT NULL ORDER BY 1"
            )
        ).all()
        for place in ("city", "hall")
    ]
    return Choices(
        months=months,
        brand=BRANDS,
        city=places[0],
        hall=places[1],
        partner=[(one.partner, one.name) for one in partners(session)],
        family=FAMILIES,
    )

"""Read the facts of some months."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.journal.facts.coalitions import GIVEN, TAKEN
from loyalty.journal.facts.earning import (
    ACTIVITIES,
    ADJUSTMENTS,
    BARE_BILLS,
    BILLS,
    EXCHANGES_IN,
    PURCHASES,
)
from loyalty.journal.facts.fact import Fact, fact_of, gathered
from loyalty.journal.facts.flows import BOUNCES, FLOWS, VOIDS
from loyalty.journal.facts.money import (
    BLOCKS,
    CASH,
    CASH_ORDERS,
    CLUB_COSTS,
    OWN_PRODUCTS,
    PROVIDER,
)
from loyalty.journal.facts.settling import SETTLING
from loyalty.journal.facts.spending import EXCHANGES_OUT, REDEMPTIONS

_QUERIES = (
    *(BILLS, BARE_BILLS, ADJUSTMENTS, ACTIVITIES, EXCHANGES_IN),
    *(FLOWS, BOUNCES, VOIDS),
    *(REDEMPTIONS, EXCHANGES_OUT, CLUB_COSTS, CASH, CASH_ORDERS, BLOCKS, OWN_PRODUCTS),
    *(SETTLING, PURCHASES, PROVIDER, GIVEN, TAKEN),
)


def facts(session: Session, *, first: date, until: date) -> list[Fact]:
    """Return what happened from a first day until before another, summed by month."""
    days = {"first": first, "until": until}
    return gathered(
        fact_of(dict(row))
        for query in _QUERIES
        for row in session.execute(text(query), days).mappings()
    )

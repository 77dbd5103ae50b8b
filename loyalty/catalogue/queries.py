"""Read the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.catalogue.errors import UnknownItem
from loyalty.catalogue.rules import (
    Fault,
    Item,
    ItemFacts,
    Offer,
    publication_faults,
)

_LISTS = ("channels", "brands", "tiers", "clubs")
# What a draft may leave open is NULL in the table and '' in the value.
_OPEN = ("family", "kind", "cost_treatment", "account")
_COLUMNS = ", ".join(
    f"coalesce(i.{name}, '') AS {name}" if name in _OPEN else f"i.{name}"
    for name in (
        *(one.name for one in fields(ItemFacts) if one.name != "tier_prices"),
        "item_code",
        "state",
        "account",
        "changed_at",
    )
)
_SELECT = f"""
SELECT {_COLUMNS},
       CASE WHEN i.stock_is_limited THEN coalesce(s.units_left, 0) END AS stock_left,
       coalesce((SELECT jsonb_object_agg(p.tier, p.points) FROM item_tier_price p
                  WHERE p.item_code = i.item_code), '{{}}') AS tier_prices
  FROM catalogue_item i LEFT JOIN item_stock s ON s.item_code = i.item_code
"""
_BEGINS = "coalesce(valid_from, '-infinity'::date)"
_ENDS = "coalesce(valid_until, 'infinity'::date)"
_SEARCH = """AND (CAST(:like AS text) IS NULL
               OR i.title_zh ILIKE :like OR i.title_en ILIKE :like
               OR i.description_zh ILIKE :like OR i.description_en ILIKE :like
               OR i.item_code ILIKE :like)"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An approved change of an item that waits for its day."""

    approval_id: int
    item_code: str
    effective_on: date
    facts: Mapping[str, Any]  # empty: the item is to be published

    @property
    def publishes(self) -> bool:
        """Whether the item goes on sale, instead of changing."""
        return not self.facts


def item(session: Session, item_code: str) -> Item:
    """Return an item in whatever state.

    Raises `UnknownItem`.
    """
    found = _items(session, "WHERE i.item_code = :code", {"code": item_code})
    if not found:
        raise UnknownItem(item_code=item_code)
    return found[0]


def on_sale(
    session: Session, *, on: date, family: str | None = None, search: str | None = None
) -> list[Item]:
    """Return what is published and valid on a day, own products first (A39).

    Then by priority, then the cheapest.
    """
    return _items(
        session,
        f"""
        WHERE i.state = 'published' AND :on BETWEEN {_BEGINS} AND {_ENDS}
          AND (CAST(:family AS text) IS NULL OR i.family = :family)
          {_SEARCH}
        ORDER BY i.partner IS NOT NULL, i.priority DESC, i.points, i.item_code
        """,
        {"on": on, "family": family, **_searched(search)},
    )


def all_items(
    session: Session,
    *,
    state: str | None = None,
    family: str | None = None,
    search: str | None = None,
) -> list[Item]:
    """Return items in every state, or in one, by their code."""
    return _items(
        session,
        f"""
        WHERE (CAST(:state AS text) IS NULL OR i.state = :state)
          AND (CAST(:family AS text) IS NULL OR i.family = :family)
          {_SEARCH}
        ORDER BY i.item_code
        """,
        {"state": state, "family": family, **_searched(search)},
    )


def offers(session: Session, *, segment: str, but: str) -> list[Offer]:
    """Return what is offered to a segment, or is about to be, except for one item."""
    rows = session.execute(
        text(
            f"""
            SELECT item_code, segment, {_BEGINS.replace("-infinity", "0001-01-01")},
                   points, market_fen
              FROM catalogue_item
             WHERE state IN ('approved', 'published') AND segment = :segment
               AND item_code <> :but
            """
        ),
        {"segment": segment, "but": but},
    )
    return [Offer(*row) for row in rows]


def faults(session: Session, *, item_code: str, facts: ItemFacts) -> list[Fault]:
    """Return all that keeps an item from being published beside the others."""
    others: list[Offer] = []
    if facts.segment:
        others = offers(session, segment=facts.segment, but=item_code)
    return publication_faults(facts, others=others)


def waiting(session: Session, *, item_code: str | None = None) -> list[Waiting]:
    """Return approved changes that wait for their day, the next first."""
    rows = session.execute(
        text(
            """
            SELECT approval_id, item_code, effective_on, facts FROM catalogue_change
             WHERE applied_at IS NULL AND dropped_at IS NULL
               AND (CAST(:code AS text) IS NULL OR item_code = :code)
             ORDER BY effective_on, approval_id
            """
        ),
        {"code": item_code},
    )
    return [Waiting(*row) for row in rows]


def _searched(search: str | None) -> dict[str, str | None]:
    words = (search or "").strip()
    if not words:
        return {"like": None}
    for special in ("\\", "%", "_"):
        words = words.replace(special, f"\\{special}")
    return {"like": f"%{words}%"}


def _items(session: Session, where: str, facts: Mapping[str, object]) -> list[Item]:
    return [
        _item(dict(row))
        for row in session.execute(text(_SELECT + where), facts).mappings()
    ]


def _item(row: dict[str, Any]) -> Item:
    for name in _LISTS:
        row[name] = None if row[name] is None else tuple(row[name])
    return Item(**row)

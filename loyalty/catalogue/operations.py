"""Fill the catalogue, and take from its stock."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.catalogue.errors import SoldOut, UnknownItem
from loyalty.catalogue.models import CatalogueItem, ItemStock, ItemTierPrice


def load_items(session: Session, *, items: list[dict[str, Any]]) -> None:
    """Add items; one that is there already stays as it is.

    What an item leaves out is as the table has it by default. Beside the columns it
    may bring `tier_prices`, and `stock` when it can run out.
    """
    columns = {column.name for column in CatalogueItem.__table__.columns}
    for item in items:
        facts = {name: said for name, said in item.items() if name in columns}
        facts["stock_is_limited"] = "stock" in item
        code = session.scalar(
            insert(CatalogueItem)
            .values(facts)
            .on_conflict_do_nothing()
            .returning(CatalogueItem.item_code)
        )
        if code is None:
            continue
        _set_tier_prices(session, code, item.get("tier_prices", {}))
        if "stock" in item:
            session.execute(
                insert(ItemStock).values(item_code=code, units_left=item["stock"])
            )


def take_stock(session: Session, *, item_code: str, quantity: int) -> None:
    """Take some of what is left; of what never runs out, nothing is taken.

    The row of an item in demand is held until the transaction ends: call this last.
    Raises `SoldOut` when less is left, and `UnknownItem`.
    """
    assert quantity > 0
    row = session.execute(
        text(
            """
            WITH taken AS (
                UPDATE item_stock s SET units_left = s.units_left - :quantity
                  FROM catalogue_item i
                 WHERE s.item_code = :code AND i.item_code = s.item_code
                   AND i.stock_is_limited AND s.units_left >= :quantity
             RETURNING s.item_code
            )
            SELECT stock_is_limited, EXISTS (SELECT FROM taken)
              FROM catalogue_item WHERE item_code = :code
            """
        ),
        {"code": item_code, "quantity": quantity},
    ).first()
    if row is None:
        raise UnknownItem(item_code=item_code)
    is_limited, is_taken = row
    if is_limited and not is_taken:
        raise SoldOut(item_code=item_code)


def put_back_stock(session: Session, *, item_code: str, quantity: int) -> None:
    """Put back what was taken and not used; of what never runs out, nothing is."""
    assert quantity > 0
    session.execute(
        text(
            """
            UPDATE item_stock s SET units_left = s.units_left + :quantity
              FROM catalogue_item i
             WHERE s.item_code = :code AND i.item_code = s.item_code
               AND i.stock_is_limited
            """
        ),
        {"code": item_code, "quantity": quantity},
    )


def _set_tier_prices(session: Session, code: str, prices: dict[str, int]) -> None:
    """Say what an item costs the tiers, and nothing else than that."""
    session.execute(
        text("DELETE FROM item_tier_price WHERE item_code = :code"), {"code": code}
    )
    if prices:
        session.execute(
            insert(ItemTierPrice),
            [
                {"item_code": code, "tier": tier, "points": points}
                for tier, points in prices.items()
            ],
        )

"""Fill the catalogue."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.catalogue.models import CatalogueItem


def load_items(session: Session, *, items: list[dict[str, Any]]) -> None:
    """Add items; one that is there already stays as it is."""
    columns = {column.name for column in CatalogueItem.__table__.columns}
    rows = [{name: item.get(name) for name in columns} for item in items]
    session.execute(insert(CatalogueItem).values(rows).on_conflict_do_nothing())

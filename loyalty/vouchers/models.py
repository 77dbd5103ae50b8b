"""The table of voucher codes."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Voucher(Base):
    """A code, of which the table has the keyed hash and the sealed text only."""

    __tablename__ = "voucher"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pool', 'reserved', 'issued', 'used', 'void')",
            name="state_known",
        ),
        CheckConstraint(
            "(state = 'pool') = (member_id IS NULL)", name="issued_to_someone"
        ),
        Index(
            "voucher_pool_idx",
            "item_code",
            "voucher_id",
            postgresql_where=text("state = 'pool'"),
        ),
        Index(None, "member_id", "order_ref"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    voucher_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_code: Mapped[str] = mapped_column(ForeignKey("catalogue_item.item_code"))
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    code_sealed: Mapped[bytes]
    code_tail: Mapped[str]  # what staff may see of it
    state: Mapped[str]
    batch: Mapped[str]  # the name of the import, or 'generated'
    member_id: Mapped[int | None] = mapped_column(BigInteger)  # None: in the pool
    order_ref: Mapped[str | None]  # None: as above
    valid_until: Mapped[date | None]  # the last good day; None: not issued, or never
    state_at: Mapped[datetime]

"""The table of what staff did."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Audit(Base):
    """Who did what to what, when, from where and why; never changed or removed."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "object", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    source: Mapped[str]  # the address it came from, or the command line
    action: Mapped[str]
    object_: Mapped[str] = mapped_column("object")
    before: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # None: was not there
    after: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # None: is not there
    reason: Mapped[str | None]  # None: none was asked
    approval_id: Mapped[int | None] = mapped_column(BigInteger)  # None: needed none
    request_id: Mapped[str]

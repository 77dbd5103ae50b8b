"""The table of what has to be ended when a member has left."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base

OPEN_STATES = ("due", "waiting", "alarmed")
ENDED_STATES = ("done", "survived", "dropped")


class ChurnStep(Base):
    """One thing to be ended: an order, a card's function, the points."""

    __tablename__ = "churn_step"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "departure_ref"],
            ["departure.member_id", "departure.event_ref"],
        ),
        CheckConstraint(
            f"state IN ({', '.join(map(repr, OPEN_STATES + ENDED_STATES))})",
            name="state_known",
        ),
        CheckConstraint(
            f"(state IN ({', '.join(map(repr, ENDED_STATES))}))"
            " = (ended_at IS NOT NULL)",
            name="ends_whole",
        ),
        Index("churn_step_due", "due_at", postgresql_where=text("ended_at IS NULL")),
        Index(
            "churn_step_alarmed",
            "member_id",
            "departure_ref",
            postgresql_where=text("state = 'alarmed'"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    departure_ref: Mapped[str] = mapped_column(primary_key=True)
    benefit: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)  # '': there is only one
    nth: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="due")
    waits_for: Mapped[str | None]  # a partner, or a person; None: for nobody
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]  # when to take it up, or again
    ended_at: Mapped[datetime | None]  # None: has not come to its end


class ChurnNotice(Base):
    """What a member is to be told, or was, about leaving and coming back."""

    __tablename__ = "churn_notice"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('warning', 'leaving', 'void', 'return')", name="kind_known"
        ),
        CheckConstraint(
            "(how IS NULL) = (told_at IS NULL)"
            " AND how IN ('sent', 'unreachable', 'overtaken')",
            name="told_somehow",
        ),
        Index("churn_notice_due", "made_at", postgresql_where=text("told_at IS NULL")),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    # The departure; of a warning, the event that announces it.
    ref: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # None: not yet
    how: Mapped[str | None]

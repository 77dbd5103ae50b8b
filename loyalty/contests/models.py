"""Tables of tournaments: their groups, who enters, who plays whom, who won."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Contest(Base):
    """A tournament."""

    __tablename__ = "contest"
    __table_args__ = (CheckConstraint("subsidy_fen >= 0", name="never_negative"),)

    contest_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    club: Mapped[str | None]  # None: for everybody in the alliance
    takes_guests: Mapped[bool]
    subsidy_fen: Mapped[int] = mapped_column(BigInteger)  # of each who plays in a group
    entries_until: Mapped[date]  # the last day
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class ContestGroup(Base):
    """A heat in a city, or the final; whoever changes anything in it locks it first.

    The draw is made by a seed that is kept, so that everybody can make it again.
    """

    __tablename__ = "contest_group"
    __table_args__ = (
        CheckConstraint("stage IN ('heat', 'final')", name="stage_known"),
        CheckConstraint(
            "state IN ('gathering', 'playing', 'over')", name="state_known"
        ),
        CheckConstraint("taken BETWEEN 0 AND places", name="never_overfull"),
        CheckConstraint("advance BETWEEN 1 AND places", name="somebody_advances"),
        CheckConstraint(
            "(state = 'gathering') = (seed IS NULL)", name="plays_by_a_draw"
        ),
        {"postgresql_with": {"fillfactor": 50}},
    )

    contest_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("contest.contest_id"), primary_key=True
    )
    stage: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str] = mapped_column(primary_key=True)
    venue: Mapped[str | None]  # None: not found yet
    held_on: Mapped[date]
    places: Mapped[int]
    advance: Mapped[int]  # how many go on to the final; of the final, how many win
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    arrivals: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default="gathering")
    seed: Mapped[str | None]  # None: not drawn yet
    drawn_at: Mapped[datetime | None]  # None: as above
    drawn_by: Mapped[str | None]  # None: as above


class ContestEntry(Base):
    """That a member takes part, or would like to."""

    __tablename__ = "contest_entry"
    __table_args__ = (
        CheckConstraint(
            "state IN ('entered', 'waiting', 'withdrawn', 'not_reached')",
            name="state_known",
        ),
        Index("contest_entry_contest_id_idx", "contest_id", "city", "state", "arrival"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    contest_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("contest.contest_id"), primary_key=True
    )
    city: Mapped[str]  # of the heat
    state: Mapped[str]
    state_at: Mapped[datetime]
    arrival: Mapped[int]
    ended_by: Mapped[str | None]  # the leaving that took it; None: none did


class ContestPlayer(Base):
    """Somebody in the draw of a group."""

    __tablename__ = "contest_player"
    __table_args__ = (
        ForeignKeyConstraint(
            ["contest_id", "stage", "city"],
            ["contest_group.contest_id", "contest_group.stage", "contest_group.city"],
        ),
        Index("contest_player_slot_idx", "contest_id", "stage", "city", "slot"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    contest_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    stage: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str]
    slot: Mapped[int]  # as drawn, from 1
    checked_in_at: Mapped[datetime | None]  # None: has not been seen
    place: Mapped[int | None]  # None: still plays, or the group is not over


class ContestMatch(Base):
    """Two who play each other in a round; a winner without another has a bye."""

    __tablename__ = "contest_match"
    __table_args__ = (
        ForeignKeyConstraint(
            ["contest_id", "stage", "city"],
            ["contest_group.contest_id", "contest_group.stage", "contest_group.city"],
        ),
        CheckConstraint(
            "state IN ('open', 'played', 'walkover', 'bye', 'void')", name="state_known"
        ),
        CheckConstraint(
            "(state IN ('open', 'void')) = (winner IS NULL)"
            " AND (winner IS NULL OR winner IN (one, other))",
            name="won_by_who_plays",
        ),
        CheckConstraint(
            "state NOT IN ('open', 'played', 'walkover')"
            " OR (one IS NOT NULL AND other IS NOT NULL)",
            name="takes_two",
        ),
    )

    contest_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    stage: Mapped[str] = mapped_column(primary_key=True)
    city: Mapped[str] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    one: Mapped[int | None] = mapped_column(BigInteger)  # None: nobody came so far
    other: Mapped[int | None] = mapped_column(BigInteger)  # None: as above
    state: Mapped[str]
    winner: Mapped[int | None] = mapped_column(BigInteger)  # None: open, or nobody
    score: Mapped[str | None]  # None: none was told
    decided_at: Mapped[datetime | None]  # None: open
    decided_by: Mapped[str | None]  # None: as above

"""Tables of rates, exchanges and bound accounts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class RateCard(Base):
    """What a partner's units cost in ours, for a time; one version of it.

    Of the cards that are valid on a day the newest holds; one that was withdrawn
    holds nothing, and lets no older one hold in its place.
    """

    __tablename__ = "rate_card"
    __table_args__ = (
        CheckConstraint("direction IN ('out', 'in')", name="direction_known"),
        CheckConstraint(
            "state IN ('draft', 'approved', 'withdrawn')", name="state_known"
        ),
        CheckConstraint("billing IN ('prepaid', 'postpaid')", name="billing_known"),
        CheckConstraint(
            "points_num > 0 AND points_den > 0 AND fen_num >= 0 AND fen_den > 0"
            " AND service_fen_num >= 0 AND service_fen_den > 0"
            " AND billing_pct BETWEEN 0 AND 100",
            name="ratios_make_sense",
        ),
        CheckConstraint(
            "fee_points >= 0 AND step_units > 0 AND min_units > 0"
            " AND max_units >= min_units AND min_units % step_units = 0"
            " AND max_units % step_units = 0"
            " AND step_units * points_num % points_den = 0",
            name="steps_are_whole",
        ),
        CheckConstraint("valid_to >= valid_from", name="begins_before_it_ends"),
    )

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    direction: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_unit: Mapped[str]
    to_unit: Mapped[str]
    points_num: Mapped[int] = mapped_column(BigInteger)
    points_den: Mapped[int] = mapped_column(BigInteger)
    fee_points: Mapped[int] = mapped_column(BigInteger)
    min_units: Mapped[int] = mapped_column(BigInteger)
    step_units: Mapped[int] = mapped_column(BigInteger)
    max_units: Mapped[int] = mapped_column(BigInteger)
    member_day_max: Mapped[int | None] = mapped_column(BigInteger)  # None: no cap
    member_month_max: Mapped[int | None] = mapped_column(BigInteger)
    member_year_max: Mapped[int | None] = mapped_column(BigInteger)
    programme_day_max: Mapped[int | None] = mapped_column(BigInteger)
    fen_num: Mapped[int] = mapped_column(BigInteger)
    fen_den: Mapped[int] = mapped_column(BigInteger)
    service_fen_num: Mapped[int] = mapped_column(BigInteger)
    service_fen_den: Mapped[int] = mapped_column(BigInteger)
    billing: Mapped[str]
    billing_pct: Mapped[int]
    wait_hours: Mapped[int]
    is_irrevocable: Mapped[bool]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]  # None: until another one holds
    state: Mapped[str]
    changed_at: Mapped[datetime]


class Exchange(Base):
    """Units of one kind turned into another for a member, and how far it has come."""

    __tablename__ = "exchange"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner", "direction", "rate_version"],
            ["rate_card.partner", "rate_card.direction", "rate_card.version"],
        ),
        CheckConstraint("direction IN ('out', 'in')", name="direction_known"),
        CheckConstraint(
            "state IN ('requested', 'sent', 'confirmed', 'declined', 'disputed')",
            name="state_known",
        ),
        CheckConstraint(
            "units_out > 0 AND units_in > 0 AND fee_points >= 0", name="moves_something"
        ),
        CheckConstraint(
            "money_fen >= service_fen AND service_fen >= 0", name="service_is_a_part"
        ),
        Index(None, "state", "state_at"),
        Index(None, "exchange_ref"),
        Index(None, "effective_on"),
        Index(None, "partner", "direction", "requested_on"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    exchange_ref: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str]
    partner: Mapped[str]
    account_ref: Mapped[str]
    rate_version: Mapped[int]
    from_unit: Mapped[str]
    to_unit: Mapped[str]
    units_out: Mapped[int] = mapped_column(BigInteger)  # left, the fee included
    fee_points: Mapped[int] = mapped_column(BigInteger)
    units_in: Mapped[int] = mapped_column(BigInteger)  # arrived
    money_fen: Mapped[int] = mapped_column(BigInteger)
    service_fen: Mapped[int] = mapped_column(BigInteger)
    billing: Mapped[str]
    content: Mapped[UUID]  # of the quote: a replay has the same
    partner_ref: Mapped[str | None]  # None: not asked for by the partner
    requested_on: Mapped[date]
    requested_at: Mapped[datetime]
    send_after: Mapped[datetime]
    deadline: Mapped[datetime]
    state: Mapped[str]
    state_at: Mapped[datetime]
    is_reversal_wanted: Mapped[bool] = mapped_column(server_default=false())
    held_by: Mapped[UUID | None]  # None: coming in, or not held
    entry_id: Mapped[UUID | None]  # None: no points have gone or come
    effective_on: Mapped[date | None]  # None: nothing is owed for it


class ExchangeEvent(Base):
    """A state that an exchange came to."""

    __tablename__ = "exchange_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "exchange_ref"],
            ["exchange.member_id", "exchange.exchange_ref"],
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    exchange_ref: Mapped[str] = mapped_column(primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]  # None: nothing to add


class ExchangeAttempt(Base):
    """A question put to a partner, and its answer."""

    __tablename__ = "exchange_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "exchange_ref"],
            ["exchange.member_id", "exchange.exchange_ref"],
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    exchange_ref: Mapped[str] = mapped_column(primary_key=True)
    attempt_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    what: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # None: no answer was written down
    outcome: Mapped[str | None]  # None: as above
    partner_ref: Mapped[str | None]  # None: they gave it no name
    detail: Mapped[str | None]  # None: nothing to explain


class ExchangeReversal(Base):
    """A confirmed exchange undone, and what of it could not be taken back."""

    __tablename__ = "exchange_reversal"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "exchange_ref"],
            ["exchange.member_id", "exchange.exchange_ref"],
        ),
        CheckConstraint(
            "points >= 0 AND unrecovered_points >= 0 AND money_fen >= 0"
            " AND service_fen >= 0 AND unrecovered_fen >= 0",
            name="takes_back",
        ),
        Index(None, "effective_on"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    exchange_ref: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int] = mapped_column(BigInteger)
    unrecovered_points: Mapped[int] = mapped_column(BigInteger)
    money_fen: Mapped[int] = mapped_column(BigInteger)  # owed no longer
    service_fen: Mapped[int] = mapped_column(BigInteger)
    unrecovered_fen: Mapped[int] = mapped_column(BigInteger)  # the partner's debit
    cause: Mapped[str]
    entry_id: Mapped[UUID | None]  # None: nothing was left to take back
    effective_on: Mapped[date]
    occurred_at: Mapped[datetime]


class BoundAccount(Base):
    """A member's number at a partner that asks for name and number.

    The first one that is bound stays; another one takes its place seven days after
    it was asked for. Names are sealed.
    """

    __tablename__ = "bound_account"
    __table_args__ = (
        CheckConstraint(
            "state IN ('asked', 'review', 'bound', 'refused')", name="state_known"
        ),
        CheckConstraint(
            "(state = 'bound') = (effective_at IS NOT NULL)", name="bound_from_a_time"
        ),
        Index(None, "state", "asked_at"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.member_id"), primary_key=True
    )
    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_ref: Mapped[str]
    family_name: Mapped[bytes | None]  # None: erased
    given_name: Mapped[bytes | None]
    name_match: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]  # None: nothing to explain
    asked_at: Mapped[datetime]
    effective_at: Mapped[datetime | None]  # None: not bound

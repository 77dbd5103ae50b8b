"""Tables of payments and refunds, of every question asked and everything told.

And of what the provider did with the money: its balance, and what it paid out.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class Payment(Base):
    """An amount asked of a member, and what became of it; never a card number."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="is_for_something"),
        CheckConstraint(
            "state IN ('asked', 'open', 'succeeded', 'expired')", name="state_known"
        ),
        CheckConstraint(
            "state <> 'open' OR (checkout_id IS NOT NULL AND url IS NOT NULL)",
            name="open_somewhere",
        ),
        CheckConstraint(
            "state <> 'succeeded' OR intent_id IS NOT NULL", name="can_be_given_back"
        ),
        CheckConstraint(
            "refunding_fen BETWEEN 0 AND amount_fen"
            " AND (refunding_fen = 0 OR state = 'succeeded')",
            name="gives_back_what_came",
        ),
        Index(None, "purpose", "purpose_ref"),
        Index(
            "payment_intent_id_idx",
            "intent_id",
            postgresql_where=text("intent_id IS NOT NULL"),
        ),
        Index(
            "payment_unsettled_idx",
            "expires_at",
            postgresql_where=text("state IN ('asked', 'open')"),
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    payment_ref: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]  # order, or points: a purchase of them
    purpose_ref: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]  # what the provider's page says it is for
    # Asked back and not failed: what is left of the amount can still be asked back.
    refunding_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    state: Mapped[str]  # asked, open, succeeded; expired: closed without money
    # Of the first question, repeated by every other: it must be the same question.
    language: Mapped[str | None]  # None: the provider was not asked yet
    success_url: Mapped[str | None]  # None: as above
    cancel_url: Mapped[str | None]  # None: as above
    checkout_id: Mapped[str | None]  # None: no page is known
    intent_id: Mapped[str | None]  # None: no money has come
    url: Mapped[str | None]  # None: no page is known
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state_at: Mapped[datetime]

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is waited for."""
        return self.state in {"succeeded", "expired"}

    @property
    def refundable_fen(self) -> int:
        """What can still be asked back."""
        if self.state != "succeeded":
            return 0
        return self.amount_fen - self.refunding_fen


class Refund(Base):
    """Money of a payment given back, whole or in part."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="is_of_something"),
        CheckConstraint(
            "state IN ('asked', 'succeeded', 'failed')", name="state_known"
        ),
        ForeignKeyConstraint(
            ["member_id", "payment_ref"],
            ["payment.member_id", "payment.payment_ref"],
            name="refund_member_id_payment_ref_fkey",
        ),
        Index("refund_asked_idx", "asked_at", postgresql_where=text("state = 'asked'")),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    refund_ref: Mapped[str] = mapped_column(primary_key=True)
    payment_ref: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    state: Mapped[str]
    provider_id: Mapped[str | None]  # None: the provider gave it no name yet
    asked_at: Mapped[datetime]
    state_at: Mapped[datetime]


class PaymentEventSeen(Base):
    """An event of the provider, and what it changed; kept once by its id."""

    __tablename__ = "payment_event"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('paid', 'expired', 'refunded', 'refund_failed',"
            " 'late', 'unmatched', 'ignored')",
            name="outcome_known",
        ),
        Index("payment_event_member_id_payment_ref_idx", "member_id", "payment_ref"),
    )

    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    happened_at: Mapped[datetime]  # by the provider's clock
    received_at: Mapped[datetime]
    checkout_id: Mapped[str | None]  # None: it is about something else
    intent_id: Mapped[str | None]  # None: the same
    member_id: Mapped[int | None] = mapped_column(BigInteger)  # None: of nobody here
    payment_ref: Mapped[str | None]  # None: of no payment of ours
    outcome: Mapped[str]
    refund_ref: Mapped[str | None]  # None: of no refund of ours


class PaymentAttempt(Base):
    """One question to the provider, with its answer."""

    __tablename__ = "payment_attempt"
    __table_args__ = (
        CheckConstraint(
            "what IN ('open', 'look_up', 'close', 'refund')", name="what_known"
        ),
        ForeignKeyConstraint(
            ["member_id", "payment_ref"],
            ["payment.member_id", "payment.payment_ref"],
            name="payment_attempt_member_id_payment_ref_fkey",
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    payment_ref: Mapped[str] = mapped_column(primary_key=True)
    attempt_no: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
    refund_ref: Mapped[str | None]  # None: not about a refund
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # None: we never learned
    outcome: Mapped[str | None]  # None: the same
    detail: Mapped[str | None]  # None: nothing to explain


class BalanceTransaction(Base):
    """A movement of our balance at the provider, as it told it; never changed.

    Its net amount is the amount less the fee; what leaves us is below zero.
    """

    __tablename__ = "balance_transaction"
    __table_args__ = (
        CheckConstraint("net_fen = amount_fen - fee_fen", name="adds_up"),
        Index(None, "effective_on"),
        Index(None, "happened_on"),
        Index(None, "intent_id"),
        Index(None, "source_id"),
    )

    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]  # charge, refund, adjustment, payout, stripe_fee …
    source_id: Mapped[str | None]  # the charge, refund, dispute or payout; None: none
    intent_id: Mapped[str | None]  # of the payment it belongs to; None: of none
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    fee_fen: Mapped[int] = mapped_column(BigInteger)
    net_fen: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[str | None]  # None: they say nothing
    created_at: Mapped[datetime]  # by the programme's clock
    happened_on: Mapped[date]
    available_on: Mapped[date]  # from when on it can be paid out
    effective_on: Mapped[date]  # the first open day, if its own was closed
    read_at: Mapped[datetime]


class Payout(Base):
    """Money that the provider sent to our bank account; never changed."""

    __tablename__ = "payout"
    __table_args__ = (Index(None, "effective_on"),)

    payout_id: Mapped[str] = mapped_column(primary_key=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    is_automatic: Mapped[bool]  # False: they cannot tell what it consists of
    created_at: Mapped[datetime]
    arrives_on: Mapped[date]  # at the bank, as they expect it
    effective_on: Mapped[date]  # of its arrival, or the first open day
    read_at: Mapped[datetime]


class PayoutState(Base):
    """What became of a payout, each time it was something new."""

    __tablename__ = "payout_state"
    __table_args__ = (
        Index(None, "effective_on"),
        CheckConstraint(
            "state IN ('pending', 'in_transit', 'paid', 'failed', 'canceled')",
            name="state_known",
        ),
    )

    payout_id: Mapped[str] = mapped_column(
        ForeignKey("payout.payout_id"), primary_key=True
    )
    nth: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    read_at: Mapped[datetime]
    # Of its arrival, of any other news when it was read, or the first open day.
    effective_on: Mapped[date]


class PayoutLine(Base):
    """A movement that a payout paid out; each is paid out once."""

    __tablename__ = "payout_line"
    __table_args__ = (Index(None, "payout_id"),)

    transaction_id: Mapped[str] = mapped_column(
        ForeignKey("balance_transaction.transaction_id"), primary_key=True
    )
    payout_id: Mapped[str] = mapped_column(ForeignKey("payout.payout_id"))


class PayoutArrival(Base):
    """What finance found on the bank's statement for a payout; the newest holds."""

    __tablename__ = "payout_arrival"
    __table_args__ = (CheckConstraint("amount_fen >= 0", name="is_an_amount"),)

    payout_id: Mapped[str] = mapped_column(
        ForeignKey("payout.payout_id"), primary_key=True
    )
    nth: Mapped[int] = mapped_column(primary_key=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    arrived_on: Mapped[date]
    bank_ref: Mapped[str]
    actor: Mapped[str]
    noted_at: Mapped[datetime]


class ProviderReading(Base):
    """How far a list of the provider was read, newest first, as it tells them."""

    __tablename__ = "provider_reading"

    what: Mapped[str] = mapped_column(primary_key=True)
    read_to: Mapped[str | None]  # the newest of the last whole reading; None: none yet
    newest: Mapped[str | None]  # of the reading under way; None: none is
    reached: Mapped[str | None]  # the oldest of it so far; None: as above
    whole_at: Mapped[datetime | None]  # when it was last read to the end; None: never

"""Tables of payments and refunds, of every question asked and everything told."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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
    purpose: Mapped[str]  # order
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

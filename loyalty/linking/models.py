"""The tables of consents, of names checked, and of what accounts at partners hold."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base
from loyalty.linking.rules import STATES


class LinkConsent(Base):
    """What a partner asked a member for, and what the member said.

    Keyed by its name alone, as claims are: a partner asks before anybody knows whose
    account it is.
    """

    __tablename__ = "link_consent"
    __table_args__ = (
        CheckConstraint(
            f"state IN ({', '.join(repr(state) for state in STATES)})",
            name="state_known",
        ),
        CheckConstraint(
            "state NOT IN ('authorized', 'revoked')"
            " OR member_id IS NOT NULL AND granted_at IS NOT NULL",
            name="given_by_somebody",
        ),
        CheckConstraint(
            "(state IN ('awaiting_authorization', 'authorized')) = (ended_at IS NULL)",
            name="ends_whole",
        ),
        Index(
            "link_consent_one_per_account",
            "partner",
            "account_hash",
            unique=True,
            postgresql_where=text("state = 'authorized'"),
        ),
        Index(None, "member_id", "partner"),
    )

    consent_ref: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    client_id: Mapped[str] = mapped_column(ForeignKey("partner_client.client_id"))
    member_id: Mapped[int | None] = mapped_column(BigInteger)  # None: nobody said yes
    account_hash: Mapped[bytes | None]  # None: erased, or never agreed to
    account_sealed: Mapped[bytes | None]  # the same
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purpose_version: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="awaiting_authorization")
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # while it waits: until when; then: of what was given
    granted_at: Mapped[datetime | None]  # None: not given
    channel: Mapped[str | None]  # None: not decided
    source: Mapped[str | None]  # the address it was decided from; None: not, or erased
    ended_at: Mapped[datetime | None]  # None: waits, or holds
    reason: Mapped[str | None]  # None: waits, or holds


class PartnerBalance(Base):
    """What a member's account at a partner held, when the partner last said so.

    A member's, so that it goes when the member ends the consent it was asked with.
    """

    __tablename__ = "partner_balance"
    __table_args__ = (CheckConstraint("units >= 0", name="nothing_owed"),)

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    account_ref: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    units: Mapped[int] = mapped_column(BigInteger)
    # Of these, with the last good day, soonest first; the rest never goes.
    expiring: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    as_of: Mapped[datetime]  # as the partner says
    asked_at: Mapped[datetime]


class MemberValidation(Base):
    """That a partner asked whether an account and a name are one member's.

    The name it told is not kept, and the account only as a keyed hash.
    """

    __tablename__ = "member_validation"
    __table_args__ = (
        CheckConstraint(
            "status IN ('valid', 'invalid', 'review')", name="status_known"
        ),
        Index(None, "partner", "account_hash", "asked_at"),
        Index(None, "member_id", "asked_at"),
    )

    validation_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    client_id: Mapped[str] = mapped_column(ForeignKey("partner_client.client_id"))
    account_hash: Mapped[bytes]
    member_id: Mapped[int | None] = mapped_column(BigInteger)  # None: of nobody here
    status: Mapped[str]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]

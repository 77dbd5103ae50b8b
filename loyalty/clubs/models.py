"""Tables of clubs: memberships, invitations, and benefits with their codes."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base


class ClubMembership(Base):
    """A term of a member in a club; a renewal is a term of its own.

    Terms of one club follow each other: one is active, the next ones wait.
    """

    __tablename__ = "club_membership"
    __table_args__ = (
        ForeignKeyConstraint(
            ["terms_version", "club"], ["club_terms.version", "club_terms.club"]
        ),
        CheckConstraint(
            "way IN ('tier', 'invitation', 'fee', 'points')", name="way_known"
        ),
        CheckConstraint(
            "(way IN ('fee', 'points')) = (order_ref IS NOT NULL)", name="sold_by_order"
        ),
        CheckConstraint("ends_on >= starts_on", name="ends_after_it_begins"),
        CheckConstraint(
            "state IN ('waiting', 'active', 'lapsed', 'ended', 'refunded')",
            name="state_known",
        ),
        CheckConstraint(
            "(state IN ('ended', 'refunded')) = (ended_on IS NOT NULL)"
            " AND (ended_on IS NULL) = (ended_by IS NULL)"
            " AND (ended_on IS NULL) = (was IS NULL)",
            name="ended_whole",
        ),
        CheckConstraint(
            "refund_months >= 0 AND (refund_months > 0) = (refund_state IS NOT NULL)"
            " AND refund_state IN ('due', 'paid')"
            " AND (refund_state IS NULL OR order_ref IS NOT NULL)"
            " AND (refund_state IS NOT DISTINCT FROM 'paid') = (state = 'refunded')",
            name="refund_whole",
        ),
        Index(
            "club_membership_one_live_idx",
            "member_id",
            "club",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "club_membership_one_next_idx",
            "member_id",
            "club",
            "starts_on",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "club_membership_open_idx",
            "ends_on",
            postgresql_where=text("state IN ('waiting', 'active')"),
        ),
        Index(
            "club_membership_refund_idx",
            "state_at",
            postgresql_where=text("refund_state = 'due'"),
        ),
        Index("club_membership_club_idx", "club", "starts_on"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    membership_ref: Mapped[str] = mapped_column(primary_key=True)
    club: Mapped[str]
    terms_version: Mapped[int]  # in force when it was joined: they hold to the end
    way: Mapped[str]
    order_ref: Mapped[str | None]  # None: nothing was paid
    starts_on: Mapped[date]
    ends_on: Mapped[date]  # the last day
    state: Mapped[str]
    state_at: Mapped[datetime]
    joined_at: Mapped[datetime]
    ended_on: Mapped[date | None]  # None: not ended before its last day
    ended_by: Mapped[str | None]  # the reference of the ending; None: as above
    was: Mapped[str | None]  # the state before the ending; None: as above
    # Whole months that were paid for and had not begun.
    refund_months: Mapped[int] = mapped_column(server_default=text("0"))
    refund_state: Mapped[str | None]  # due or paid; None: nothing is given back


class _OfMembership:
    """A row that belongs to a membership."""

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    membership_ref: Mapped[str] = mapped_column(primary_key=True)


def _of_membership() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["member_id", "membership_ref"],
        ["club_membership.member_id", "club_membership.membership_ref"],
    )


class ClubEvent(_OfMembership, Base):
    """Something that happened to a membership; only ever added to."""

    __tablename__ = "club_event"
    __table_args__ = (_of_membership(),)

    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]  # None: it went as it should


class ClubInvitation(Base):
    """Somebody of ours asks a member to join; good for one joining."""

    __tablename__ = "club_invitation"
    __table_args__ = (
        Index(
            "club_invitation_one_open_idx",
            "member_id",
            "club",
            unique=True,
            postgresql_where=text("used_by IS NULL"),
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    invitation_ref: Mapped[str] = mapped_column(primary_key=True)
    club: Mapped[str]
    invited_at: Mapped[datetime]
    until: Mapped[date]  # the last good day
    actor: Mapped[str]
    used_by: Mapped[str | None]  # the membership; None: not taken up yet


class ClubNotice(_OfMembership, Base):
    """A message about a membership, which is not sent again."""

    __tablename__ = "club_notice"
    __table_args__ = (_of_membership(),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    outcome: Mapped[str | None]  # None: there was no number to send it to


class ClubBenefit(_OfMembership, Base):
    """How often a member has had what a membership brings."""

    __tablename__ = "club_benefit"
    __table_args__ = (
        _of_membership(),
        CheckConstraint("used >= 0 AND used <= per_term", name="never_overdrawn"),
        {"postgresql_with": {"fillfactor": 80}},
    )

    entitlement: Mapped[str] = mapped_column(primary_key=True)
    per_term: Mapped[int | None]  # None: as often as one likes
    used: Mapped[int] = mapped_column(server_default=text("0"))


class BenefitCode(Base):
    """A code for one use of a benefit; the table has its keyed hash and a seal."""

    __tablename__ = "benefit_code"
    __table_args__ = (
        CheckConstraint("state IN ('issued', 'used', 'void')", name="state_known"),
        CheckConstraint("expires_at > issued_at", name="expires_later"),
        Index(
            "benefit_code_one_good_idx",
            "member_id",
            "membership_ref",
            "entitlement",
            unique=True,
            postgresql_where=text("state = 'issued'"),
        ),
    )

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    code_sealed: Mapped[bytes]
    code_tail: Mapped[str]  # what staff may see of it
    member_id: Mapped[int] = mapped_column(BigInteger)
    membership_ref: Mapped[str]
    entitlement: Mapped[str]
    state: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state_at: Mapped[datetime]


class BenefitUse(Base):
    """A benefit that was had, or the undoing of one; only ever added to."""

    __tablename__ = "benefit_use"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "membership_ref", "entitlement"],
            [
                "club_benefit.member_id",
                "club_benefit.membership_ref",
                "club_benefit.entitlement",
            ],
        ),
        UniqueConstraint("member_id", "reverses", name="benefit_use_reversed_once"),
        ForeignKeyConstraint(
            ["member_id", "reverses"],
            ["benefit_use.member_id", "benefit_use.use_ref"],
            name="benefit_use_reverses_fkey",
        ),
        Index("benefit_use_club_idx", "club", "used_at"),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    use_ref: Mapped[str] = mapped_column(primary_key=True)
    membership_ref: Mapped[str]
    entitlement: Mapped[str]
    club: Mapped[str]
    reverses: Mapped[str | None]  # the use that is undone; None: it is a use
    used_at: Mapped[datetime]
    actor: Mapped[str]
    channel: Mapped[str]
    cost_fen: Mapped[int]  # on the club cost line; negative: of an undoing
    reason: Mapped[str | None]  # None: it is a use

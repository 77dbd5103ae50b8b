"""Tables of what partners tell line by line and bill, and of what belongs together."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.database import Base
from loyalty.matching.rules import (
    BASES,
    CAUSES,
    DAY_MINUTES,
    HOWS,
    KINDS,
    PAIR_CODES,
    REJECTIONS,
)


def _one_of(column: str, codes: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(code) for code in codes)})"


class MatchTerms(Base):
    """How a partner's lines are compared; where there are none, as is usual."""

    __tablename__ = "match_terms"
    __table_args__ = (
        CheckConstraint(_one_of("date_basis", BASES), name="basis_known"),
        CheckConstraint(
            f"cut_off_minutes BETWEEN 1 AND {DAY_MINUTES}"
            " AND tolerance_fen >= 0 AND days_apart >= 0",
            name="makes_sense",
        ),
    )

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    date_basis: Mapped[str]
    cut_off_minutes: Mapped[int]
    time_zone: Mapped[str]
    tolerance_fen: Mapped[int] = mapped_column(BigInteger)
    days_apart: Mapped[int]
    changed_at: Mapped[datetime]


class PartnerLine(Base):
    """A line of a partner's file, as the partner has it: a fact.

    What is undone stands below zero, under its own kind. A line that stands twice in
    one file is kept twice, for its sender counted it twice.
    """

    __tablename__ = "partner_line"
    __table_args__ = (
        UniqueConstraint("partner", "partner_ref", "kind", "nth"),
        CheckConstraint(_one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(
            _one_of("status", ("posted", *REJECTIONS)), name="status_known"
        ),
        CheckConstraint("nth >= 1", name="counted_from_one"),
        Index(None, "partner", "occurred_on"),
        Index(None, "feed_file", "line_no"),
    )

    line_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    partner_ref: Mapped[str]
    kind: Mapped[str]
    nth: Mapped[int]
    our_ref: Mapped[str | None]  # None: the partner keeps no reference of ours
    occurred_on: Mapped[date]  # the partner's own day
    units: Mapped[int] = mapped_column(BigInteger)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    feed_file: Mapped[int]
    line_no: Mapped[int]


class LinePair(Base):
    """A partner's line and the event of ours that it is about: decided, and kept."""

    __tablename__ = "line_pair"
    __table_args__ = (
        UniqueConstraint("partner", "kind", "event_ref", "member_id"),
        CheckConstraint(_one_of("code", PAIR_CODES), name="code_known"),
        CheckConstraint(_one_of("how", HOWS), name="how_known"),
        Index(None, "partner", "period", "code"),
    )

    line_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("partner_line.line_id"), primary_key=True
    )
    partner: Mapped[str]
    kind: Mapped[str]
    member_id: Mapped[int] = mapped_column(BigInteger)
    event_ref: Mapped[str]
    period: Mapped[date]  # the month of the line
    code: Mapped[str]
    how: Mapped[str]
    paired_at: Mapped[datetime]


class PartnerBooking(Base):
    """Money that reconciling has moved between a partner and us: a fact.

    Two people have agreed to each, but for what lies within a tolerance they agreed
    to before, and for what came to the bank. What is taken back is booked again, the
    other way round.
    """

    __tablename__ = "partner_booking"
    __table_args__ = (
        UniqueConstraint("partner", "about", "nth"),
        CheckConstraint(_one_of("cause", CAUSES), name="cause_known"),
        CheckConstraint("kind IS NULL OR " + _one_of("kind", KINDS), name="kind_known"),
        CheckConstraint("fen <> 0", name="books_something"),
        CheckConstraint(
            "approval_id IS NOT NULL OR cause IN ('tolerance', 'received')",
            name="agreed_by_two",
        ),
        Index(None, "booked_on"),
        Index(None, "break_id"),
    )

    booking_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    about: Mapped[str]  # a break, a month's tolerance, or the bank's reference
    nth: Mapped[int]  # of what was booked about it
    cause: Mapped[str]
    kind: Mapped[str | None]  # None: of several kinds, or money alone
    period: Mapped[date]  # the month that was compared
    break_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("statement_break.break_id")
    )  # None: it is about no break
    fen: Mapped[int] = mapped_column(BigInteger)  # above zero: the partner owes more
    booked_on: Mapped[date]  # the accounting day
    original_on: Mapped[date]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]
    approval_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("approval.approval_id")
    )  # None: as above


class PartnerInvoice(Base):
    """What a partner bills for a month, as its invoice says."""

    __tablename__ = "partner_invoice"

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[date]
    total_fen: Mapped[int] = mapped_column(BigInteger)
    entered_at: Mapped[datetime]
    entered_by: Mapped[int] = mapped_column(ForeignKey("staff.staff_id"))


class PartnerInvoiceLine(Base):
    """What an invoice says of one kind of thing, or of one item of it."""

    __tablename__ = "partner_invoice_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner", "invoice_no"],
            ["partner_invoice.partner", "partner_invoice.invoice_no"],
        ),
        CheckConstraint(_one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(
            "(item IS NULL) = (quantity IS NULL)"
            " AND (item IS NULL) = (price_fen IS NULL)",
            name="names_a_price",
        ),
    )

    partner: Mapped[str] = mapped_column(primary_key=True)
    invoice_no: Mapped[str] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    item: Mapped[str | None]  # None: all of the kind together; so the next but one
    units: Mapped[int | None] = mapped_column(BigInteger)  # None: it tells money alone
    quantity: Mapped[int | None] = mapped_column(BigInteger)
    price_fen: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))  # of one
    amount_fen: Mapped[int] = mapped_column(BigInteger)

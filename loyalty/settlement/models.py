"""Tables of statements and their lines, of what is netted and paid, of disputes."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from loyalty.breaks.rules import BREAKS
from loyalty.database import Base
from loyalty.settlement.rules import (
    FEE_CAUSES,
    LINE_KINDS,
    PAYMENT_KINDS,
    STATEMENT_STATES,
    STATES,
)


def _one_of(column: str, codes: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(code) for code in codes)})"


class Dispute(Base):
    """What a partner says is wrong with a month."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint(_one_of("state", STATES), name="state_known"),
        CheckConstraint(_one_of("break_code", BREAKS), name="break_known"),
        CheckConstraint(
            "(state = 'open') = (answer IS NULL)"
            " AND (answer IS NULL) = (answered_at IS NULL)"
            " AND (answer IS NULL) = (answered_by IS NULL)",
            name="answered_whole",
        ),
        CheckConstraint("claimed_fen >= 0", name="claims_something"),
        CheckConstraint(
            "granted_fen >= 0 AND (granted_fen IS NULL) = (granted_on IS NULL)"
            " AND (granted_fen IS NULL OR state IN ('accepted', 'settled'))",
            name="grants_once_accepted",
        ),
        CheckConstraint("(state = 'settled') = (settled_in IS NOT NULL)", name="rolls"),
        Index(None, "partner", "period"),
        Index(None, "state", "raised_at"),
    )

    dispute_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    period: Mapped[date]
    partner_ref: Mapped[str | None]  # None: it is about no one line
    break_code: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    raised_at: Mapped[datetime]
    raised_by: Mapped[str]
    answer: Mapped[str | None]  # None: open; so below
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    # The issued statement it is about. None: nothing was issued for the month yet.
    statement_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("settlement_statement.statement_id")
    )
    claimed_fen: Mapped[int | None] = mapped_column(BigInteger)  # None: names no sum
    granted_fen: Mapped[int | None] = mapped_column(BigInteger)  # None: not accepted
    granted_on: Mapped[date | None]  # the accounting day; None: as above
    settled_in: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("settlement_statement.statement_id")
    )  # None: waits for the next statement, if it was accepted


class SettlementCalendar(Base):
    """A period that is settled together, and when its steps are due."""

    __tablename__ = "settlement_calendar"
    __table_args__ = (
        CheckConstraint(
            "first_on <= last_on AND last_on < closure_on AND closure_on <= advice_on"
            " AND advice_on <= call_on",
            name="days_in_order",
        ),
    )

    calendar: Mapped[str] = mapped_column(primary_key=True)
    first_on: Mapped[date] = mapped_column(primary_key=True)
    last_on: Mapped[date]
    closure_on: Mapped[date]
    advice_on: Mapped[date]
    call_on: Mapped[date]


class SettlementTerms(Base):
    """By which calendar a partner settles; who has none settles by the month."""

    __tablename__ = "settlement_terms"

    partner: Mapped[str] = mapped_column(
        ForeignKey("partner.partner"), primary_key=True
    )
    calendar: Mapped[str]
    changed_at: Mapped[datetime]


class SettlementStatement(Base):
    """What we and a partner owe each other for a period, and how far it has come.

    Amounts are as we see them: what is above zero the partner owes us. A draft grows
    each time it is drawn up; once it is issued its lines and sums stay.
    """

    __tablename__ = "settlement_statement"
    __table_args__ = (
        UniqueConstraint("partner", "currency", "period", "nth"),
        CheckConstraint(_one_of("state", STATEMENT_STATES), name="state_known"),
        CheckConstraint("first_on <= last_on", name="begins_before_it_ends"),
        CheckConstraint(
            "due_fen = opening_fen + receivable_fen - payable_fen + adjusted_fen"
            " + disputed_fen",
            name="adds_up",
        ),
        CheckConstraint(
            "(state = 'draft') = (issued_at IS NULL)"
            " AND (state = 'draft') = (approval_id IS NULL)"
            " AND (state = 'draft') = (disputable_until IS NULL)",
            name="issued_by_two",
        ),
        CheckConstraint(
            "(state IN ('netted', 'paid', 'closed')) = (settlement_id IS NOT NULL)",
            name="netted_whole",
        ),
        Index(None, "partner", "last_on"),
        Index(None, "settlement_id"),
    )

    statement_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    currency: Mapped[str]
    period: Mapped[date]  # the first day of the month it ends in
    nth: Mapped[int]  # of that month
    first_on: Mapped[date]
    last_on: Mapped[date]
    advice_on: Mapped[date]
    call_on: Mapped[date]
    state: Mapped[str] = mapped_column(server_default=text("'draft'"))
    state_at: Mapped[datetime]
    lines: Mapped[int]
    opening_fen: Mapped[int] = mapped_column(BigInteger)  # unpaid of earlier ones
    receivable_fen: Mapped[int] = mapped_column(BigInteger)
    payable_fen: Mapped[int] = mapped_column(BigInteger)
    adjusted_fen: Mapped[int] = mapped_column(BigInteger)
    disputed_fen: Mapped[int] = mapped_column(BigInteger)
    due_fen: Mapped[int] = mapped_column(BigInteger)
    # What rounding to fen has left over, for the next statement to begin with.
    remainder_parts: Mapped[Decimal] = mapped_column(Numeric(30, 0))
    drawn_by: Mapped[str]
    drawn_at: Mapped[datetime]
    approval_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("approval.approval_id")
    )  # None: a draft; so below
    issued_at: Mapped[datetime | None]
    disputable_until: Mapped[date | None]
    settlement_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("net_settlement.settlement_id")
    )  # None: not netted

    @property
    def moved_fen(self) -> int:
        """What the period itself came to, without what was unpaid before."""
        return self.due_fen - self.opening_fen


class StatementEvent(Base):
    """A state that a statement came to."""

    __tablename__ = "statement_event"

    statement_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("settlement_statement.statement_id"),
        primary_key=True,
    )
    state: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]


class StatementLine(Base):
    """One event on a statement, priced; no event is ever on two of them."""

    __tablename__ = "statement_line"
    __table_args__ = (
        UniqueConstraint(
            "partner",
            "kind",
            "member_id",
            "event_ref",
            "sub_ref",
            name="statement_line_billed_once",
        ),
        CheckConstraint(_one_of("kind", LINE_KINDS), name="kind_known"),
    )

    statement_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("settlement_statement.statement_id"),
        primary_key=True,
        autoincrement=False,
    )
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    partner: Mapped[str]
    kind: Mapped[str]
    member_id: Mapped[int] = mapped_column(BigInteger)  # 0: about no member
    event_ref: Mapped[str]
    sub_ref: Mapped[str]  # which return of a redemption; else empty
    about: Mapped[str]  # an activity, an item, a cause
    effective_on: Mapped[date]  # the accounting day
    occurred_on: Mapped[date]  # the day it happened on
    rate_version: Mapped[str | None]  # None: at the price of its own event
    unit: Mapped[str | None]  # None: money itself
    units: Mapped[int] = mapped_column(BigInteger)
    price_num: Mapped[int] = mapped_column(BigInteger)  # fen for
    price_den: Mapped[int] = mapped_column(BigInteger)  # so many units
    billing_pct: Mapped[int]
    fee_fen: Mapped[int] = mapped_column(BigInteger)  # of it for the service
    parts: Mapped[Decimal] = mapped_column(Numeric(30, 0))  # of a fen, exact
    fen: Mapped[int] = mapped_column(BigInteger)  # above zero: the partner owes us


class NetSettlement(Base):
    """What statements of a partner come to together, and what was paid of it.

    What is above zero the partner pays us, what is below we pay.
    """

    __tablename__ = "net_settlement"
    __table_args__ = (
        CheckConstraint("net_fen = receivable_fen - payable_fen", name="nets"),
        CheckConstraint(
            "paid_fen = 0 OR sign(paid_fen) = sign(net_fen)"
            " AND abs(paid_fen) <= abs(net_fen)",
            name="never_overpaid",
        ),
        Index(None, "partner"),
    )

    settlement_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    currency: Mapped[str]
    call_on: Mapped[date]
    netted_on: Mapped[date]  # the accounting day
    receivable_fen: Mapped[int] = mapped_column(BigInteger)
    payable_fen: Mapped[int] = mapped_column(BigInteger)
    net_fen: Mapped[int] = mapped_column(BigInteger)
    paid_fen: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    made_by: Mapped[str]
    made_at: Mapped[datetime]

    @property
    def open_fen(self) -> int:
        """What is still to be paid."""
        return self.net_fen - self.paid_fen


class SettlementPayment(Base):
    """A payment of what was netted, or what two people have written off of it."""

    __tablename__ = "settlement_payment"
    __table_args__ = (
        UniqueConstraint("settlement_id", "bank_ref"),
        CheckConstraint(_one_of("kind", PAYMENT_KINDS), name="kind_known"),
        CheckConstraint("fen <> 0", name="pays_something"),
        CheckConstraint(
            "(kind = 'written_off') = (approval_id IS NOT NULL)",
            name="written_off_by_two",
        ),
        Index(None, "paid_on"),
    )

    settlement_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("net_settlement.settlement_id"),
        primary_key=True,
        autoincrement=False,
    )
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    fen: Mapped[int] = mapped_column(BigInteger)  # above zero: it came to us
    paid_on: Mapped[date]  # the accounting day
    original_on: Mapped[date]  # the day on the bank's advice
    bank_ref: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
    approval_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("approval.approval_id")
    )  # None: it was paid


class PartnerFee(Base):
    """What a partner pays for lines that came late or wrong; never changed."""

    __tablename__ = "partner_fee"
    __table_args__ = (
        CheckConstraint(_one_of("cause", FEE_CAUSES), name="cause_known"),
        CheckConstraint("fen > 0 AND points > 0", name="costs_something"),
        Index(None, "charged_on"),
    )

    approval_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("approval.approval_id"),
        primary_key=True,
        autoincrement=False,
    )
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    cause: Mapped[str]
    about: Mapped[str]  # which lines
    points: Mapped[int | None] = mapped_column(BigInteger)  # None: charged in money
    fen: Mapped[int] = mapped_column(BigInteger)
    charged_on: Mapped[date]  # the accounting day
    original_on: Mapped[date]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]


class PartnerPurchase(Base):
    """Our own products that a partner bought: revenue, never a cost (domain.md A12)."""

    __tablename__ = "partner_purchase"
    __table_args__ = (
        UniqueConstraint("partner", "order_ref"),
        CheckConstraint(
            "quantity > 0 AND price_fen > 0 AND fen = quantity * price_fen",
            name="adds_up",
        ),
        Index(None, "ordered_on"),
    )

    approval_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("approval.approval_id"),
        primary_key=True,
        autoincrement=False,
    )
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    order_ref: Mapped[str]  # the partner's number for it
    item_code: Mapped[str] = mapped_column(ForeignKey("catalogue_item.item_code"))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    fen: Mapped[int] = mapped_column(BigInteger)
    ordered_on: Mapped[date]  # the accounting day
    original_on: Mapped[date]
    recorded_at: Mapped[datetime]


class PartnerAdjustment(Base):
    """What two people have corrected of what a partner owes, with their reason."""

    __tablename__ = "partner_adjustment"
    __table_args__ = (
        CheckConstraint("fen <> 0", name="changes_something"),
        Index(None, "adjusted_on"),
    )

    approval_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("approval.approval_id"),
        primary_key=True,
        autoincrement=False,
    )
    partner: Mapped[str] = mapped_column(ForeignKey("partner.partner"))
    about: Mapped[str]  # which line, statement or fact
    fen: Mapped[int] = mapped_column(BigInteger)  # above zero: the partner owes more
    adjusted_on: Mapped[date]  # the accounting day
    original_on: Mapped[date]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]

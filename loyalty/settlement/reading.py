"""Read statements and their lines, what stands behind each, settlements, charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from loyalty.settlement.drawing import Waiting, to_draw
from loyalty.settlement.errors import UnknownSettlement, UnknownStatement
from loyalty.settlement.models import (
    NetSettlement,
    PartnerAdjustment,
    PartnerFee,
    PartnerPurchase,
    SettlementPayment,
    SettlementStatement,
    StatementEvent,
    StatementLine,
)
from loyalty.settlement.rules import ANSWER_WITHIN, GROUPS, SHOWN_STATES

LISTED_MAX: Final = 500

_GROUP_OF: Final = {kind: group for group, kinds in GROUPS.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class Sum:
    """All lines of one kind on a statement, at one version of its rate."""

    group: str
    kind: str
    unit: str | None  # None: money itself
    rate_version: str | None  # None: at the prices of the events
    lines: int
    units: int
    fee_fen: int
    fen: int


@dataclass(frozen=True, slots=True)
class Behind:
    """A transfer of the books behind a line."""

    entry_id: UUID
    line: int
    kind: str
    debit: str
    credit: str
    unit: str
    amount: int
    effective_on: date
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What of settlement is still to be done for the days until one."""

    unstated: Sequence[Waiting]  # partners with anything on no statement
    drafts: Sequence[SettlementStatement]
    issued: int
    disputes_open: int
    disputes_overdue: int  # of these, longer than an answer may take
    unpaid_fen: int  # netted and not paid, either way

    @property
    def is_stated(self) -> bool:
        """Whether all that happened stands on statements that were issued."""
        return not self.unstated and not self.drafts


_BEHIND = text(
    """
    SELECT t.id, t.line, t.kind, t.debit, t.credit, t.unit, t.amount, t.effective_on,
           t.occurred_at
      FROM ledger.transfer t
     WHERE t.member_id = :member AND t.id = ANY (ARRAY(
           SELECT r.entry_id FROM ledger.reference r
            WHERE :kind IN ('accrued', 'reversed') AND r.member_id = :member
              AND r.reference = 'activity:' || :partner || '/' || :event
           UNION ALL
           SELECT r.entry_id FROM ledger.reference r
            WHERE :kind IN ('given', 'taken_back') AND r.member_id = :member
              AND r.reference = :event
           UNION ALL
           SELECT CAST(CASE WHEN :kind IN ('honored', 'honor_returned') THEN :event END
                       AS uuid)
           UNION ALL
           SELECT r.entry_id FROM redemption r
            WHERE :kind = 'redeemed' AND r.member_id = :member
              AND r.redemption_ref = :event
           UNION ALL
           SELECT b.entry_id FROM redemption_return b
            WHERE :kind = 'returned' AND b.member_id = :member
              AND b.redemption_ref = :event AND b.return_ref = :sub
           UNION ALL
           SELECT e.entry_id FROM exchange e
            WHERE :kind IN ('exchanged_in', 'exchanged_out') AND e.member_id = :member
              AND e.exchange_ref = :event
           UNION ALL
           SELECT v.entry_id FROM exchange_reversal v
            WHERE :kind IN ('exchange_in_reversed', 'exchange_out_reversed')
              AND v.member_id = :member AND v.exchange_ref = :event))
     ORDER BY t.id, t.line
    """
)

_STANDING = text(
    """
    SELECT (SELECT count(*) FROM settlement_statement
             WHERE period = :period AND state <> 'draft') AS issued,
           (SELECT count(*) FROM dispute
             WHERE state = 'open' AND period <= :period) AS disputes_open,
           (SELECT count(*) FROM dispute WHERE state = 'open' AND period <= :period
               AND raised_at < :answered_since) AS disputes_overdue,
           (SELECT coalesce(sum(abs(n.net_fen - n.paid_fen)), 0) FROM net_settlement n
             WHERE EXISTS (SELECT FROM settlement_statement s
                            WHERE s.settlement_id = n.settlement_id
                              AND s.period <= :period)) AS unpaid_fen
    """
)


def statements(
    session: Session,
    *,
    partner: str | None = None,
    state: str | None = None,
    period: date | None = None,
    limit: int = LISTED_MAX,
) -> Sequence[SettlementStatement]:
    """Return statements, the newest period first."""
    wanted: list[ColumnElement[bool]] = []
    if partner is not None:
        wanted.append(SettlementStatement.partner == partner)
    if state is not None:
        wanted.append(SettlementStatement.state == state)
    if period is not None:
        wanted.append(SettlementStatement.period == period)
    return session.scalars(
        select(SettlementStatement)
        .where(*wanted)
        .order_by(
            SettlementStatement.last_on.desc(),
            SettlementStatement.partner,
            SettlementStatement.statement_id,
        )
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()


def statement(session: Session, *, statement_id: int) -> SettlementStatement:
    """Return a statement, whoever's it is.

    Raises `UnknownStatement`.
    """
    found = session.get(SettlementStatement, statement_id, populate_existing=True)
    if found is None:
        raise UnknownStatement
    return found


def shown(
    session: Session, *, partner: str, after: int | None, limit: int
) -> Sequence[SettlementStatement]:
    """Return the statements that a partner may see, the last issued first.

    `after`: those before the one of that number.
    """
    wanted = [
        SettlementStatement.partner == partner,
        SettlementStatement.state.in_(SHOWN_STATES),
    ]
    if after is not None:
        wanted.append(SettlementStatement.statement_id < after)
    return session.scalars(
        select(SettlementStatement)
        .where(*wanted)
        .order_by(SettlementStatement.statement_id.desc())
        .limit(limit)
    ).all()


def shown_one(
    session: Session, *, partner: str, period: date, nth: int
) -> SettlementStatement:
    """Return a statement that a partner may see.

    Raises `UnknownStatement`.
    """
    found = session.scalar(
        select(SettlementStatement).where(
            SettlementStatement.partner == partner,
            SettlementStatement.period == period,
            SettlementStatement.nth == nth,
            SettlementStatement.state.in_(SHOWN_STATES),
        )
    )
    if found is None:
        raise UnknownStatement
    return found


def lines(
    session: Session,
    *,
    statement_id: int,
    kind: str | None = None,
    after: int = 0,
    limit: int | None,
) -> Sequence[StatementLine]:
    """Return lines of a statement in their order, from a number on; None: all."""
    wanted = [
        StatementLine.statement_id == statement_id,
        StatementLine.line_no > after,
    ]
    if kind is not None:
        wanted.append(StatementLine.kind == kind)
    return session.scalars(
        select(StatementLine)
        .where(*wanted)
        .order_by(StatementLine.line_no)
        .limit(limit)
    ).all()


def line(session: Session, *, statement_id: int, line_no: int) -> StatementLine:
    """Return one line of a statement.

    Raises `UnknownStatement`.
    """
    found = session.get(StatementLine, (statement_id, line_no))
    if found is None:
        raise UnknownStatement
    return found


def behind(session: Session, *, of: StatementLine) -> list[Behind]:
    """Return the transfers of the books behind a line; none: it is money alone."""
    rows = session.execute(
        _BEHIND,
        {
            "member": of.member_id,
            "kind": of.kind,
            "partner": of.partner,
            "event": of.event_ref,
            "sub": of.sub_ref,
        },
    )
    return [Behind(*row) for row in rows]


def sums(session: Session, *, statement_id: int) -> list[Sum]:
    """Return what the lines of a statement come to, by kind, unit and rate."""
    rows = session.execute(
        text(
            """
            SELECT kind, unit, rate_version, count(*) AS lines, sum(units) AS units,
                   sum(fee_fen) AS fee_fen, sum(fen) AS fen
              FROM statement_line WHERE statement_id = :statement
             GROUP BY kind, unit, rate_version
             ORDER BY kind, unit NULLS LAST, rate_version NULLS LAST
            """
        ),
        {"statement": statement_id},
    )
    found = [
        Sum(
            _GROUP_OF[row.kind],
            row.kind,
            row.unit,
            row.rate_version,
            int(row.lines),
            int(row.units),
            int(row.fee_fen),
            int(row.fen),
        )
        for row in rows
    ]
    order = list(GROUPS)
    return sorted(found, key=lambda one: order.index(one.group))


def history(session: Session, *, statement_id: int) -> Sequence[StatementEvent]:
    """Return the states that a statement came to, in their order."""
    found = session.scalars(
        select(StatementEvent).where(StatementEvent.statement_id == statement_id)
    ).all()
    order = ("draft", *SHOWN_STATES)
    return sorted(found, key=lambda one: order.index(one.state))


def settlements(
    session: Session, *, partner: str | None = None, limit: int = LISTED_MAX
) -> Sequence[NetSettlement]:
    """Return what was netted, the newest first."""
    wanted = select(NetSettlement).order_by(NetSettlement.settlement_id.desc())
    if partner is not None:
        wanted = wanted.where(NetSettlement.partner == partner)
    return session.scalars(wanted.limit(limit)).all()


def settlement(session: Session, *, settlement_id: int) -> NetSettlement:
    """Return one settlement.

    Raises `UnknownSettlement`.
    """
    found = session.get(NetSettlement, settlement_id)
    if found is None:
        raise UnknownSettlement
    return found


def netted(session: Session, *, settlement_id: int) -> Sequence[SettlementStatement]:
    """Return the statements that a settlement nets, in their order."""
    return session.scalars(
        select(SettlementStatement)
        .where(SettlementStatement.settlement_id == settlement_id)
        .order_by(SettlementStatement.last_on)
    ).all()


def payments(session: Session, *, settlement_id: int) -> Sequence[SettlementPayment]:
    """Return what was paid or written off of a settlement, in its order."""
    return session.scalars(
        select(SettlementPayment)
        .where(SettlementPayment.settlement_id == settlement_id)
        .order_by(SettlementPayment.nth)
    ).all()


def fees(session: Session, *, limit: int = LISTED_MAX) -> Sequence[PartnerFee]:
    """Return what was charged for lines that came late or wrong, the newest first."""
    return session.scalars(
        select(PartnerFee).order_by(PartnerFee.approval_id.desc()).limit(limit)
    ).all()


def purchases(
    session: Session, *, limit: int = LISTED_MAX
) -> Sequence[PartnerPurchase]:
    """Return what partners bought, the newest first."""
    return session.scalars(
        select(PartnerPurchase)
        .order_by(PartnerPurchase.approval_id.desc())
        .limit(limit)
    ).all()


def adjustments(
    session: Session, *, limit: int = LISTED_MAX
) -> Sequence[PartnerAdjustment]:
    """Return what was corrected of what partners owe, the newest first."""
    return session.scalars(
        select(PartnerAdjustment)
        .order_by(PartnerAdjustment.approval_id.desc())
        .limit(limit)
    ).all()


def standing(session: Session, *, period: date, at: datetime) -> Standing:
    """Return what of a month and of all before it is not settled yet.

    `period` is the month's first day. What is late is so at a time.
    """
    last = _last_day(period)
    drafts = session.scalars(
        select(SettlementStatement)
        .where(
            SettlementStatement.state == "draft",
            SettlementStatement.first_on <= last,
        )
        .order_by(SettlementStatement.partner)
    ).all()
    row = session.execute(
        _STANDING, {"period": period, "answered_since": at - ANSWER_WITHIN}
    ).one()
    return Standing(
        unstated=to_draw(session, through=last),
        drafts=drafts,
        issued=int(row.issued),
        disputes_open=int(row.disputes_open),
        disputes_overdue=int(row.disputes_overdue),
        unpaid_fen=int(row.unpaid_fen),
    )


def _last_day(period: date) -> date:
    following = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)

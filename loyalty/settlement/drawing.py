"""Draw up statements: everything that is on none yet, as one set.

A draft grows each time it is drawn up. Those who draw up for one partner take turns,
and the database lets no event stand on two statements.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from loyalty.settings import TIME_ZONE
from loyalty.settlement.calendars import (
    calendar_of,
    clearance_on,
    latest_closed,
)
from loyalty.settlement.errors import (
    EarlierDraft,
    NothingToState,
    PeriodAhead,
    PeriodStated,
)
from loyalty.settlement.facts import UNBILLED
from loyalty.settlement.models import (
    NetSettlement,
    SettlementStatement,
    StatementEvent,
)
from loyalty.settlement.rules import (
    CURRENCY,
    GROUPS,
    MONTHLY,
    PARTS,
    Clearance,
    month_of,
)

# What rounding left over before is part of the running sum, so that all lines of a
# partner ever come to their exact sum, rounded once.
_DRAW = text(
    f"""
    WITH fresh AS MATERIALIZED (
        SELECT u.* FROM ({UNBILLED}) u
         WHERE u.partner = :partner AND u.effective_on <= :last_on
    ), running AS (
        SELECT f.*, row_number() OVER w AS nth,
               CAST(:remainder AS numeric) + sum(parts) OVER w AS upto
          FROM fresh f
        WINDOW w AS (ORDER BY effective_on, kind, member_id, event_ref, sub_ref
                     ROWS UNBOUNDED PRECEDING)
    )
    INSERT INTO statement_line (statement_id, line_no, partner, kind, member_id,
        event_ref, sub_ref, about, effective_on, occurred_on, rate_version, unit, units,
        price_num, price_den, billing_pct, fee_fen, parts, fen)
    SELECT :statement, :lines + nth, partner, kind, member_id, event_ref, sub_ref,
           about, effective_on, occurred_on, rate_version, unit, units, price_num,
           price_den, billing_pct, fee_fen, parts,
           floor((upto + {PARTS // 2}) / {PARTS})
               - floor((upto - parts + {PARTS // 2}) / {PARTS})
      FROM running ORDER BY nth
    """
)

_ROLL_DISPUTES = text(
    """
    UPDATE dispute d SET state = 'settled', settled_in = l.statement_id
      FROM statement_line l
     WHERE l.statement_id = :statement AND l.kind = 'dispute'
       AND d.dispute_id = l.event_ref AND d.state = 'accepted'
    """
)

_SUMS = text(
    f"""
    SELECT count(*) AS lines, coalesce(sum(parts), 0) - {PARTS} * coalesce(sum(fen), 0)
               AS left_over,
           {
        ", ".join(
            f"coalesce(sum(fen) FILTER (WHERE kind = ANY(:{group})), 0) AS {group}"
            for group in GROUPS
        )
    }
      FROM statement_line WHERE statement_id = :statement
    """
)

_TO_DRAW = text(
    f"""
    SELECT u.partner, coalesce(t.calendar, :calendar) AS calendar,
           min(u.effective_on) AS first_on, max(u.effective_on) AS last_on
      FROM ({UNBILLED}) u LEFT JOIN settlement_terms t USING (partner)
     WHERE u.effective_on <= :through
     GROUP BY 1, 2 ORDER BY 1
    """
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A partner with something on no statement yet."""

    partner: str
    calendar: str
    first_on: date
    last_on: date


def draw_up(
    session: Session, *, partner: str, day: date, actor: str, at: datetime
) -> SettlementStatement:
    """Draw up the statement of the period that a day lies in, by the calendar.

    Raises as `draw_up_period`, and `UnknownClearance`.
    """
    period = clearance_on(
        session, calendar=calendar_of(session, partner=partner), day=day
    )
    return draw_up_period(session, partner=partner, period=period, actor=actor, at=at)


def draw_up_period(
    session: Session, *, partner: str, period: Clearance, actor: str, at: datetime
) -> SettlementStatement:
    """Put everything until a period's end that is on no statement onto its draft.

    What came late comes along, whatever period it belongs to. Raises `PeriodAhead`,
    `EarlierDraft`, `PeriodStated` and `NothingToState`.
    """
    if period.first_on > at.astimezone(TIME_ZONE).date():
        raise PeriodAhead
    take_turns(session, partner=partner)
    draft = _draft(session, partner, period)
    with session.begin_nested():  # nothing stays of a draft with nothing on it
        if draft is None:
            draft = _begun(session, partner, period, actor=actor, at=at)
        session.execute(
            _DRAW,
            {
                "statement": draft.statement_id,
                "partner": partner,
                "last_on": period.last_on,
                "remainder": draft.remainder_parts,
                "lines": draft.lines,
            },
        )
        session.execute(_ROLL_DISPUTES, {"statement": draft.statement_id})
        add_up(session, draft, actor=actor, at=at)
        if draft.lines == 0:
            raise NothingToState(partner=partner)
    return draft


def draw_due(
    session: Session, *, waiting: Waiting, on: date, actor: str, at: datetime
) -> SettlementStatement | None:
    """Draw up what a partner waits for, if its period has closed by a day; None: no.

    Where an earlier draft has to be issued first, or nothing is due, nothing is done.
    """
    period = latest_closed(session, calendar=waiting.calendar, on=on)
    if period is None or waiting.first_on > period.last_on:
        return None
    try:
        return draw_up_period(
            session, partner=waiting.partner, period=period, actor=actor, at=at
        )
    except (EarlierDraft, NothingToState, PeriodStated):
        return None


def to_draw(session: Session, *, through: date) -> list[Waiting]:
    """Return the partners with anything until a day that is on no statement yet."""
    rows = session.execute(_TO_DRAW, {"through": through, "calendar": MONTHLY})
    return [Waiting(*row) for row in rows]


def add_up(
    session: Session, statement: SettlementStatement, *, actor: str, at: datetime
) -> None:
    """Write onto a draft what its lines come to, and what was unpaid before it."""
    facts: dict[str, object] = {name: list(kinds) for name, kinds in GROUPS.items()}
    sums = session.execute(_SUMS, facts | {"statement": statement.statement_id}).one()
    before = _remainder_before(session, statement)
    statement.lines = int(sums.lines)
    statement.opening_fen = opening_of(session, statement)
    statement.receivable_fen = int(sums.receivable)
    statement.payable_fen = -int(sums.payable)
    statement.adjusted_fen = int(sums.adjusted)
    statement.disputed_fen = int(sums.disputed)
    statement.due_fen = (
        statement.opening_fen
        + statement.receivable_fen
        - statement.payable_fen
        + statement.adjusted_fen
        + statement.disputed_fen
    )
    statement.remainder_parts = before + sums.left_over
    statement.drawn_by, statement.drawn_at = actor, at
    session.flush()


def opening_of(session: Session, statement: SettlementStatement) -> int:
    """Return what earlier statements of the partner came to and nobody has paid."""
    moved = session.scalar(
        select(
            func.sum(SettlementStatement.due_fen - SettlementStatement.opening_fen)
        ).where(*_earlier(statement))
    )
    paid = session.scalar(
        select(func.sum(NetSettlement.paid_fen)).where(
            NetSettlement.partner == statement.partner,
            NetSettlement.currency == statement.currency,
        )
    )
    return int(moved or 0) - int(paid or 0)


def take_turns(session: Session, *, partner: str) -> None:
    """Keep others from moving statements of a partner until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"statements {partner}"},
    )


def _draft(
    session: Session, partner: str, period: Clearance
) -> SettlementStatement | None:
    """Return the draft of a period, locked; None: it is to be begun."""
    latest = session.scalar(
        select(SettlementStatement)
        .where(
            SettlementStatement.partner == partner,
            SettlementStatement.currency == CURRENCY,
        )
        .order_by(SettlementStatement.last_on.desc(), SettlementStatement.nth.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if latest is None:
        return None
    if latest.state == "draft":
        if latest.last_on != period.last_on:
            raise EarlierDraft(last_on=latest.last_on)
        return latest
    if latest.last_on >= period.last_on:
        raise PeriodStated(last_on=latest.last_on)
    return None


def _begun(
    session: Session, partner: str, period: Clearance, *, actor: str, at: datetime
) -> SettlementStatement:
    month = month_of(period.last_on)
    nth = session.scalar(
        select(func.coalesce(func.max(SettlementStatement.nth), 0) + 1).where(
            SettlementStatement.partner == partner,
            SettlementStatement.currency == CURRENCY,
            SettlementStatement.period == month,
        )
    )
    draft = SettlementStatement(
        partner=partner,
        currency=CURRENCY,
        period=month,
        nth=nth,
        first_on=period.first_on,
        last_on=period.last_on,
        advice_on=period.advice_on,
        call_on=period.call_on,
        state="draft",
        state_at=at,
        lines=0,
        opening_fen=0,
        receivable_fen=0,
        payable_fen=0,
        adjusted_fen=0,
        disputed_fen=0,
        due_fen=0,
        remainder_parts=0,
        drawn_by=actor,
        drawn_at=at,
    )
    draft.remainder_parts = _remainder_before(session, draft)
    session.add(draft)
    session.flush()
    session.add(
        StatementEvent(
            statement_id=draft.statement_id, state="draft", at=at, actor=actor
        )
    )
    return draft


def _earlier(statement: SettlementStatement) -> tuple[ColumnElement[bool], ...]:
    return (
        SettlementStatement.partner == statement.partner,
        SettlementStatement.currency == statement.currency,
        SettlementStatement.last_on < statement.last_on,
    )


def _remainder_before(session: Session, statement: SettlementStatement) -> Decimal:
    left = session.scalar(
        select(SettlementStatement.remainder_parts)
        .where(*_earlier(statement))
        .order_by(SettlementStatement.last_on.desc())
        .limit(1)
    )
    return left or Decimal(0)

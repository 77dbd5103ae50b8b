"""Move statements on: issued by two people, disputed or agreed, closed in the end."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.events.operations import record as tell
from loyalty.settings import TIME_ZONE
from loyalty.settlement.drawing import opening_of, take_turns
from loyalty.settlement.errors import (
    DisputesOpen,
    EarlierDraft,
    PeriodRunning,
    StatementChanged,
    StatementMovedOn,
    UnknownStatement,
)
from loyalty.settlement.models import (
    Dispute,
    SettlementStatement,
    StatementEvent,
)
from loyalty.settlement.rules import RAISE_WITHIN, STATEMENT_STATES

ISSUE = "settlement.issue"
_BY_THE_CALENDAR = "calendar"

# Nobody has to look at these: the days have come, and nothing is disputed.
_MOVE_ON = """
WITH moved AS (
    UPDATE settlement_statement s SET state = :to, state_at = :at
     WHERE s.state = :state AND s.{day} {compared} :on {quiet}
    RETURNING statement_id
), told AS (
    INSERT INTO statement_event (statement_id, state, at, actor)
    SELECT statement_id, :to, :at, :actor FROM moved
)
SELECT count(*) FROM moved
"""
_QUIET = """
AND NOT EXISTS (SELECT FROM dispute d
                 WHERE d.statement_id = s.statement_id AND d.state = 'open')
"""


@dataclass(frozen=True, slots=True)
class MovedOn:
    """How many statements the calendar has moved."""

    opened: int
    agreed: int
    closed: int


def ask_issue(
    session: Session, *, statement_id: int, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for a draft to be issued; another person decides about these very sums.

    Raises `UnknownStatement`, `StatementMovedOn`, `PeriodRunning`, `EarlierDraft` and
    `AlreadyRequested`.
    """
    draft = _to_issue(session, statement_id, at=at)
    return request(
        session,
        action=ISSUE,
        subject=str(statement_id),
        before=None,
        after=_facts(draft),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_issue(
    session: Session, *, approval: Approval, at: datetime
) -> SettlementStatement:
    """Issue an approved draft as it was submitted, and tell the partner.

    Raises as `ask_issue` does, and `StatementChanged` where it has grown meanwhile.
    """
    assert (approval.action, approval.state) == (ISSUE, "approved")
    draft = _to_issue(session, int(approval.subject), at=at)
    if _facts(draft) != approval.after:
        raise StatementChanged
    draft.approval_id = approval.approval_id
    draft.issued_at = at
    draft.disputable_until = at.astimezone(TIME_ZONE).date() + RAISE_WITHIN
    move(session, draft, "issued", actor=f"staff:{approval.checker}", at=at)
    _take_over_disputes(session, draft)
    tell(
        session,
        partner=draft.partner,
        type_="statement.issued",
        data={
            "period": f"{draft.period:%Y-%m}",
            "nth": draft.nth,
            "from": draft.first_on.isoformat(),
            "to": draft.last_on.isoformat(),
            "lines": draft.lines,
            "due": _money(draft.due_fen, draft.currency),
            "disputable_until": draft.disputable_until.isoformat(),
            "call_on": draft.call_on.isoformat(),
        },
        at=at,
    )
    return draft


def agree(
    session: Session, *, statement_id: int, actor: str, at: datetime
) -> SettlementStatement:
    """Let a statement be agreed; one that is agreed already stays as it is.

    Raises `UnknownStatement`, `StatementMovedOn` and `DisputesOpen`.
    """
    found = held(session, statement_id)
    if found.state == "agreed":
        return found
    open_window(session, found, actor=actor, at=at)
    disputes = session.scalar(
        select(func.count())
        .select_from(Dispute)
        .where(Dispute.statement_id == statement_id, Dispute.state == "open")
    )
    if disputes:
        raise DisputesOpen(disputes=disputes)
    move(session, found, "agreed", actor=actor, at=at)
    return found


def open_window(
    session: Session, statement: SettlementStatement, *, actor: str, at: datetime
) -> None:
    """Let an issued statement be disputed or agreed, if it cannot be yet.

    Raises `StatementMovedOn`.
    """
    if statement.state == "issued":
        move(session, statement, "in_dispute_window", actor=actor, at=at)
    if statement.state != "in_dispute_window":
        raise StatementMovedOn(state=statement.state)


def move_on(session: Session, *, on: date, at: datetime) -> MovedOn:
    """Move what the calendar moves: windows open, silence agrees, what is paid ends.

    A statement with an open dispute waits for its answer.
    """

    def moved(state: str, to: str, day: str, compared: str, quiet: str) -> int:
        return int(
            session.scalar(
                text(_MOVE_ON.format(day=day, compared=compared, quiet=quiet)),
                {
                    "state": state,
                    "to": to,
                    "on": on,
                    "at": at,
                    "actor": _BY_THE_CALENDAR,
                },
            )
            or 0
        )

    return MovedOn(
        opened=moved("issued", "in_dispute_window", "advice_on", "<=", ""),
        agreed=moved("in_dispute_window", "agreed", "disputable_until", "<", _QUIET),
        closed=moved("paid", "closed", "disputable_until", "<", _QUIET),
    )


def held(session: Session, statement_id: int) -> SettlementStatement:
    """Return a statement that nobody else can move meanwhile.

    Raises `UnknownStatement`.
    """
    found = session.get(
        SettlementStatement, statement_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise UnknownStatement
    return found


def move(
    session: Session,
    statement: SettlementStatement,
    state: str,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Bring a statement to the state that follows its own.

    Raises `StatementMovedOn`.
    """
    following = STATEMENT_STATES.index(statement.state) + 1
    if STATEMENT_STATES[following : following + 1] != (state,):
        raise StatementMovedOn(state=statement.state)
    statement.state, statement.state_at = state, at
    session.add(
        StatementEvent(
            statement_id=statement.statement_id, state=state, at=at, actor=actor
        )
    )
    session.flush()


def _to_issue(
    session: Session, statement_id: int, *, at: datetime
) -> SettlementStatement:
    """Return a draft that may be issued now, with what is unpaid before it."""
    found = session.get(SettlementStatement, statement_id)
    if found is None:
        raise UnknownStatement
    take_turns(session, partner=found.partner)
    draft = held(session, statement_id)
    if draft.state != "draft":
        raise StatementMovedOn(state=draft.state)
    if draft.last_on >= at.astimezone(TIME_ZONE).date():
        raise PeriodRunning(last_on=draft.last_on)
    earlier = session.scalar(
        select(func.min(SettlementStatement.last_on)).where(
            SettlementStatement.partner == draft.partner,
            SettlementStatement.state == "draft",
            SettlementStatement.last_on < draft.last_on,
        )
    )
    if earlier is not None:
        raise EarlierDraft(last_on=earlier)
    moved = draft.moved_fen
    draft.opening_fen = opening_of(session, draft)
    draft.due_fen = draft.opening_fen + moved
    session.flush()
    return draft


def _facts(draft: SettlementStatement) -> dict[str, object]:
    return {
        "partner": draft.partner,
        "statement_month": f"{draft.period:%Y-%m}",
        "statement_lines": draft.lines,
        "opening_fen": draft.opening_fen,
        "receivable_fen": draft.receivable_fen,
        "payable_fen": draft.payable_fen,
        "adjusted_fen": draft.adjusted_fen,
        "disputed_fen": draft.disputed_fen,
        "due_fen": draft.due_fen,
    }


def _take_over_disputes(session: Session, statement: SettlementStatement) -> None:
    """Let what was disputed of the month before be about its statement."""
    session.execute(
        text(
            """
            UPDATE dispute SET statement_id = :statement
             WHERE partner = :partner AND period = :period AND state = 'open'
               AND statement_id IS NULL
            """
        ),
        {
            "statement": statement.statement_id,
            "partner": statement.partner,
            "period": statement.period,
        },
    )


def _money(fen: int, currency: str) -> dict[str, str]:
    sign = "-" if fen < 0 else ""
    amount = f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"
    return {"amount": amount, "currency": currency}

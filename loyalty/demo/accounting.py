"""What finance does about a month: match, estimate, issue a statement, sign off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import approve
from loyalty.closing import operations as closing
from loyalty.closing.queries import checklist
from loyalty.database import Database
from loyalty.demo.chance import last_day, month_after
from loyalty.demo.files import Row, write_feed
from loyalty.demo.shopping import BANK, INSURER
from loyalty.estimates import operations as estimates
from loyalty.estimates.outlook import Outlook, outlooks
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load
from loyalty.matching.operations import Matched, match
from loyalty.settlement.drawing import draw_up, to_draw
from loyalty.settlement.statements import apply_issue, ask_issue
from loyalty.staff.rules import Permission

_UNTOLD = 2  # lines that the bank has forgotten
_MEMO = "按节前活动的经验上调两个百分点"
_CARD_LINES = text(
    """
    SELECT partner_ref, occurred_on, CASE WHEN original_ref IS NULL THEN points
           ELSE -points END AS points, amount_fen, original_ref IS NULL AS is_accrual
      FROM activity
     WHERE partner = :partner AND points > 0
       AND occurred_on BETWEEN :first AND :last
     ORDER BY occurred_on, partner_ref
    """
)


@dataclass(frozen=True, slots=True)
class Team:
    """Who asks and who decides in finance, by their ids."""

    maker: int
    checker: int


@dataclass(frozen=True, slots=True)
class Accounted:
    """What finance has done about a month."""

    period: date
    steps: int  # ticked off
    matched: Matched | None  # None: the bank had no lines to tell of
    statement_fen: int | None  # what the insurer is owed; None: nothing
    estimated: int  # cohorts

    def __str__(self) -> str:
        said = [f"{self.steps} steps of {self.period:%Y-%m} ticked off and signed"]
        if self.matched is not None:
            said.append(
                f"the bank's file matched to {self.matched.percent} % with"
                f" {self.matched.breaks} breaks to settle"
            )
        if self.statement_fen is not None:
            yuan, fen = divmod(abs(self.statement_fen), 100)
            said.append(f"a statement of {yuan:,}.{fen:02} yuan issued to the insurer")
        if self.estimated:
            said.append(f"{self.estimated} cohort estimated anew")
        return ", ".join(said)


def account_for(
    database: Database, team: Team, *, folder: Path, period: date, at: datetime
) -> Accounted:
    """Do with a closed month what two people in finance do with it."""
    with database.unit_of_work() as session:
        steps = _sign_off(session, team, period=period, at=at)
        issued = _issue(session, team, period=period, at=at)
        estimated = _estimate(session, team, period=month_after(period, 1), at=at)
    return Accounted(
        period, steps, _match(database, folder, period, at), issued, estimated
    )


def _sign_off(session: Session, team: Team, *, period: date, at: datetime) -> int:
    """Tick all steps off, each by whose it is, and have the month signed."""
    steps = checklist(session, period=period, at=at).steps
    owners: Mapping[Permission, int] = {
        Permission.FINANCE_MAKE: team.maker,
        Permission.FINANCE_CHECK: team.checker,
    }
    for one in steps:
        closing.tick(
            session,
            period=period,
            step=one.step.code,
            note="已核对，次月跟进" if one.evidence.findings else None,
            staff_id=owners[one.step.owner],
            at=at,
        )
    asked = closing.ask_sign_off(
        session, period=period, reason="月末关账", maker=team.maker, at=at
    )
    closing.apply_sign_off(session, approval=_agreed(session, asked, team, at), at=at)
    return len(steps)


def _issue(session: Session, team: Team, *, period: date, at: datetime) -> int | None:
    """Issue the insurer its statement, if anything is on none yet."""
    through = last_day(period)
    if INSURER not in [one.partner for one in to_draw(session, through=through)]:
        return None
    actor = f"staff:{team.maker}"
    draft = draw_up(session, partner=INSURER, day=through, actor=actor, at=at)
    asked = ask_issue(
        session,
        statement_id=draft.statement_id,
        reason="月度对账单",
        maker=team.maker,
        at=at,
    )
    issued = apply_issue(session, approval=_agreed(session, asked, team, at), at=at)
    return issued.due_fen


def _estimate(session: Session, team: Team, *, period: date, at: datetime) -> int:
    """Expect a little more of the largest cohort than the terms say, by judgement."""
    found = [one for one in outlooks(session, period=period) if one.row.issued > 0]
    if not found:
        return 0
    largest = max(found, key=lambda one: one.row.issued)
    asked = estimates.ask_estimates(
        session,
        wanted={largest.cohort: _a_little_more(largest)},
        effective_in=period,
        basis=estimates.Basis.JUDGEMENT,
        memo=_MEMO,
        maker=team.maker,
        at=at,
    )
    estimates.apply_estimates(
        session, approval=_agreed(session, asked, team, at), at=at
    )
    return 1


def _a_little_more(one: Outlook) -> int:
    wished = int(one.expected) + one.row.issued * 2 // 100
    return max(one.row.floor, min(wished, one.most))


def _match(
    database: Database, folder: Path, period: date, at: datetime
) -> Matched | None:
    """Load what the bank tells of its month, faults included, and match it."""
    rows = _told(database, period)
    if not rows:
        return None
    path = write_feed(folder, "partner-statement", 1, rows, sender=BANK)
    load(database, FEEDS["partner-statement"], path)
    with database.unit_of_work() as session:
        return match(session, partner=BANK, period=period, actor="demo", at=at)


def _told(database: Database, period: date) -> list[Row]:
    """Return the bank's lines: some forgotten, one too many, one of another amount."""
    with database.unit_of_work() as session:
        days = {"first": period, "last": last_day(period)}
        known = session.execute(_CARD_LINES, {"partner": BANK} | days).all()
    if len(known) <= _UNTOLD + 1:
        return []
    lines = [
        [
            one.partner_ref,
            "",
            "accrual" if one.is_accrual else "reversal",
            one.occurred_on.isoformat(),
            one.points,
            _yuan(one.amount_fen),
            "posted",
        ]
        for one in known[_UNTOLD:]
    ]
    lines[0][5] = _yuan(known[_UNTOLD].amount_fen + 1_00)
    lines.append(
        ["CEB-99999", "", "accrual", period.isoformat(), 10, "100.00", "posted"]
    )
    return list(lines)


def _agreed(session: Session, asked: Approval, team: Team, at: datetime) -> Approval:
    return approve(
        session,
        approval_id=asked.approval_id,
        checker=team.checker,
        note=None,
        at=at,
    )


def _yuan(fen: int) -> str:
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{cents:02}"

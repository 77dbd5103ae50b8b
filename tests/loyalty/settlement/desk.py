"""A settlement desk: what a clerk and a finance manager do with statements."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from loyalty.approvals.operations import approve
from loyalty.settings import TIME_ZONE
from loyalty.settlement import charging, drawing, netting, operations, statements
from loyalty.settlement.models import SettlementStatement
from loyalty.settlement.rules import Clearance
from tests.loyalty.exchange.alliance import FROM_BANK, SENT_AT, Alliance, Carrier

NOVEMBER_5 = datetime(2007, 11, 5, 12, tzinfo=TIME_ZONE)
OCTOBER = Clearance(
    date(2007, 10, 1),
    date(2007, 10, 31),
    closure_on=date(2007, 11, 3),
    advice_on=date(2007, 11, 5),
    call_on=date(2007, 11, 20),
)
TO_NOVEMBER = replace(
    OCTOBER,
    last_on=date(2007, 11, 30),
    closure_on=date(2007, 12, 3),
    advice_on=date(2007, 12, 5),
    call_on=date(2007, 12, 20),
)
CLERK = "staff:1"


@dataclass
class Desk:
    """Two who settle with partners."""

    session: Session
    maker: int
    checker: int

    def draw(
        self,
        partner: str = "MU",
        *,
        period: Clearance = OCTOBER,
        at: datetime = NOVEMBER_5,
    ) -> SettlementStatement:
        return drawing.draw_up_period(
            self.session, partner=partner, period=period, actor=CLERK, at=at
        )

    def agreed(self, asked: Any, *, at: datetime = NOVEMBER_5) -> Any:
        """Have the other person agree to what was asked."""
        return approve(
            self.session,
            approval_id=asked.approval_id,
            checker=self.checker,
            note=None,
            at=at,
        )

    def asks(self, *, at: datetime = NOVEMBER_5) -> dict[str, Any]:
        return {"reason": "as agreed", "maker": self.maker, "at": at}

    def issue(
        self, draft: SettlementStatement, *, at: datetime = NOVEMBER_5
    ) -> SettlementStatement:
        asked = statements.ask_issue(
            self.session, statement_id=draft.statement_id, **self.asks(at=at)
        )
        return statements.apply_issue(
            self.session, approval=self.agreed(asked, at=at), at=at
        )

    def agree(
        self, statement: SettlementStatement, *, at: datetime = NOVEMBER_5
    ) -> SettlementStatement:
        return statements.agree(
            self.session, statement_id=statement.statement_id, actor=CLERK, at=at
        )

    def net(self, partner: str = "MU", *, at: datetime = NOVEMBER_5) -> Any:
        return netting.net(
            self.session, partner=partner, call_on=None, actor=CLERK, at=at
        )

    def pay(
        self, settlement: Any, fen: int, *, ref: str = "B-1", at: datetime = NOVEMBER_5
    ) -> Any:
        return netting.record_payment(
            self.session,
            settlement_id=settlement.settlement_id,
            fen=fen,
            paid_on=at.date(),
            bank_ref=ref,
            actor=CLERK,
            at=at,
        )

    def accept(self, dispute: Any, fen: int, *, at: datetime = NOVEMBER_5) -> Any:
        """Grant what is disputed, and so much money."""
        asked = operations.ask_acceptance(
            self.session,
            dispute_id=dispute.dispute_id,
            answer="you are right",
            granted_fen=fen,
            maker=self.maker,
            at=at,
        )
        return operations.apply_acceptance(
            self.session, approval=self.agreed(asked, at=at), at=at
        )

    def adjust(self, fen: int, *, about: str = "T-1", at: datetime = NOVEMBER_5) -> Any:
        asked = charging.ask_adjustment(
            self.session,
            partner="MU",
            about=about,
            fen=fen,
            on=at.date(),
            **self.asks(at=at),
        )
        return charging.apply_adjustment(
            self.session, approval=self.agreed(asked, at=at), at=at
        )


def desk_of(alliance: Alliance) -> Desk:
    return Desk(alliance.session, alliance.maker, alliance.checker)


def exchange_both_ways(alliance: Alliance, carrier: Carrier) -> None:
    """Have the airline be owed T7's 80.00 yuan, and owe T8's 45.00."""
    alliance.rate("MU", "in", replace(FROM_BANK, from_unit="MILE"))
    member = alliance.member(12_000)
    alliance.bind(member)
    out = alliance.out(member, 10_000)
    assert alliance.advance(carrier, member, out, at=SENT_AT) == "confirmed"
    at = SENT_AT + timedelta(hours=1)
    quote = alliance.quote(50_000, units_of="MILE", into="CUP", at=at)
    back = alliance.request(member, quote, at=at).exchange_ref
    assert alliance.advance(carrier, member, back, at=at) == "confirmed"

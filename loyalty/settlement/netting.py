"""Net what was agreed with a partner, and write down what was paid of it.

What is paid frees the partner's credit: it owes again from the day after on.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.prepaid.credit import settle_through
from loyalty.settings import TIME_ZONE
from loyalty.settlement.calendars import booked_on
from loyalty.settlement.drawing import take_turns
from loyalty.settlement.errors import (
    DayAhead,
    NothingAgreed,
    Overpaid,
    PaymentKnown,
    UnknownSettlement,
)
from loyalty.settlement.models import (
    NetSettlement,
    SettlementPayment,
    SettlementStatement,
)
from loyalty.settlement.rules import CURRENCY
from loyalty.settlement.statements import move

WRITE_OFF = "settlement.write_off"

_SETTLED_THROUGH = text(
    """
    SELECT max(s.last_on) FROM settlement_statement s
     WHERE s.partner = :partner AND s.state IN ('paid', 'closed')
       AND NOT EXISTS (SELECT FROM settlement_statement e
                        WHERE e.partner = s.partner AND e.last_on <= s.last_on
                          AND e.state NOT IN ('paid', 'closed'))
    """
)


def net(
    session: Session,
    *,
    partner: str,
    call_on: date | None,
    actor: str,
    at: datetime,
    currency: str = CURRENCY,
) -> NetSettlement:
    """Net the agreed statements of a partner in one currency, called until a day.

    None: all of them. What was unpaid before stays on its own settlement. Where they
    come to nothing, they are paid. Raises `NothingAgreed`.
    """
    take_turns(session, partner=partner)
    agreed = session.scalars(
        select(SettlementStatement)
        .where(
            SettlementStatement.partner == partner,
            SettlementStatement.currency == currency,
            SettlementStatement.state == "agreed",
            SettlementStatement.call_on <= (call_on or date.max),
        )
        .order_by(SettlementStatement.last_on)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not agreed:
        raise NothingAgreed(partner=partner)
    # What was corrected stands with what the partner owes, for the better or worse.
    payable = sum(one.payable_fen for one in agreed)
    receivable = sum(one.moved_fen for one in agreed) + payable
    settlement = NetSettlement(
        partner=partner,
        currency=currency,
        call_on=max(one.call_on for one in agreed),
        netted_on=booked_on(session, at.astimezone(TIME_ZONE).date()),
        receivable_fen=receivable,
        payable_fen=payable,
        net_fen=receivable - payable,
        paid_fen=0,
        made_by=actor,
        made_at=at,
    )
    session.add(settlement)
    session.flush()
    for one in agreed:
        one.settlement_id = settlement.settlement_id
        move(session, one, "netted", actor=actor, at=at)
    _end_if_paid(session, settlement, agreed, actor=actor, at=at)
    return settlement


def record_payment(
    session: Session,
    *,
    settlement_id: int,
    fen: int,
    paid_on: date,
    bank_ref: str,
    actor: str,
    at: datetime,
) -> SettlementPayment:
    """Write a payment down, or a part of one; the last one ends the settlement.

    `fen` is above zero for what came to us. Sent again with the same content it is the
    same payment. Raises `UnknownSettlement`, `DayAhead`, `PaymentKnown`, `Overpaid`.
    """
    settlement = _held(session, settlement_id)
    known = session.scalar(
        select(SettlementPayment).where(
            SettlementPayment.settlement_id == settlement_id,
            SettlementPayment.bank_ref == bank_ref,
        )
    )
    if known is not None:
        if (known.kind, known.fen, known.original_on) != ("paid", fen, paid_on):
            raise PaymentKnown(bank_ref=bank_ref)
        return known
    if paid_on > at.astimezone(TIME_ZONE).date():
        raise DayAhead
    return _paid(
        session,
        settlement,
        kind="paid",
        fen=fen,
        paid_on=paid_on,
        bank_ref=bank_ref,
        approval_id=None,
        actor=actor,
        at=at,
    )


def ask_write_off(
    session: Session, *, settlement_id: int, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask to expect no more of a settlement than was paid; two people decide.

    Raises `UnknownSettlement`, `Overpaid` where nothing is open, and
    `AlreadyRequested`.
    """
    settlement = _held(session, settlement_id)
    if settlement.open_fen == 0:
        raise Overpaid(open_fen=0)
    return request(
        session,
        action=WRITE_OFF,
        subject=str(settlement_id),
        before={"paid_fen": settlement.paid_fen},
        after={
            "partner": settlement.partner,
            "net_fen": settlement.net_fen,
            "written_off_fen": settlement.open_fen,
        },
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_write_off(
    session: Session, *, approval: Approval, at: datetime
) -> SettlementPayment:
    """Write off what two people have agreed to, unless some of it was paid meanwhile.

    Raises `Overpaid`.
    """
    assert (approval.action, approval.state) == (WRITE_OFF, "approved")
    settlement = _held(session, int(approval.subject))
    fen = int(approval.after["written_off_fen"])
    if fen != settlement.open_fen:
        raise Overpaid(open_fen=settlement.open_fen)
    return _paid(
        session,
        settlement,
        kind="written_off",
        fen=fen,
        paid_on=at.astimezone(TIME_ZONE).date(),
        bank_ref=f"approval:{approval.approval_id}",
        approval_id=approval.approval_id,
        actor=f"staff:{approval.checker}",
        at=at,
    )


def _paid(
    session: Session,
    settlement: NetSettlement,
    *,
    kind: str,
    fen: int,
    paid_on: date,
    bank_ref: str,
    approval_id: int | None,
    actor: str,
    at: datetime,
) -> SettlementPayment:
    open_fen = settlement.open_fen
    if fen == 0 or fen * open_fen <= 0 or abs(fen) > abs(open_fen):
        raise Overpaid(open_fen=open_fen)
    nth = session.scalar(
        select(func.coalesce(func.max(SettlementPayment.nth), 0) + 1).where(
            SettlementPayment.settlement_id == settlement.settlement_id
        )
    )
    payment = SettlementPayment(
        settlement_id=settlement.settlement_id,
        nth=nth,
        kind=kind,
        fen=fen,
        paid_on=booked_on(session, paid_on),
        original_on=paid_on,
        bank_ref=bank_ref,
        approval_id=approval_id,
        actor=actor,
        at=at,
    )
    session.add(payment)
    settlement.paid_fen += fen
    session.flush()
    statements = session.scalars(
        select(SettlementStatement)
        .where(SettlementStatement.settlement_id == settlement.settlement_id)
        .order_by(SettlementStatement.last_on)
    ).all()
    _end_if_paid(session, settlement, statements, actor=actor, at=at)
    return payment


def _end_if_paid(
    session: Session,
    settlement: NetSettlement,
    statements: Sequence[SettlementStatement],
    *,
    actor: str,
    at: datetime,
) -> None:
    """Let statements be paid once nothing of them is open, and free the credit."""
    if settlement.open_fen != 0:
        return
    for one in statements:
        move(session, one, "paid", actor=actor, at=at)
    through = session.scalar(_SETTLED_THROUGH, {"partner": settlement.partner})
    if through is not None:
        settle_through(session, partner=settlement.partner, day=through, at=at)


def _held(session: Session, settlement_id: int) -> NetSettlement:
    """Return a settlement that nobody else can pay meanwhile."""
    found = session.get(NetSettlement, settlement_id)
    if found is None:
        raise UnknownSettlement
    take_turns(session, partner=found.partner)
    session.refresh(found, with_for_update=True)
    return found
